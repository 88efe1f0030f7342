"""Wheels made here for the tab alone: wherry without its server, and the standard library's sources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools.zips import dist_info_of, read_members, with_record, write_members

# The static files lie beside the runtime in the site; the HTTP server and its commands cannot run in a tab.
NOT_IN_THE_TAB = ("wherry_server/", "wherry_web/static/")
SOURCES_INIT = b'''"""The sources of this Python's standard library, as files to read, not to import."""
'''


def write_tab_wheel(wheel: Path, target: Path) -> None:
    """Write wherry's wheel without the parts that only the server needs."""
    members = read_members(wheel)
    kept = {name: data for name, data in members.items() if not name.startswith(NOT_IN_THE_TAB)}
    dist_info = dist_info_of(kept)
    if dist_info is None:
        raise ValueError(f"{wheel.name} is no wheel: it has no .dist-info folder.")
    # Its command is `wherry_server`'s, so it goes as well.
    kept.pop(f"{dist_info}/entry_points.txt", None)
    write_members(target, with_record(kept, dist_info))


def write_stdlib_sources(stdlib: Path, target: Path, version: str) -> int:
    """Pack the .py files of Pyodide's `python_stdlib.zip` as data of a package; return how many.

    The runtime itself has bytecode only; what wants to read sources (an index, a debugger) loads this one.
    """
    sources = {
        f"stdlib_sources/{name}": data for name, data in read_members(stdlib).items() if name.endswith(".py")
    }
    members = {"stdlib_sources/__init__.py": SOURCES_INIT, **sources}
    write_members(target, with_record({**members, **wheel_metadata(version)}, stdlib_dist_info(version)))
    return len(sources)


def stdlib_dist_info(version: str) -> str:
    """Return the name of its metadata folder."""
    return f"stdlib_sources-{version}.dist-info"


def wheel_metadata(version: str) -> Mapping[str, bytes]:
    """Return the metadata files of the package of sources."""
    metadata = f"""Metadata-Version: 2.1
Name: stdlib-sources
Version: {version}
Summary: The sources of CPython {version}'s standard library as package data
License: PSF-2.0
"""
    wheel = "Wheel-Version: 1.0\nGenerator: wherry\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder = stdlib_dist_info(version)
    return {f"{folder}/METADATA": metadata.encode(), f"{folder}/WHEEL": wheel.encode()}
