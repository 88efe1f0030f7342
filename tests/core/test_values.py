"""T2, T8: what a task takes and gives is checked, and comes back as it went in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from wherry import (
    Context,
    InvalidInput,
    InvalidOutput,
    NotJson,
    Task,
    task,
)


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
def nothing() -> None:
    return None


@task
def anything(value):  # type: ignore[no-untyped-def] - a task without annotations is the case
    return value


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
