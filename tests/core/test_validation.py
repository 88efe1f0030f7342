"""T2, T8: scalars are checked without pydantic, and as pydantic would."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter

from wherry.errors import NotJson
from wherry.validation import Checker, Mismatch

SCALARS = (str, int, float, bool, type(None))
VALUES = (
    "", "text", "naïve \u2028 😀", "5", 0, -7, 2**70, 10**400, True, False, None, 1.5, -0.0, 1e22, 3.0, [1],
    {"a": 1}, b"bytes",
)  # fmt: skip


def by_pydantic(annotation: Any, value: object) -> object:
    adapter = TypeAdapter[Any](annotation)
    try:
        return adapter.dump_python(adapter.validate_python(value), mode="json")
    except ValueError:
        return Mismatch


def by_checker(annotation: Any, value: object) -> object:
    checker = Checker(lambda: annotation, "value")
    try:
        text, plain = checker.dump(value)
    except (Mismatch, NotJson):
        return Mismatch
    loaded = checker.load(text)
    assert (type(loaded), loaded) == (type(plain), plain)
    return plain


@pytest.mark.parametrize("annotation", SCALARS)
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_scalar_passes_just_where_pydantic_passes_it(annotation: Any, value: object) -> None:
    expected, found = by_pydantic(annotation, value), by_checker(annotation, value)

    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("annotation", SCALARS)
def test_the_schema_of_a_scalar_is_that_of_pydantic(annotation: Any) -> None:
    assert Checker(lambda: annotation, "value").schema() == TypeAdapter(annotation).json_schema()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_refused(value: float) -> None:
    with pytest.raises(NotJson):
        Checker(lambda: float, "value").dump(value)


def test_a_task_of_scalars_runs_without_pydantic() -> None:
    """A tab that has no need of it starts half a second sooner."""
    code = (
        "import sys; from wherry import task\n"
        "@task\ndef shout(text: str) -> int: return len(text)\n"
        "shout.dump_input('a'); shout.load_input('\"a\"'); shout.dump_output(1); shout.manifest()\n"
        "assert 'pydantic' not in sys.modules, 'pydantic was imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
