"""Checks values against annotations; the one place that imports pydantic, and only when one needs it.

A task without annotations (or with `Any`) takes any JSON value and starts without pydantic, which
costs a browser tab 40 MB and 0.4 s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import cached_property
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, cast

from wherry.errors import InvalidTask, NotJson, PayloadTooLarge
from wherry.messages import Payload

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_DEEPEST = 200
"""Levels of nesting; the encoders of Python recurse, and a browser's stack is smaller still."""

_SCHEMAS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}
"""What needs no pydantic while a value is exactly of the type: that answers the same, and later."""

_LARGEST_INT = 2**63

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode

_decode: Callable[[str, int], tuple[Any, int]] = make_scanner(cast("Any", json.JSONDecoder()))


class Mismatch(ValueError):
    """A value does not fit; `problems` are lines `place: reason`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Checker:
    """One annotation: values in, JSON text out, and back.

    Args:
        resolve: gives the annotation when it is first needed, so that forward references are met.
        label: how a problem names the whole value, such as the parameter's name.
    """

    def __init__(self, resolve: Callable[[], Any], label: str) -> None:
        self._resolve, self.label = resolve, label

    @cached_property
    def annotation(self) -> Any:
        return self._resolve()

    @cached_property
    def _exact(self) -> type | None:
        """The annotation, if it is a scalar type."""
        found = self.annotation
        return found if isinstance(found, type) and found in _SCHEMAS else None

    @cached_property
    def _adapter(self) -> TypeAdapter[Any] | None:
        if self.annotation in (Any, object):
            return None
        from pydantic import TypeAdapter
        from pydantic.errors import PydanticUserError

        try:
            adapter = TypeAdapter[Any](self.annotation)
            adapter.rebuild(raise_errors=True)
        except (PydanticUserError, NameError) as error:
            reason = f"its annotation {self.annotation!r} cannot be checked ({error})."
            raise InvalidTask(self.label, reason) from error
        return adapter

    def dump(self, value: object) -> tuple[Payload, Any]:
        """JSON text of a value, and the plain JSON value that it says.

        Raises: `Mismatch`, `NotJson`.
        """
        if type(value) is self._exact and (text := _SCALARS[type(value)](value)) is not None:
            return text, value
        plain = value
        if self._adapter is None:
            require_json(value)
        else:
            plain = self._plain(self._adapter, value)
        try:
            text = _encode(plain)
            text.encode()
        except (ValueError, RecursionError):
            require_json(plain, self.label)
            raise
        return text, plain

    def _plain(self, adapter: TypeAdapter[Any], value: object) -> Any:
        try:
            return adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValueError as error:
            raise self._ours(error) from None

    def load(self, text: Payload) -> Any:
        """The value that the text says, as the annotation wants it.  Raises: `Mismatch`."""
        exact = self._exact
        if exact is not None and type(value := _parsed(text)) is exact:
            return value
        if self._adapter is None:
            return json.loads(text)
        try:
            return self._adapter.validate_json(text)
        except ValueError as error:
            raise self._ours(error) from None

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value; `{}` when anything goes."""
        if self._exact is not None:
            return dict(_SCHEMAS[self._exact])
        return {} if self._adapter is None else self._adapter.json_schema()

    def _ours(self, error: ValueError) -> ValueError:
        """What a refusal of pydantic's (both of its errors are ValueErrors) means here."""
        from pydantic import ValidationError

        if not isinstance(error, ValidationError):
            return NotJson(self.label, f"not serializable ({error})")
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        return Mismatch(
            [f"{'.'.join([self.label, *map(str, one['loc'])])}: {one['msg']}" for one in problems]
        )


# --- scalars: JSON text of a value of exactly one type, or None if pydantic must look at it ------------
def _int_text(value: int) -> Payload | None:
    return str(value) if -_LARGEST_INT < value < _LARGEST_INT else None


def _float_text(value: float) -> Payload | None:
    return _encode(value) if math.isfinite(value) else None


def _str_text(value: str) -> Payload | None:
    return _encode(value) if value.isascii() else None


_SCALARS: dict[type, Callable[[Any], Payload | None]] = {
    int: _int_text,
    float: _float_text,
    str: _str_text,
    bool: _encode,
    type(None): _encode,
}


def _parsed(text: Payload) -> Any:
    """The JSON value of a text without space around it, or `...` where it is no such text."""
    try:
        value, end = _decode(text, 0)
    except (ValueError, StopIteration):
        return ...
    return value if end == len(text) else ...


def check_size(text: Payload, limit: int, argument: str) -> None:
    """Raises `PayloadTooLarge` when the text is over `limit` bytes of UTF-8."""
    if len(text) * 4 > limit and (size := len(text.encode())) > limit:
        raise PayloadTooLarge(argument, size, limit)


def require_json(value: object, path: str = "$") -> None:
    """Raises `NotJson` with the place of the first value that JSON cannot hold as it is."""
    _require(value, path, ())


def _require(value: object, path: str, above: tuple[int, ...]) -> None:
    if value is None or isinstance(value, bool | int):
        return
    if isinstance(value, str):
        _require_text(value, path)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NotJson(path, repr(value))
    elif isinstance(value, list | dict):
        value = cast("list[Any] | dict[Any, Any]", value)
        if id(value) in above or len(above) > _DEEPEST:
            raise NotJson(path, "part of itself" if id(value) in above else "nested too deep")
        _require_members(value, path, (*above, id(value)))
    else:
        raise NotJson(path, f"a {type(value).__name__}")


def _require_members(value: list[Any] | dict[Any, Any], path: str, above: tuple[int, ...]) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _require(item, f"{path}[{index}]", above)
        return
    for name, item in value.items():
        if not isinstance(name, str):
            raise NotJson(path, f"an object with the key {name!r}")
        _require_text(name, path)
        _require(item, f"{path}.{name}", above)


def _require_text(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotJson(path, "text with half a surrogate pair") from None
