"""The reference names every command and option, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from wherry_server import serving
from wherry_server.cli.app import COMMANDS, make_app
from wherry_server.cli.arguments import DEFAULT_PORT

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
SHARED = {"--json", "--token", "--help"}


def options_of(name: str) -> set[str]:
    """The long options of a command, hidden ones left out."""
    command = get_command(make_app()).commands[name]  # pyright: ignore[reportAttributeAccessIssue] - a group
    shown = [one for one in command.params if not getattr(one, "hidden", False)]
    return {option for one in shown for option in [*one.opts, *one.secondary_opts] if option.startswith("--")}


def section(name: str) -> str:
    return REFERENCE.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_tells_of_each_option_and_of_no_other(name: str) -> None:
    told = set(re.findall(r"--[a-z][a-z-]+", section(name)))

    assert options_of(name) - SHARED <= told
    assert told - SHARED <= options_of(name)


def test_the_port_is_that_of_the_server() -> None:
    assert DEFAULT_PORT == serving.DEFAULT_PORT
