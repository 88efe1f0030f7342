"""T1, T4, T10, T11: what a task is, its shape, its options, its manifest."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from pydantic import BaseModel

from wherry import (
    Client,
    Context,
    DuplicateTask,
    InvalidInput,
    InvalidOutput,
    Server,
    Task,
    create_task,
    open_storage,
    task,
)
from wherry.errors import InvalidTask, NoDefaultClient, UnknownTask
from wherry.task import Registry
from wherry.testing import override


class Order(BaseModel):
    item: str
    quantity: int = 1


@task(name="text.count", queue="text", max_attempts=3, timeout=30.0)
async def count_words(text: str, context: Context) -> int:
    return len(text.split())


@task
def price(order: Order) -> float:
    return order.quantity * 2.5


@task
async def only_context(context: Context) -> str:
    return context.job.id


@task
def nothing() -> None:
    return None


@task
def anything(value):  # type: ignore[no-untyped-def] - a task without annotations is the case
    return value


class Shout:
    async def execute(self, input: str, context: Context) -> str:
        return input.upper()


shout = task(Shout)


def test_a_task_knows_its_name_and_defaults() -> None:
    assert (count_words.name, count_words.queue, count_words.max_attempts) == ("text.count", "text", 3)
    assert (price.name, price.queue, price.timeout) == ("price", "default", None)


def test_calling_a_task_is_calling_the_function() -> None:
    assert price(Order(item="tea", quantity=2)) == 5.0


@pytest.mark.parametrize(
    ("one", "input_name", "context_name", "is_async"),
    [
        (count_words, "text", "context", True),
        (price, "order", None, False),
        (only_context, None, "context", True),
        (nothing, None, None, False),
        (shout, "input", "context", True),
    ],
)
def test_the_shape_of_a_handler_is_read_from_it(
    one: Task[Any, Any], input_name: str | None, context_name: str | None, is_async: bool
) -> None:
    shape = one.signature

    assert (shape.input_name, shape.context_name, shape.is_async) == (input_name, context_name, is_async)


def test_options_give_the_same_function_other_defaults() -> None:
    urgent = count_words.options(priority=-10, queue="urgent")

    assert (urgent.name, urgent.priority, urgent.queue, urgent.max_attempts) == (
        "text.count",
        -10,
        "urgent",
        3,
    )
    assert count_words.queue == "text"


def test_create_task_is_a_one_liner() -> None:
    double = create_task("double", lambda value: value * 2, queue="fast")

    assert (double.name, double.queue, double(4)) == ("double", "fast", 8)


# --- registering -------------------------------------------------------------------------------------
def test_two_tasks_of_one_name_are_refused() -> None:
    with pytest.raises(DuplicateTask) as caught:
        Registry([count_words, count_words.options(queue="other")])

    assert (
        str(caught.value)
        == "a task named 'text.count' is registered already: give one of them another `name=`."
    )


def test_the_same_task_twice_is_one_task() -> None:
    assert Registry([price, price]).names() == ("price",)


def test_a_function_without_the_decorator_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"is no task: decorate it with @task$"):
        Registry([len])  # type: ignore[list-item]


def test_an_unknown_name_says_which_one_was_meant() -> None:
    with pytest.raises(UnknownTask, match="did you mean 'text.count'"):
        Registry([count_words])["text.cuont"]


def test_only_tasks_of_the_place_are_offered() -> None:
    here = create_task("here", lambda: None, place="browser")

    assert Registry([here, price]).names("server") == ("price",)
    assert Registry([here, price]).names("browser") == ("here", "price")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: task(lambda a, b: None),
            r"cannot be a task: it takes 2 inputs \(a, b\): put them in one object",
        ),
        (lambda: task(lambda *args: None), "take one input, and a `context: Context`"),
        (lambda: task(cast("Any", lambda *, key: None)), "take one input, and a `context: Context`"),
        (lambda: task(type("Empty", (), {})), r"needs a method `execute\(self, input, context\)`"),
    ],
)
def test_a_handler_of_another_shape_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": " \n"}, "name: must be printable text"),
        ({"queue": ""}, "queue: must be printable text"),
        ({"max_attempts": 0}, "max_attempts: must be a whole number from 1"),
        ({"max_attempts": True}, "max_attempts: must be a whole number from 1"),
        ({"timeout": 0}, "timeout: must be more than 0 seconds"),
        ({"priority": 1001}, "priority: must be a whole number from -1000 to 1000"),
        ({"place": "moon"}, "place: must be browser, server or either"),
        ({"retries": 3}, "retries: no such option; there are queue, max_attempts"),
    ],
)
def test_a_wrong_option_of_a_task_is_named(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        task(**options)(lambda: None)

    assert problem in str(caught.value)


def test_an_annotation_that_is_not_defined_is_told_with_the_task() -> None:
    def lost(value: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037 - undefined on purpose

    with pytest.raises(
        InvalidTask, match="lost cannot be a task: its annotation `value: .*Nowhere.*` is not defined"
    ):
        task(lost).dump_input(1)


def test_an_annotation_that_pydantic_cannot_read_is_told_with_the_task() -> None:
    def lost(value: list["Nowhere"]) -> None: ...  # noqa: F821, UP037 # pyright: ignore[reportUndefinedVariable] - undefined on purpose

    with pytest.raises(InvalidTask, match="cannot be checked"):
        task(lost).manifest()


async def test_later_without_a_client_says_what_to_do() -> None:
    with pytest.raises(NoDefaultClient, match="call client.make_default"):
        await price.later(Order(item="tea"))


# --- manifest ----------------------------------------------------------------------------------------
def test_the_manifest_holds_defaults_as_data_and_the_schema() -> None:
    facts = json.loads(count_words.manifest())

    assert facts["schema"] == {"type": "string"}
    assert {name: facts[name] for name in ("name", "queue", "max_attempts", "timeout_ms", "place")} == {
        "name": "text.count",
        "queue": "text",
        "max_attempts": 3,
        "timeout_ms": 30_000,
        "place": "either",
    }
    assert len(facts["code_hash"]) == 16


def test_a_task_without_annotations_has_an_empty_schema() -> None:
    assert json.loads(anything.manifest())["schema"] == {}


def test_a_task_may_close_over_what_has_no_value_yet() -> None:
    def length(text: str) -> int:
        return len(text) + later

    one: Task[str, int] = create_task("length", length)

    assert one.dump_input("abc") == ('"abc"', "abc")
    later = 1


# --- override (T10) ------------------------------------------------------------------------------------
async def test_a_task_is_overridden_for_a_while() -> None:
    async def counted(text: str, context: Context) -> int:
        return 7

    async with open_storage("memory:") as storage, Server(storage, [count_words]):
        client = Client(storage)
        with override(count_words, counted), client:
            assert await (await client.submit(count_words, "one two")) == 7
            assert (await count_words.now("x")).output == 7
            with pytest.raises(InvalidInput):
                await client.submit(count_words, 3)  # type: ignore[arg-type]
        assert await (await client.submit(count_words, "one two")) == 2


async def test_an_override_ends_with_its_context_and_its_output_is_checked() -> None:
    async def fails() -> None:
        with override(count_words, lambda text: "seven"):
            outcome = await count_words.now("x", persist=False)
            assert isinstance(outcome.error, InvalidOutput)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert (await count_words.now("one two", persist=False)).output == 2
