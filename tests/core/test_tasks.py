"""T1, T2, T4, T10, T11: what a task is, what it takes and gives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import pytest
from pydantic import BaseModel

from wherry import (
    Client,
    Context,
    DuplicateTask,
    InvalidInput,
    InvalidOutput,
    NotJson,
    Server,
    Task,
    create_task,
    load_tasks,
    open_storage,
    task,
)
from wherry.errors import InvalidTask, NoDefaultClient, UnknownTask
from wherry.loading import TaskModuleError
from wherry.task import Registry
from wherry.testing import override


class Order(BaseModel):
    item: str
    quantity: int = 1


@dataclass
class Point:
    x: float
    y: float


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


# --- values ------------------------------------------------------------------------------------------
def test_a_model_goes_in_as_json_and_comes_back_as_itself() -> None:
    text, plain = price.dump_input(Order(item="tea", quantity=2))

    assert json.loads(text) == plain == {"item": "tea", "quantity": 2}
    assert price.load_input(text) == Order(item="tea", quantity=2)


def test_a_dataclass_is_checked_as_well() -> None:
    @task
    def mirror(point: Point) -> Point:
        return Point(-point.x, point.y)

    assert mirror.load_input('{"x": 1, "y": 2}') == Point(1, 2)
    assert mirror.dump_output(Point(1, 2)) == '{"x":1.0,"y":2.0}'


@pytest.mark.parametrize(
    ("one", "value", "message"),
    [
        (count_words, 3, "invalid input for text.count: text: Input should be a valid string"),
        (price, {"quantity": 1}, "invalid input for price: order.item: Field required"),
        (
            price,
            {"item": "tea", "quantity": "many"},
            "invalid input for price: order.quantity: Input should be a valid integer",
        ),
        (nothing, 1, "invalid input for nothing: input: Input should be None"),
    ],
)
def test_a_wrong_input_names_the_field(one: Task[Any, Any], value: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        one.dump_input(value)

    assert str(caught.value).startswith(message)
    assert caught.value.code == "invalid_input"


def test_a_wrong_output_is_refused_before_it_is_stored() -> None:
    with pytest.raises(
        InvalidOutput, match=r"^invalid output of text.count: output: Input should be a valid integer"
    ):
        count_words.dump_output("many")


@pytest.mark.parametrize(
    ("value", "path", "found"),
    [
        (float("nan"), "$", "nan"),
        ({"a": [1, float("inf")]}, "$.a[1]", "inf"),
        (b"bytes", "$", "a bytes"),
        ({1: "one"}, "$", "an object with the key 1"),
        ([object], "$[0]", "a type"),
        ({"a": {2, 3}}, "$.a", "a set"),
        ((1, 2), "$", "a tuple"),
        ("\ud800", "$", "text with half a surrogate pair"),
        ({"\ud800": 1}, "$", "text with half a surrogate pair"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: Any, path: str, found: str) -> None:
    with pytest.raises(NotJson) as caught:
        anything.dump_input(value)

    assert (caught.value.path, caught.value.found) == (path, found)


def test_a_cycle_and_a_tower_are_refused() -> None:
    cycle: list[Any] = []
    cycle.append({"again": cycle})
    tower: list[Any] = []
    for _ in range(600):
        tower = [tower]

    with pytest.raises(NotJson, match=r"^\$\[0\].again is part of itself"):
        anything.dump_input(cycle)
    with pytest.raises(NotJson, match="nested too deep"):
        anything.dump_input(tower)


def test_nan_in_a_typed_float_is_refused_too() -> None:
    @task
    def halve(number: float) -> float:
        return number / 2

    with pytest.raises(NotJson, match="^number is nan"):
        halve.dump_input(float("nan"))
    with pytest.raises(NotJson, match="^output is inf"):
        halve.dump_output(float("inf"))


@pytest.mark.parametrize("value", [False, 0, "", None, 2**80, "日本語 \u2028 \x00 🚣", [], {}, 1e-7, -0.0])
def test_plain_values_come_back_as_they_went_in(value: Any) -> None:
    text, _ = anything.dump_input(value)

    assert repr(anything.load_input(text)) == repr(value)


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


def test_tasks_are_loaded_from_a_module_by_name(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_jobs.py").write_text("from wherry import task\n@task\ndef one(): ...\nalias = one\n")
    (tmp_path / "my_empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    assert [one.name for one in load_tasks(["my_jobs"])] == ["one"]
    with pytest.raises(Exception, match="module 'my_empty' holds no task: decorate a function with @task"):
        load_tasks(["my_empty"])
    with pytest.raises(Exception, match="cannot import the task module 'my_absent'"):
        load_tasks(["my_absent"])


def test_a_task_may_close_over_what_has_no_value_yet() -> None:
    def length(text: str) -> int:
        return len(text) + later

    one: Task[str, int] = create_task("length", length)

    assert one.dump_input("abc") == ('"abc"', "abc")
    later = 1


def test_a_package_loads_all_its_modules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "my_package" / "inner"
    package.mkdir(parents=True)
    one = "from wherry import task\n@task\ndef {0}(): ...\n"
    (tmp_path / "my_package/__init__.py").write_text("from my_package.first import one\n")
    (tmp_path / "my_package/first.py").write_text(one.format("one"))
    (tmp_path / "my_package/__main__.py").write_text("raise SystemExit('never imported')\n")
    (package / "__init__.py").write_text("")
    (package / "second.py").write_text(one.format("two"))
    monkeypatch.syspath_prepend(tmp_path)

    assert [each.name for each in load_tasks(["my_package"])] == ["one", "two"]


def test_a_folder_loads_all_its_modules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    for name in ("folder_one", "folder_two"):
        (tmp_path / f"{name}.py").write_text(f"from wherry import task\n@task\ndef {name}(): ...\n")

    assert {each.name for each in load_tasks([f"{tmp_path}/"])} == {"folder_one", "folder_two"}
    with pytest.raises(TaskModuleError, match="there is no folder '.*nowhere' of tasks"):
        load_tasks([f"{tmp_path}/nowhere"])
    (tmp_path / "json.py").write_text("")
    with pytest.raises(TaskModuleError, match="'json' of the folder '.*' is hidden by .*: rename it"):
        load_tasks([f"{tmp_path}/"])


def test_a_name_given_twice_is_refused_when_loading(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("twice_a", "twice_b"):
        (tmp_path / f"{name}.py").write_text("from wherry import task\n@task(name='same')\ndef f(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(DuplicateTask, match="a task named 'same' is registered already"):
        load_tasks(["twice_a", "twice_b"])
    with pytest.raises(DuplicateTask):
        Registry([create_task("same", len), create_task("same", len)])


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
