"""What a visitor fetches, in bytes on the wire, summed up by what it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

EXECUTOR = {"executor.js", "python.js", "interrupts.js"}
SERVER = {"remote.js", "remote-queue.js", "server.js"}
PARTS = re.compile(r"^[\w-]+\.js$")
PYTHON = {"pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json", "python_stdlib.zip"}


class Group(NamedTuple):
    """Files that are fetched together."""

    name: str
    raw: int
    br: int
    gz: int


def groups(manifest: Mapping[str, Any]) -> list[Group]:
    """The parts of a site, in the order in which a first visit meets them; optional ones last."""
    sums: dict[str, list[int]] = {}
    wheels = {f"runtime/{item['file']}": name for name, item in manifest["packages"].items()}
    for name, sizes in manifest["files"].items():
        group = group_of(name, wheels)
        if group:
            total = sums.setdefault(group, [0, 0, 0])
            for index, form in enumerate(("raw", "br", "gz")):
                total[index] += sizes.get(form, sizes["raw"])
    found = [Group(name, *sums[name]) for name in ORDER if name in sums]
    return found + [Group(name, *sums[name]) for name in sorted(set(sums) - set(ORDER))]


PAGE, FOR_SERVER = "page, keeper and store, in all: JavaScript", "client of a server: JavaScript"
RUNS, RUNTIME, OWN = "what runs Python: JavaScript", "Python and its standard library", "wherry in Python"
TYPES, TASKS = "pydantic, for tasks with types", "the app's tasks"
ORDER = (PAGE, RUNS, RUNTIME, OWN, TASKS, TYPES, FOR_SERVER)
FIRST = (PAGE, RUNS, RUNTIME, OWN, TASKS)
OF_PYDANTIC = {"pydantic", "pydantic-core", "annotated-types", "typing-extensions", "typing-inspection"}


def group_of(name: str, wheels: Mapping[str, str]) -> str | None:
    """The part that a file belongs to; None for what only people read."""
    if name.startswith("app/"):
        return TASKS
    if name in wheels:
        package = wheels[name]
        return OWN if package == "wherry" else TYPES if package in OF_PYDANTIC else f"package {package}"
    if name.removeprefix("runtime/") in PYTHON:
        return RUNTIME
    if name in EXECUTOR:
        return RUNS
    if name in SERVER:
        return FOR_SERVER
    return PAGE if PARTS.match(name) else None


def rows(manifest: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Part, raw, brotli and gzip, as people read them; at last what a first visit fetches."""
    found = groups(manifest)
    visits = {
        "first visit, tasks without types": [one for one in found if one.name in FIRST],
        "first visit, tasks with types": [one for one in found if one.name in (*FIRST, TYPES)],
    }
    for name, parts in visits.items():
        raw, br, gz = (
            sum(one.raw for one in parts),
            sum(one.br for one in parts),
            sum(one.gz for one in parts),
        )
        found.append(Group(name, raw, br, gz))
    return [(one.name, megabytes(one.raw), megabytes(one.br), megabytes(one.gz)) for one in found]


def megabytes(count: int) -> str:
    """Show bytes so that small ones stay readable: `12 kB`, `5.4 MB`."""
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
