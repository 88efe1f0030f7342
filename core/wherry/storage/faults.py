"""WherryErrors as `{code, message, data}`, so that they cross a wire and stay what they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, cast

from wherry.errors import RemoteError, WherryError


def error_data(error: WherryError) -> dict[str, object]:
    """The error's attributes that JSON can hold; `code` and the text travel beside them."""
    return {
        name: value
        for name, value in vars(error).items()
        if name != "code" and not name.startswith("_") and _is_plain(value)
    }


def error_from(code: str, message: str, data: Mapping[str, object]) -> WherryError:
    """The error that a store named by its code, as `RemoteError` if this version has no such class."""
    kind = _kinds().get(code)
    if kind is None:
        return RemoteError(code, message)
    # Not by its own __init__: the text was worded where the facts were, and newer fields may be among them.
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    for name, value in data.items():
        setattr(error, name, _frozen(value))
    return error


@cache
def _kinds() -> Mapping[str, type[WherryError]]:
    return {kind.code: kind for kind in _descendants(WherryError) if "code" in vars(kind)}


def _descendants(kind: type[WherryError]) -> Iterator[type[WherryError]]:
    # Only our own: an application's subclass may reuse a code.
    for child in kind.__subclasses__():
        if child.__module__ == WherryError.__module__:
            yield child
            yield from _descendants(child)


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, cast("tuple[Any, ...]", value)))
    return value is None or isinstance(value, str | int | float)


def _frozen(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value
