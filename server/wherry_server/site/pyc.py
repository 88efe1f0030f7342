"""Compile an archive's Python sources.  Runs inside Pyodide: only the Python that loads a .pyc can make it.

`pyodide py-compile` needs no network either, but stamps the version of its host's Python into the result.
"""

from __future__ import annotations

import py_compile
import tempfile
from pathlib import Path

# Relative: in Pyodide this folder alone is there, under another name.
from .zips import dist_info_of, read_members, with_record, write_members


def compile_archive(source: str, target: str, *, prefix: str, optimize: int) -> int:
    """Write `target`, a copy of the zip or wheel `source` with .pyc instead of .py, and return how many.

    Args:
        source: path of the archive; a wheel gets a new RECORD.
        target: path of the result.
        prefix: the folder that tracebacks name before each file.
        optimize: 0 keeps docstrings and asserts, 2 drops both.
    """
    pairs = [compile_member(name, data, prefix, optimize) for name, data in read_members(source).items()]
    members = dict(pairs)
    dist_info = dist_info_of(members)
    write_members(target, with_record(members, dist_info) if dist_info else members)
    return sum(name.endswith(".pyc") for name in members)


def compile_member(name: str, data: bytes, prefix: str, optimize: int) -> tuple[str, bytes]:
    """Return the compiled form of a source file; anything else, and what is no valid Python, as it is."""
    if not name.endswith(".py"):
        return name, data
    with tempfile.TemporaryDirectory() as folder:
        path, result = Path(folder, "source.py"), Path(folder, "source.pyc")
        path.write_bytes(data)
        # Unchecked: there will be no source beside it whose time could be compared.
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        try:
            py_compile.compile(
                str(path),
                str(result),
                dfile=prefix + name,
                doraise=True,
                optimize=optimize,
                invalidation_mode=mode,
            )
        except py_compile.PyCompileError:
            return name, data
        return name + "c", result.read_bytes()
