"""Wheels made here for the tab alone: wherry without its server, and the standard library's sources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wherry_server.site.zips import dist_info_of, read_members, with_record, write_members

# The static files lie beside the runtime in the site; the HTTP server and its commands cannot run in a tab.
TESTING = "wherry/testing/"
NOT_IN_THE_TAB = ("wherry_server/", "wherry_web/static/", "wherry/storage/sqlite/", "wherry/storage/sql/")
SOURCES_INIT = b'''"""The sources of this Python's standard library, as files to read, not to import."""
'''


def write_tab_wheel(members: Mapping[str, bytes], target: Path) -> None:
    """Write wherry's wheel, given its members, without what no tab can use.

    Visitors of a site never test anything there either, and the cases are a third of all the code.
    """
    dist_info = require_dist_info(members)
    # Its command is `wherry_server`'s, so it goes as well.
    left = (*NOT_IN_THE_TAB, TESTING, f"{dist_info}/entry_points.txt", f"{dist_info}/RECORD")
    kept = {name: members[name] for name in sorted(members) if not name.startswith(left)}
    write_members(target, with_record(kept, dist_info))


def write_testing_wheel(members: Mapping[str, bytes], target: Path) -> None:
    """Write `wherry.testing`, of wherry's members, as a package of its own."""
    cases = {name: data for name, data in members.items() if name.startswith(TESTING)}
    version = require_dist_info(members).removesuffix(".dist-info").rpartition("-")[2]
    metadata = wheel_metadata(
        "wherry-testing", version, "The test helpers and conformance cases of wherry", "Apache-2.0"
    )
    write_members(target, with_record({**cases, **metadata}, f"wherry_testing-{version}.dist-info"))


def require_dist_info(members: Mapping[str, bytes]) -> str:
    """Return the name of a wheel's metadata folder.  Raises: ValueError."""
    dist_info = dist_info_of(members)
    if dist_info is None:
        raise ValueError("this is no wheel: it has no .dist-info folder.")
    return dist_info


def write_stdlib_sources(stdlib: Path, target: Path, version: str) -> int:
    """Pack the .py files of Pyodide's `python_stdlib.zip` as data of a package; return how many.

    The runtime itself has bytecode only; what wants to read sources (an index, a debugger) loads this one.
    """
    sources = {
        f"stdlib_sources/{name}": data for name, data in read_members(stdlib).items() if name.endswith(".py")
    }
    members = {"stdlib_sources/__init__.py": SOURCES_INIT, **sources}
    metadata = wheel_metadata(
        "stdlib-sources",
        version,
        f"The sources of CPython {version}'s standard library as package data",
        "PSF-2.0",
    )
    write_members(target, with_record({**members, **metadata}, stdlib_dist_info(version)))
    return len(sources)


def stdlib_dist_info(version: str) -> str:
    """Return the name of its metadata folder."""
    return f"stdlib_sources-{version}.dist-info"


def wheel_metadata(name: str, version: str, summary: str, licence: str) -> Mapping[str, bytes]:
    """Return the metadata files of a package that is made here."""
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {summary}\nLicense: {licence}\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: wherry\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    return {f"{folder}/METADATA": metadata.encode(), f"{folder}/WHEEL": wheel.encode()}
