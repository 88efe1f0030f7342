"""`dist/npm`: the static files as an npm package, for pages that are made with a bundler."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

from tools.node import npm_command, path_with
from tools.paths import DIST, ROOT, STATIC
from tools.shell import run
from tools.terminal import size, step

PACKAGE = DIST / "npm"
README = ROOT / "web" / "npm-readme.md"
SHIPPED = (".js", ".mjs", ".d.ts", ".d.mts", ".LICENSE.txt")
NOT_SHIPPED = ("demo/", "demos/", "dashboard/", "service-worker.js")
"""Pages of their own, and what only makes sense at the root of a site."""
REMEDY = "Read the log; npm says which file it misses."


def build_package(node: Path) -> Path:
    """Make `dist/npm` and pack it; return the archive.

    The sources go in as they are written: bundlers minify, and people read what they debug.
    """
    with step("npm package") as current:
        lay_out(PACKAGE)
        for old in DIST.glob("wherry-*.tgz"):
            old.unlink()
        command = [*npm_command(node), "pack", PACKAGE, "--pack-destination", DIST]
        run(command, log="npm-pack", remedy=REMEDY, env=path_with(node))
        archive = next(DIST.glob("wherry-*.tgz"))
        current.note = f"{archive.name}, {size(archive.stat().st_size)}"
    return archive


def lay_out(folder: Path) -> None:
    """Write the package's folder anew."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, source in shipped().items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    (folder / "package.json").write_text(json.dumps(description(), indent=2) + "\n")


def shipped() -> dict[str, Path]:
    """Return the files of the package by their names in it."""
    files = {
        path.relative_to(STATIC).as_posix(): path for path in sorted(STATIC.rglob("*")) if path.is_file()
    }
    ours = {
        name: path
        for name, path in files.items()
        if name.endswith(SHIPPED) and not name.startswith(NOT_SHIPPED)
    }
    return {**ours, "README.md": README, "LICENSE": ROOT / "LICENSE"}


def description() -> dict[str, Any]:
    """Return the package.json: what pyproject.toml says, and what may be imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "name": project["name"],
        "version": project["version"],
        "description": "Durable jobs in a web page: tasks in Python or JavaScript, here or on a server.",
        "keywords": ["job queue", "task queue", "durable", "pyodide", "python", "indexeddb"],
        "license": project["license"],
        "type": "module",
        "types": "./wherry.d.ts",
        "exports": {
            ".": {"types": "./wherry.d.ts", "default": "./wherry.js"},
            "./package.json": "./package.json",
        },
    }
