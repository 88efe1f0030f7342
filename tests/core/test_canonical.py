"""RFC 8785 texts and fingerprints.  The vectors were made by JavaScript, whose form the RFC prescribes."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from wherry.canonical import canonical, fingerprint
from wherry.errors import NotJson

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("canonical.json").read_text("utf-8"))


def number(bits: str) -> float:
    """The double with these bits, written in hexadecimal."""
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    return value


@pytest.mark.parametrize("vector", VECTORS["numbers"], ids=lambda vector: vector["text"])
def test_numbers_are_written_as_ecmascript_writes_them(vector: dict[str, str]) -> None:
    assert canonical(number(vector["bits"])) == vector["text"]


@pytest.mark.parametrize("bits", VECTORS["refused_numbers"])
def test_what_is_no_finite_number_is_refused(bits: str) -> None:
    with pytest.raises(NotJson, match="which JSON cannot hold"):
        canonical([number(bits)])


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda vector: vector["json"][:20])
def test_values_have_one_text_and_one_fingerprint(vector: dict[str, str]) -> None:
    value = json.loads(vector["json"])

    assert canonical(value) == vector["canonical"]
    assert fingerprint(value) == vector["sha256"]


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda vector: vector["json"][:20])
def test_a_canonical_text_is_its_own_canonical_text(vector: dict[str, str]) -> None:
    assert canonical(json.loads(vector["canonical"])) == vector["canonical"]


@pytest.mark.parametrize("text", VECTORS["refused"])
def test_half_of_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(NotJson, match="half of a surrogate pair"):
        fingerprint(json.loads(text))


@pytest.mark.parametrize("text", VECTORS["integers"])
def test_integers_beyond_doubles_are_kept(text: str) -> None:
    assert canonical(json.loads(text)) == text


def test_the_order_of_members_does_not_matter() -> None:
    assert fingerprint({"a": 1, "b": [2.0, None]}) == fingerprint({"b": (2, None), "a": 1.0})


def test_true_is_not_one() -> None:
    assert canonical([True, 1, 1.0, False, 0]) == "[true,1,1,false,0]"


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), 1j], ids=lambda value: type(value).__name__)
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(NotJson, match=type(value).__name__):
        canonical({"a": [value]})
