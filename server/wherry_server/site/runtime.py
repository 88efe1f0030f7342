"""The files of the tab's runtime: Pyodide, and wheels that Pyodide itself compiled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wherry_server.site import lockfile
from wherry_server.site.shop import HERE, Shop, digest
from wherry_server.site.tab_wheels import write_stdlib_sources

AS_THEY_ARE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
STDLIB = "python_stdlib.zip"
LOCK = "pyodide-lock.json"


@dataclass(frozen=True)
class Archive:
    """An archive to compile; see `pyc.compile_archive` for `optimize`."""

    source: Path
    optimize: int = 2
    prefix: str = ""
    """The folder that tracebacks name; empty for a wheel's."""

    def target(self, shop: Shop) -> Path:
        """Say where the result lies: in a folder named after all that it depends on."""
        inputs = [self.source, HERE / "pyc.py", HERE / "zips.py"]
        key = digest(inputs, pyodide_version(shop), self.prefix, str(self.optimize))
        return shop.cache / "compiled" / key[:24] / self.source.name


def pyodide_version(shop: Shop) -> str:
    """Return the version of the npm package."""
    return str(json.loads((shop.pyodide / "package.json").read_text())["version"])


def runtime_info(shop: Shop) -> dict[str, str]:
    """Return ABI, architecture, platform and Python version, as Pyodide's own lock file gives them."""
    info: dict[str, str] = json.loads((shop.pyodide / LOCK).read_text())["info"]
    return info


def build_runtime(shop: Shop, wheels: Sequence[Archive], *, with_sources: bool) -> dict[str, Path]:
    """Make all files of the runtime and return them by name; what is in the cache is not made again.

    Args:
        shop: where it is made.
        wheels: all packages of the lock file, wherry's among them.
        with_sources: add the standard library's sources as a package, to be read by demos.
    """
    version = runtime_info(shop)["python"]
    major, minor, _ = version.split(".")
    shop.made.mkdir(parents=True, exist_ok=True)
    stdlib = Archive(shop.pyodide / STDLIB, prefix=f"/lib/python{major}{minor}.zip/")
    place = f"/lib/python{major}.{minor}/site-packages/"
    archives = [Archive(one.source, one.optimize, place) for one in wheels]
    with ThreadPoolExecutor() as pool:
        # The library takes as long as all wheels, so it goes beside them.
        list(pool.map(partial(compile_missing, shop), ([stdlib], archives)))
    packages = [archive.target(shop) for archive in archives]
    if with_sources:
        packages.append(shop.made / f"stdlib_sources-{version}-py3-none-any.whl")
        write_stdlib_sources(shop.pyodide / STDLIB, packages[-1], version)
    paths = [*(shop.pyodide / name for name in AS_THEY_ARE), stdlib.target(shop), *packages]
    return {path.name: path for path in [*paths, *write_texts(shop, packages)]}


def compile_missing(shop: Shop, archives: list[Archive]) -> None:
    """Compile what the cache lacks."""
    missing = [archive for archive in archives if not archive.target(shop).is_file()]
    if missing:
        compile_group(shop, missing)


def compile_group(shop: Shop, archives: list[Archive]) -> None:
    """Compile archives in one Pyodide under Node; each gets its final name when it is whole."""
    targets = [archive.target(shop) for archive in archives]
    parts = [target.parent.with_suffix(".part") / target.name for target in targets]
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
    order = json.dumps({"pyodide": str(shop.pyodide), "recipe": str(HERE), "archives": orders})
    shop.run([shop.node, HERE / "compile.mjs"], f"compile-{archives[0].source.stem}", order)
    for target, part in zip(targets, parts, strict=True):
        shutil.rmtree(target.parent, ignore_errors=True)
        part.parent.rename(target.parent)


def write_texts(shop: Shop, wheels: Iterable[Path]) -> list[Path]:
    """Write the lock file and the list of licences."""
    wheels = list(wheels)
    info = runtime_info(shop)
    environment = lockfile.marker_environment(info["python"])
    lock = lockfile.lock(
        info, [lockfile.entry(wheel, environment) for wheel in wheels], without_needs="wherry"
    )
    lock_path, licences_path = shop.made / LOCK, shop.made / "LICENSES.txt"
    lock_path.write_text(json.dumps(lock, indent=1, sort_keys=True) + "\n")
    licences_path.write_text(licences(shop, wheels))
    return [lock_path, licences_path]


def licences(shop: Shop, wheels: Iterable[Path]) -> str:
    """Name each part of the runtime with its version and licence."""
    lines = [f"Pyodide {pyodide_version(shop)}: MPL-2.0", f"CPython {runtime_info(shop)['python']}: PSF-2.0"]
    lines += [lockfile.licence(wheel) for wheel in wheels]
    return (
        "The runtime's parts and their licences; each wheel holds its own licence text.\n\n"
        + "\n".join(lines)
        + "\n"
    )
