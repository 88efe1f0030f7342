"""The files of the tab's runtime: Pyodide from npm, wheels from PyPI, all compiled by Pyodide itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import lockfile
from tools.packages import write_stdlib_sources, write_tab_wheels
from tools.paths import CACHE, NODE_MODULES, ROOT, TOOLS
from tools.shell import run
from tools.stamps import digest
from tools.terminal import BuildError
from tools.wheels import fetch_runtime_wheels

PYODIDE = NODE_MODULES / "pyodide"
AS_THEY_ARE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
STDLIB = "python_stdlib.zip"
REMEDY_COMPILE = "Read the log. `rm -r .build/cache` makes the next run compile everything again."


@dataclass(frozen=True)
class Archive:
    """An archive to compile; see `pyc.compile_archive` for `prefix` and `optimize`."""

    source: Path
    prefix: str
    optimize: int

    def target(self) -> Path:
        """Say where the result lies: in a folder named after all that it depends on."""
        inputs = [self.source, TOOLS / "pyc.py", TOOLS / "zips.py"]
        key = digest(inputs, pyodide_version(), self.prefix, str(self.optimize))
        return CACHE / "compiled" / key[:24] / self.source.name


def pyodide_version() -> str:
    """Return the version of the installed npm package."""
    return str(json.loads((PYODIDE / "package.json").read_text())["version"])


def runtime_info() -> dict[str, str]:
    """Return ABI, architecture, platform and Python version, as Pyodide's own lock file gives them."""
    info: dict[str, str] = json.loads((PYODIDE / "pyodide-lock.json").read_text())["info"]
    return info


def build_runtime(node: Path, wheel: Path) -> dict[str, Path]:
    """Make all files of the runtime and return them by name; what is in the cache is not made again."""
    version = runtime_info()["python"]
    major, minor, _ = version.split(".")
    made = CACHE / "made"
    made.mkdir(parents=True, exist_ok=True)
    stdlib = Archive(PYODIDE / STDLIB, f"/lib/python{major}{minor}.zip/", optimize=2)
    with ThreadPoolExecutor() as pool:
        # Takes as long as the wheels, so it goes beside them.
        compiled = pool.submit(compile_missing, node, [stdlib])
        wheels = build_wheels(node, wheel, made, f"/lib/python{major}.{minor}/site-packages/")
        compiled.result()
    sources = made / f"stdlib_sources-{version}-py3-none-any.whl"
    write_stdlib_sources(PYODIDE / STDLIB, sources, version)

    paths = [*(PYODIDE / name for name in AS_THEY_ARE), stdlib.target(), *wheels, sources]
    return {path.name: path for path in [*paths, *write_texts(made, [*wheels, sources])]}


def build_wheels(node: Path, wheel: Path, made: Path, prefix: str) -> list[Path]:
    """Fetch and compile the runtime's wheels, wherry's among them."""
    tab_wheel, testing = made / wheel.name, made / wheel.name.replace("wherry-", "wherry_testing-")
    write_tab_wheels(wheel, tab_wheel, testing)
    # The cases keep their asserts, of which they are made.
    archives = [Archive(tab_wheel, prefix, optimize=2), Archive(testing, prefix, optimize=0)]
    archives += [Archive(path, prefix, optimize=2) for path in fetch_runtime_wheels()]
    compile_missing(node, archives)
    return [archive.target() for archive in archives]


def compile_missing(node: Path, archives: list[Archive]) -> None:
    """Compile what the cache lacks."""
    missing = [archive for archive in archives if not archive.target().is_file()]
    if missing:
        compile_group(node, missing)


def compile_group(node: Path, archives: list[Archive]) -> None:
    """Compile archives in one Pyodide under Node; each gets its final name when it is whole."""
    parts = [archive.target().parent.with_suffix(".part") / archive.source.name for archive in archives]
    for part in parts:
        shutil.rmtree(part.parent, ignore_errors=True)
        part.parent.mkdir(parents=True)
    orders = [
        {
            "source": str(archive.source),
            "target": str(part),
            "prefix": archive.prefix,
            "optimize": archive.optimize,
        }
        for archive, part in zip(archives, parts, strict=True)
    ]
    order = json.dumps({"pyodide": str(PYODIDE), "root": str(ROOT), "archives": orders})
    log = f"compile-{archives[0].source.stem}"
    run([node, TOOLS / "compile.mjs"], log=log, remedy=REMEDY_COMPILE, text=order)
    for archive, part in zip(archives, parts, strict=True):
        shutil.rmtree(archive.target().parent, ignore_errors=True)
        part.parent.rename(archive.target().parent)


def write_texts(folder: Path, wheels: Iterable[Path]) -> list[Path]:
    """Write the lock file and the list of licences."""
    environment = lockfile.marker_environment(runtime_info()["python"])
    entries = [lockfile.entry(wheel, environment) for wheel in wheels]
    lock = lockfile.lock(runtime_info(), entries, without_needs="wherry")
    lock_path, licences_path = folder / "pyodide-lock.json", folder / "LICENSES.txt"
    lock_path.write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n")
    licences_path.write_text(licences(wheels))
    return [lock_path, licences_path]


def licences(wheels: Iterable[Path]) -> str:
    """Name each part of the runtime with its version and licence."""
    lines = [f"Pyodide {pyodide_version()}: MPL-2.0", f"CPython {runtime_info()['python']}: PSF-2.0"]
    lines += [lockfile.licence(wheel) for wheel in wheels]
    return (
        "The runtime's parts and their licences; each wheel holds its own licence text.\n\n"
        + "\n".join(lines)
        + "\n"
    )


def verify(node: Path, folder: Path, *, least_sources: int = 500) -> dict[str, Any]:
    """Boot the runtime in `folder` under Node and return its report.

    Raises:
        BuildError: it does not boot, wherry needs pydantic to load, pydantic does not validate,
            something was not compiled, or fewer than `least_sources` modules have sources.
    """
    output = run([node, TOOLS / "verify.mjs", folder], log="verify", remedy=REMEDY_COMPILE)
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    failed = [name for name in ("alone", "validates", "stdlib_compiled") if not report[name]]
    if report["sources"] < least_sources:
        failed.append("sources")
    if failed:
        raise BuildError(
            f"The runtime boots, but fails on: {', '.join(failed)} ({report}).", remedy=REMEDY_COMPILE
        )
    return report
