"""Where the sources of the standard library lie on this shore.

On CPython in the folder of the standard library.  Pyodide ships bytecode only, so there the package
`stdlib_sources` brings the same files as data.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# Not the library itself: its tests and their fixtures, programs, bundled wheels, other people's packages.
_SKIPPED = frozenset(
    {"test", "tests", "idle_test", "idlelib", "turtledemo", "site-packages", "_bundled", "__pycache__"}
)
_SKIPPED_STEMS = ("_sysconfigdata", "__phello__")


def shore() -> str:
    """`Pyodide` in a browser, elsewhere the name of the implementation, such as `CPython`."""
    return "Pyodide" if sys.platform == "emscripten" else sys.implementation.name.replace("cp", "CP", 1)


@cache
def source_folder() -> Path:
    """The folder that holds the sources as `asyncio/taskgroups.py`."""
    packed = find_spec("stdlib_sources")
    if packed is not None and packed.submodule_search_locations:
        return Path(next(iter(packed.submodule_search_locations)))
    return Path(sysconfig.get_path("stdlib"))


@cache
def source_files() -> dict[str, Path]:
    """Source file by module name, sorted by name."""
    root = source_folder()
    found: dict[str, Path] = {}
    for place, folders, files in os.walk(root):
        # In place: what is left in the list is walked next.
        folders[:] = [name for name in folders if name.isidentifier() and name not in _SKIPPED]
        package = Path(place).relative_to(root).parts
        for file in files:
            stem = file.removesuffix(".py")
            if file.endswith(".py") and stem.isidentifier() and not stem.startswith(_SKIPPED_STEMS):
                parts = package if stem == "__init__" else (*package, stem)
                found[".".join(parts)] = Path(place, file)
    found.pop("", None)
    return dict(sorted(found.items()))


def library_modules() -> list[str]:
    """The modules of the standard library whose source is here, sorted."""
    return list(source_files())
