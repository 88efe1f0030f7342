"""The tuples of `messages` and `job` as JSON objects, read and written by their annotations.

A shape is made once a type.  Writing leaves out fields that equal their default; reading takes
them from there, ignores unknown fields and checks every other: what passes can be stored.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, Union, cast, get_args, get_origin, get_type_hints

Reader = Callable[[object], Any]
Writer = Callable[[Any], object]

REQUIRED: Any = object()
"""In place of the default of a field that has none."""

MAX_INTEGER = 2**53 - 1
"""Outside payloads no integer is larger, so that JavaScript and 64-bit columns hold all of them."""


class Misfit(ValueError):
    """A JSON value that does not fit; `path` names the place, as in `jobs[0].input`."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.reason, self.path = reason, path

    def inside(self, place: str) -> Misfit:
        """The same misfit, seen from the container that has it at `place`."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return Misfit(self.reason, place + joint + self.path)


class Shape(NamedTuple):
    """How values of one type go to JSON and come back.  `write` None: they are JSON already."""

    read: Reader
    write: Writer | None = None

    def to_json(self, value: Any) -> object:
        return value if self.write is None else self.write(value)


class Field(NamedTuple):
    """A member of a JSON object: its name, its annotation, what it has when left out, its shape."""

    name: str
    hint: Any
    default: Any
    shape: Shape


def field(name: str, hint: Any, default: Any = REQUIRED) -> Field:
    return Field(name, hint, default, shape(hint))


@cache
def shape(hint: Any) -> Shape:
    """The shape of an annotation: plain types, Literal, `X | None`, tuples, sequences and records."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hasattr(hint, "__supertype__"):
        return shape(hint.__supertype__)
    origin = get_origin(hint)
    if origin is Literal:
        return Shape(_one_of(get_args(hint)))
    if origin in (Union, types.UnionType):
        return _optional(hint)
    if origin is tuple and get_args(hint)[-1] is not Ellipsis:
        return _fixed(tuple(map(shape, get_args(hint))))
    if origin in (tuple, Sequence):
        return _many(shape(get_args(hint)[0]))
    return _record(hint)


def read_fields(fields: Sequence[Field], value: object) -> dict[str, Any]:
    """The named members of a JSON object, checked, defaults filled in.  Raises: `Misfit`."""
    found = _read_members([(one.name, one.default, one.shape.read) for one in fields], value)
    return {one.name: member for one, member in zip(fields, found, strict=True)}


def write_fields(fields: Sequence[Field], values: Mapping[str, Any]) -> dict[str, object]:
    """A JSON object of the values that differ from their default."""
    return {
        name: inner.to_json(values[name])
        for name, _, default, inner in fields
        if values[name] is not default and values[name] != default
    }


def fields_of(record: Any) -> list[Field]:
    """The fields of a NamedTuple or dataclass, in order."""
    return [field(name, hint, _default(record, name)) for name, hint in get_type_hints(record).items()]


def _record(record: Any) -> Shape:
    fields = fields_of(record)

    parts = [(one.name, one.default, one.shape.read) for one in fields]
    is_row = hasattr(record, "_fields")

    def read(value: object) -> Any:
        found = _read_members(parts, value)
        return record._make(found) if is_row else record(**dict(zip(names, found, strict=True)))

    names = [one.name for one in fields]
    return Shape(read, _row_writer(fields) if is_row else _attribute_writer(fields))


def _read_members(parts: Sequence[tuple[str, Any, Reader]], value: object) -> list[Any]:
    """The members in the order of `parts`: name, default, reader."""
    if not isinstance(value, dict):
        raise Misfit("must be an object")
    members = cast("dict[str, object]", value)
    found: list[Any] = []
    for name, default, read in parts:
        if name in members:
            try:
                found.append(read(members[name]))
            except Misfit as misfit:
                raise misfit.inside(name) from None
        elif default is REQUIRED:
            raise Misfit("is missing", name)
        else:
            found.append(default)
    return found


def _default(record: Any, name: str) -> Any:
    if hasattr(record, "_fields"):
        return record._field_defaults.get(name, REQUIRED)
    declared: dataclasses.Field[Any] = record.__dataclass_fields__[name]
    return REQUIRED if declared.default is dataclasses.MISSING else declared.default


def _attribute_writer(fields: Sequence[Field]) -> Writer:
    def write(value: Any) -> object:
        return write_fields(fields, {one.name: getattr(value, one.name) for one in fields})

    return write


def _row_writer(fields: Sequence[Field]) -> Writer:
    plain = [(one.name, one.default) for one in fields]
    nested = [(one.name, one.shape.write) for one in fields if one.shape.write is not None]

    def write(row: Any) -> object:
        # Most fields are plain, so the few others are put right afterwards.
        out = {
            name: value
            for (name, default), value in zip(plain, row, strict=True)
            if value is not default and value != default
        }
        for name, inner in nested:
            if name in out:
                out[name] = inner(out[name])
        return out

    return write


def _optional(hint: Any) -> Shape:
    (other,) = (part for part in get_args(hint) if part is not types.NoneType)
    inner = shape(other)

    def read(value: object) -> Any:
        return None if value is None else inner.read(value)

    def write(value: Any) -> object:
        return None if value is None else inner.to_json(value)

    return Shape(read, None if inner.write is None else write)


def _many(item: Shape) -> Shape:
    def read(value: object) -> tuple[Any, ...]:
        values = _list(value)
        return _read_items([item.read] * len(values), values)

    def write(values: Sequence[Any]) -> object:
        return list(values) if item.write is None else list(map(item.write, values))

    return Shape(read, write)


def _fixed(items: tuple[Shape, ...]) -> Shape:
    def read(value: object) -> tuple[Any, ...]:
        values = _list(value)
        if len(values) != len(items):
            raise Misfit(f"must be a list of {len(items)}")
        return _read_items([item.read for item in items], values)

    def write(values: tuple[Any, ...]) -> object:
        return [item.to_json(part) for item, part in zip(items, values, strict=True)]

    return Shape(read, write)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Misfit("must be a list")
    return cast("list[object]", value)


def _read_items(readers: Sequence[Reader], values: list[object]) -> tuple[Any, ...]:
    found: list[Any] = []
    for index, (read, value) in enumerate(zip(readers, values, strict=True)):
        try:
            found.append(read(value))
        except Misfit as misfit:
            raise misfit.inside(f"[{index}]") from None
    return tuple(found)


def _one_of(choices: tuple[Any, ...]) -> Reader:
    def read(value: object) -> Any:
        if isinstance(value, str) and value in choices:
            return value
        raise Misfit(f"must be one of {', '.join(map(str, choices))}")

    return read


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Misfit("must be text")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Misfit("holds half of a surrogate pair, which UTF-8 cannot carry") from None
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Misfit("must be an integer")
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Misfit("must be an integer within 53 bits")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Misfit("must be a number")
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Misfit("must be a number within 53 bits")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Misfit("must be true or false")
    return value


_PLAIN: Mapping[Any, Shape] = {
    str: Shape(_text),
    int: Shape(_integer),
    float: Shape(_number),
    bool: Shape(_truth),
}
