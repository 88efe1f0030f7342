"""A cheap check of a value against a JSON Schema, for submits by name.

It covers what pydantic writes for everyday types: type, enum, const, properties, required,
items, anyOf, $ref.
What it does not know it lets pass: the task's own types decide before the first run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

_TYPES: dict[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: not isinstance(value, bool) and (isinstance(value, int) or _is_whole(value)),
    "number": lambda value: not isinstance(value, bool) and isinstance(value, int | float),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()


def problems_with(value: object, schema: dict[str, Any], path: str = "input") -> list[str]:
    """What does not fit, as lines `place: reason`; empty when nothing is known to be wrong."""
    return list(_problems(value, schema, path, schema.get("$defs", {})))


def _problems(value: object, schema: dict[str, Any], path: str, defs: dict[str, Any]) -> Iterator[str]:
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    if name:
        schema = defs.get(name, {})
    kind = schema.get("type")
    if isinstance(kind, str) and kind in _TYPES and not _TYPES[kind](value):
        yield f"{path}: should be {'an' if kind[0] in 'aio' else 'a'} {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: should be one of {', '.join(map(repr, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{path}: should be {schema['const']!r}"
    options = cast("list[dict[str, Any]]", schema.get("anyOf", ()))
    if options and all(any(_problems(value, option, path, defs)) for option in options):
        yield f"{path}: fits none of the {len(options)} forms it may have"
    yield from _member_problems(value, schema, path, defs)


def _member_problems(value: object, schema: dict[str, Any], path: str, defs: dict[str, Any]) -> Iterator[str]:
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        for name in schema.get("required", ()):
            if name not in members:
                yield f"{path}.{name}: is missing"
        for name, inner in cast("dict[str, Any]", schema.get("properties", {})).items():
            if name in members:
                yield from _problems(members[name], inner, f"{path}.{name}", defs)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _problems(item, schema["items"], f"{path}[{index}]", defs)
