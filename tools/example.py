"""`examples/vite-typescript`: a project as users have them, built with the npm package of this checkout."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.node import npm_command, path_with
from tools.npm import PACKAGE, lay_out
from tools.paths import BUILD, ROOT
from tools.shell import run, run_download
from tools.stamps import digest, exclusive, files_below, is_fresh, mark_fresh
from tools.terminal import step

EXAMPLE = ROOT / "examples" / "vite-typescript"
FOLDER = BUILD / "vite-typescript"
"""As deep as the example, so that its paths lead to the same places."""
REMEDY = f"Read the log; `rm -r {FOLDER.relative_to(ROOT)}` makes the next run start over."
MADE = shutil.ignore_patterns("node_modules", "dist")


def build_example(node: Path) -> Path:
    """Check the example's types and build it, if a source changed; return the folder to serve."""
    built = FOLDER / "dist"
    with step("vite example") as current, exclusive("vite-example"):
        lay_out(PACKAGE)
        key = digest([*files_below(PACKAGE), *(path for path in files_below(EXAMPLE) if is_source(path))])
        if is_fresh("vite-example", key, built / "index.html"):
            current.unchanged = True
            return built
        install(node)
        modules = FOLDER / "node_modules"
        run([node, modules / "typescript/bin/tsc", "--project", FOLDER], log="vite-tsc", remedy=REMEDY)
        run([node, modules / "vite/bin/vite.js", "build", FOLDER], log="vite", remedy=REMEDY)
        mark_fresh("vite-example", key)
    return built


def is_source(path: Path) -> bool:
    return {"node_modules", "dist"}.isdisjoint(path.relative_to(EXAMPLE).parts)


def install(node: Path) -> None:
    """Copy the example and bring its packages, ours as a copy, which is what a registry would give."""
    shutil.copytree(EXAMPLE, FOLDER, dirs_exist_ok=True, ignore=MADE)
    ours = FOLDER / "node_modules" / "wherry"
    key = digest([EXAMPLE / "package.json", EXAMPLE / "package-lock.json"])
    if not is_fresh("vite-modules", key, ours):
        command = [*npm_command(node), "ci", "--prefix", FOLDER, "--ignore-scripts", "--no-progress"]
        run_download(command, log="vite-npm", remedy=REMEDY, env=path_with(node))
        ours.unlink()
        mark_fresh("vite-modules", key)
    shutil.rmtree(ours, ignore_errors=True)
    shutil.copytree(PACKAGE, ours)
