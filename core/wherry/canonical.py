"""Canonical JSON (RFC 8785) and the fingerprint of an input.

The same value gives the same fingerprint in Python and JavaScript; `tests/core/canonical.json`
holds the vectors that both are tested against.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, cast

from wherry.errors import NotJson

_MAX_EXACT = 2**53

_sha256 = hashlib.sha256
_encode = json.JSONEncoder(ensure_ascii=False).encode


def canonical(value: object) -> str:
    """RFC 8785 text of a JSON value: members sorted by UTF-16 code units, ECMAScript numbers.

    Integers beyond 2**53 have no ECMAScript form that keeps them; they are written in full.
    Raises `NotJson` for what JSON or UTF-8 cannot hold.
    """
    kind = type(value)
    if kind is str:
        return _text(cast("str", value))
    if kind is int:
        return repr(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        names = sorted(members, key=_utf16)
        return "{" + ",".join(f"{_text(name)}:{canonical(members[name])}" for name in names) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, cast("list[Any]", value))) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int.__repr__(value)
    raise NotJson("$", f"a {type(value).__name__}")


def fingerprint(value: object) -> str:
    """SHA-256 of the canonical text, 64 hexadecimal digits."""
    text = repr(value) if type(value) is int else canonical(value)
    return _sha256(text.encode()).hexdigest()


def _text(value: str) -> str:
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise NotJson("$", "text with half of a surrogate pair")
    return _encode(value)


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """ECMAScript's Number::toString, from the same shortest digits that `repr` finds."""
    if not math.isfinite(value):
        raise NotJson("$", f"the number {value}")
    if value == 0:
        return "0"
    if value.is_integer() and abs(value) < _MAX_EXACT:
        return str(int(value))
    sign, text = ("-", repr(-value)) if value < 0 else ("", repr(value))
    mantissa, _, exponent_text = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    point = len(whole) - leading + int(exponent_text or "0")
    digits = digits.rstrip("0")
    return sign + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    """Lay out `0.digits * 10**point` as ECMAScript does (ECMA-262, Number::toString, steps 6-10)."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    exponent = point - 1
    mark = f"e{'+' if exponent > 0 else '-'}{abs(exponent)}"
    return digits + mark if count == 1 else f"{digits[0]}.{digits[1:]}{mark}"
