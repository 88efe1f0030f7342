"""The sizes that STYLE.md sets and ruff does not know: lines of a file, lines of a function."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

from tools.paths import ROOT
from tools.stamps import files_below

FILE_LINES = 400
FUNCTION_LINES = 40
MADE = {
    ".git",
    ".venv",
    ".build",
    "node_modules",
    "dist",
    "vendor",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
}
SUFFIXES = {".py", ".js", ".mjs"}


def own_files() -> list[Path]:
    """List the repository's files, also those that are not committed yet, but nothing that is made."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        # No git, or an unpacked archive instead of a clone.
        return [path for path in files_below(ROOT) if MADE.isdisjoint(path.relative_to(ROOT).parts)]
    paths = (ROOT / name for name in listed.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def too_long(path: Path) -> list[str]:
    """Return a sentence for each limit that a source file breaks."""
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    found = [f"{path}: {lines} lines, {FILE_LINES} are allowed"] if lines > FILE_LINES else []
    if path.suffix == ".py":
        found += [f"{path}:{message}" for message in long_functions(text)]
    return found


def long_functions(text: str) -> list[str]:
    """Return a sentence for each function whose body, docstring included, is too long."""
    found: list[str] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
            if lines > FUNCTION_LINES:
                found.append(f"{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES} are allowed")
    return found


def broken_limits() -> list[str]:
    """Return a sentence for each broken limit in the repository."""
    sources = [path for path in own_files() if path.suffix in SUFFIXES]
    return [message for path in sources for message in too_long(path)]
