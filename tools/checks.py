"""`build.py check`: all checks run, also after one has failed; each tells what it found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.limits import broken_limits
from tools.node import path_with
from tools.paths import NODE_MODULES, STATIC, VENV_BIN
from tools.shell import run
from tools.terminal import BuildError, say, step

Check = Callable[[], None]
REMEDY_FORMAT = "Run `.venv/bin/ruff format`."
REMEDY_LINT = "Correct what it found; `.venv/bin/ruff check --fix` does some of it."
REMEDY_CORRECT = "Correct what it found."


def command(
    *words: str | Path, log: str, remedy: str = REMEDY_CORRECT, env: dict[str, str] | None = None
) -> Check:
    """Make a check of a program that fails when it finds something."""
    return lambda: void(run(words, log=log, remedy=remedy, env=env))


def void(_output: str) -> None:
    """Drop the output of a check that found nothing."""


def limits() -> None:
    """Check the lengths of files and functions."""
    found = broken_limits()
    if found:
        raise BuildError("\n".join(f"    | {line}" for line in found), remedy="Split them by what they do.")


def checks(node: Path) -> dict[str, Check]:
    """Return all checks by the name that their line shows."""
    # Pyright's wrapper finds Node by path; a notice about a newer version is no finding.
    pyright = {**path_with(node), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    found = {
        "format": command(
            VENV_BIN / "ruff",
            "format",
            "--check",
            "--output-format=concise",
            ".",
            log="format",
            remedy=REMEDY_FORMAT,
        ),
        "lint": command(
            VENV_BIN / "ruff", "check", "--output-format=concise", ".", log="lint", remedy=REMEDY_LINT
        ),
        "types": command(VENV_BIN / "pyright", log="pyright", env=pyright),
        "import directions": command(VENV_BIN / "lint-imports", "--no-cache", log="import-linter"),
        "lengths": limits,
    }
    if any(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts):
        tsc = NODE_MODULES / "typescript" / "bin" / "tsc"
        found["javascript types"] = command(node, tsc, "--project", "tsconfig.json", log="tsc")
    return found


def run_checks(node: Path) -> int:
    """Run all checks and return an exit code: 0 when none found anything."""
    failed = 0
    for name, check in checks(node).items():
        try:
            with step(name):
                check()
        except BuildError as error:
            failed += 1
            say(f"{error}\n    {error.remedy}")
    say(f"  {failed} of the checks found something." if failed else "  All checks passed.")
    return 1 if failed else 0
