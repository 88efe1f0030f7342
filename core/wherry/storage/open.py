"""A storage from its URL.  Adapters are imported when they are asked for: each brings its own driver."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from wherry.clock import Clock
from wherry.errors import InvalidInput, UnknownStorage, UnsupportedByStorage
from wherry.storage.joined import JoinedStorage
from wherry.storage.protocol import Storage

KINDS = ("memory:", "sqlite:PATH", "indexeddb:NAME", "http://HOST:PORT", "https://HOST")
"""What this version opens."""

_CREDENTIALS = re.compile(r"//[^/@]*@")


class _Place(NamedTuple):
    """A URL taken apart, and what `open_storage` was given with it."""

    kind: str
    rest: str
    """Behind the kind and before the options."""
    options: Mapping[str, str]
    clock: Clock | None
    token: str | None


def open_storage(
    url: str, *, namespace: str = "", clock: Clock | None = None, token: str | None = None
) -> JoinedStorage:
    """The storage that a URL names; `async with` opens and migrates it.

    Args:
        url: `memory:` or `memory:NAME`, `sqlite:PATH`, `sqlite:PATH?synchronous=full` (outlives a power
            cut), `indexeddb:NAME` (in a browser), `http://HOST` or `https://HOST` (a wherry server).
        namespace: whose jobs; clients and workers of this storage take it from here.
        clock: where a store on this host reads the time; a server has its own.
        token: for a server, instead of the environment's WHERRY_TOKEN.

    Raises:
        UnknownStorage: this version has no storage of that kind.
        InvalidInput: an argument is of the wrong type, or an option is unknown.
    """
    _check_texts({"url": url, "namespace": namespace, "token": token or ""})
    kind, colon, rest = url.partition(":")
    opener = _OPENERS.get(kind.lower())
    if not colon or opener is None:
        raise UnknownStorage(_CREDENTIALS.sub("//***@", url), KINDS)
    rest, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    return JoinedStorage(opener(_Place(kind.lower(), rest, options, clock, token)), namespace=namespace)


def _memory(place: _Place) -> Storage:
    from wherry.storage.memory import MemoryStorage

    _take_options(place, {})
    return MemoryStorage(place.rest, clock=place.clock)


def _sqlite(place: _Place) -> Storage:
    synchronous = _take_options(place, {"synchronous": ("normal", "full")})["synchronous"]
    if sys.platform == "emscripten":
        raise UnsupportedByStorage("place in a browser", "SQLite", "open indexeddb:NAME there.")
    if place.rest in ("", ":memory:"):
        raise InvalidInput("sqlite:", ["names no file: write sqlite:jobs.db, or memory: to keep nothing"])
    if place.rest.startswith("//"):
        raise InvalidInput(
            "sqlite:", ["the path starts right behind the colon: sqlite:jobs.db, sqlite:/var/jobs.db"]
        )
    from wherry.storage.sqlite import SQLiteStorage

    path = os.path.expanduser(place.rest)
    return SQLiteStorage(path, synchronous="full" if synchronous == "full" else "normal", clock=place.clock)


def _indexeddb(place: _Place) -> Storage:
    durability = _take_options(place, {"durability": ("relaxed", "strict")})["durability"]
    if not place.rest:
        raise InvalidInput("indexeddb:", ["names no store: write indexeddb:NAME"])
    # By name, because the core does not depend on the packages above it.
    adapter = importlib.import_module("wherry_web.indexeddb")
    return adapter.IndexedDBStorage(place.rest, clock=place.clock, durability=durability)


def _http(place: _Place) -> Storage:
    _take_options(place, {})
    if place.clock is not None:
        raise InvalidInput("open_storage", ["clock: a server has its own, leave it out"])
    from wherry.storage.http import HTTPStorage

    token = os.environ.get("WHERRY_TOKEN") if place.token is None else place.token
    return HTTPStorage(f"{place.kind}:{place.rest}", token=token or None)


_OPENERS: Mapping[str, Callable[[_Place], Storage]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "indexeddb": _indexeddb,
    "http": _http,
    "https": _http,
}


def _check_texts(arguments: Mapping[str, object]) -> None:
    wrong = {name: value for name, value in arguments.items() if not isinstance(value, str)}
    if wrong:
        problems = [f"{name}: must be text, not {value!r}" for name, value in wrong.items()]
        raise InvalidInput("open_storage", problems)


def _take_options(place: _Place, known: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The value of each option; the first of those allowed where none is given."""
    problems = [f"option {name}: unknown to {place.kind}:" for name in place.options if name not in known]
    taken = {name: place.options.get(name, allowed[0]) for name, allowed in known.items()}
    for name, value in taken.items():
        if value not in known[name]:
            problems.append(f"option {name}: must be {' or '.join(known[name])}, not {value!r}")
    if problems:
        raise InvalidInput("open_storage", problems)
    return taken
