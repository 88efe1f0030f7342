"""The searchable index, made from the outputs of `library.index`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_KINDS = ("class", "function", "constant", "method")


class Entry(NamedTuple):
    """One public name.  `found_in` is the module that people import it from."""

    name: str
    kind: str
    module: str
    line: int
    found_in: str
    summary: str


def index_of(outputs: Iterable[Mapping[str, Any]]) -> list[Entry]:
    """Every public name of the modules, by name and module."""
    known = list(outputs)
    handing_on = _handing_on(known)
    entries: list[Entry] = []
    for output in known:
        module = output["module"]
        for one in output["names"]:
            top = one["name"].partition(".")[0]
            found_in = _found_in(module, top, handing_on.get(module, ()))
            entries.append(Entry(one["name"], one["kind"], module, one["line"], found_in, one["summary"]))
    return sorted(entries)


def _handing_on(outputs: Iterable[Mapping[str, Any]]) -> dict[str, list[tuple[str, Sequence[str]]]]:
    """By module: the public modules that hand its names on, and which; shortest name first."""
    found: dict[str, list[tuple[str, Sequence[str]]]] = {}
    for output in outputs:
        if is_public(output["module"]):
            for source, names in output["exports"]:
                found.setdefault(source, []).append((output["module"], names))
    for exporters in found.values():
        exporters.sort(key=lambda one: (len(one[0]), one[0]))
    return found


def _found_in(module: str, name: str, exporters: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A package speaks for its own modules, any public module for a private one."""
    for exporter, names in exporters:
        may_speak = module.startswith(f"{exporter}.") or not is_public(module)
        if may_speak and (name in names or "*" in names):
            return exporter
    return module


def is_public(module: str) -> bool:
    """No part of its name begins with an underscore."""
    return not any(part.startswith("_") for part in module.split("."))


def search(entries: Iterable[Entry], query: str, limit: int = 50) -> list[Entry]:
    """The entries that fit best, best first.

    `TaskGroup`, `taskgroup`, `task`, `asyncio.TaskGroup` and words of a summary all find it, in that order.
    """
    wanted = query.strip()
    if not wanted:
        return []
    ranked = ((_rank(entry, wanted, wanted.lower()), entry) for entry in entries)
    found = [
        (rank, _KINDS.index(entry.kind), len(entry.name), entry) for rank, entry in ranked if rank is not None
    ]
    return [entry for *_, entry in sorted(found)[:limit]]


def _rank(entry: Entry, wanted: str, lower: str) -> int | None:
    name, whole = entry.name.lower(), f"{entry.found_in}.{entry.name}".lower()
    tests = (
        wanted in (entry.name, f"{entry.found_in}.{entry.name}"),
        lower in (name, whole, f"{entry.module}.{name}".lower()),
        name.startswith(lower) or name.rpartition(".")[2].startswith(lower),
        lower in name,
        lower in whole,
        lower in entry.summary.lower(),
    )
    return next((rank for rank, holds in enumerate(tests) if holds), None)
