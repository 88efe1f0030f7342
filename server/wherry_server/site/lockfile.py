"""Write the tab's `pyodide-lock.json` from wheels.

Own lines, because `pyodide lockfile add-wheels` refuses wheels of the pyemscripten platform and
`micropip.freeze` writes names of its own file system.  `packaging` is imported late: a bare Python reads
this file before anything is installed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wherry_server.site.zips import dist_info_of, read_members

if TYPE_CHECKING:
    from packaging.metadata import Metadata

Entry = dict[str, Any]


def marker_environment(python: str) -> dict[str, str]:
    """Return what dependency markers see in the tab, for a Python version such as `3.14.2`."""
    return {
        "python_version": ".".join(python.split(".")[:2]),
        "python_full_version": python,
        "implementation_name": "cpython",
        "implementation_version": python,
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "emscripten",
        "platform_system": "Emscripten",
        "platform_machine": "wasm32",
        "platform_release": "",
        "platform_version": "",
        "extra": "",
    }


def entry(wheel: Path, environment: Mapping[str, str]) -> Entry:
    """Describe one wheel the way Pyodide's loader reads it."""
    members = read_members(wheel)
    metadata = metadata_of(wheel, members)
    return {
        "name": canonical(metadata.name),
        "version": str(metadata.version),
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": top_level(members),
        "depends": dependencies(metadata, environment),
        "unvendored_tests": False,
    }


def metadata_of(wheel: Path, members: Mapping[str, bytes]) -> Metadata:
    """Return a wheel's parsed METADATA."""
    dist_info = dist_info_of(members)
    if dist_info is None:
        raise ValueError(f"{wheel.name} is no wheel: it has no .dist-info folder.")
    from packaging.metadata import Metadata

    # Not validated: metadata of a version that `packaging` does not know yet is still readable.
    return Metadata.from_email(members[f"{dist_info}/METADATA"], validate=False)


def licence(wheel: Path) -> str:
    """Return one line with a wheel's name, version and licence."""
    metadata = metadata_of(wheel, read_members(wheel))
    classified = [
        text.rpartition(" :: ")[2] for text in metadata.classifiers or [] if text.startswith("License ::")
    ]
    stated = metadata.license_expression or metadata.license or ", ".join(classified) or "see the wheel"
    return f"{metadata.name} {metadata.version}: {stated.splitlines()[0]}"


def canonical(name: str) -> str:
    """Return the form of a package's name that indexes and lock files compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


def dependencies(metadata: Metadata, environment: Mapping[str, str]) -> list[str]:
    """List the packages that a wheel needs in the tab, extras left out."""
    needed = metadata.requires_dist or []
    wanted = [need for need in needed if need.marker is None or need.marker.evaluate(dict(environment))]
    return sorted({canonical(need.name) for need in wanted})


def top_level(members: Iterable[str]) -> list[str]:
    """List the names that a wheel makes importable; a package that it only adds to is another's."""
    found: set[str] = set()
    for name in members:
        first, slash, rest = name.partition("/")
        if slash and rest in ("__init__.py", "__init__.pyc"):
            found.add(first)
        elif not slash and first.endswith((".py", ".pyc")):
            found.add(first.rpartition(".")[0])
    return sorted(found)


def lock(info: Mapping[str, str], entries: Iterable[Entry], *, without_needs: str) -> dict[str, Any]:
    """Make the lock file's content.

    Args:
        info: the ABI, architecture, platform and Python of the runtime, from its own lock file.
        entries: one a wheel.
        without_needs: the package that loads alone.  It is wherry: pydantic is loaded when a task module's
            annotations need it, and costs half a second otherwise.

    Raises:
        ValueError: a package needs one that is not there.
    """
    packages = {str(item["name"]): item for item in entries}
    packages[without_needs] = {**packages[without_needs], "depends": []}
    for name, item in packages.items():
        missing = set(item["depends"]) - set(packages)
        if missing:
            raise ValueError(
                f"{name} needs {', '.join(sorted(missing))}, which is not among the site's packages."
            )
    return {"info": dict(info), "packages": dict(sorted(packages.items()))}
