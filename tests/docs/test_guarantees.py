"""The page of guarantees names tests that exist, for every promise of Q."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wherry.testing.conformance import CASES

ROOT = Path(__file__).parents[2]
LINES = [
    line.split("|")[1:4]
    for line in (ROOT / "docs/explanation/guarantees.md").read_text().splitlines()
    if re.match(r"\| Q\d+ \|", line)
]


def test_every_promise_has_its_line() -> None:
    assert [quality.strip() for quality, _, _ in LINES] == [f"Q{number}" for number in range(1, 13)]


@pytest.mark.parametrize(("quality", "held_by"), [(quality.strip(), held) for quality, _, held in LINES])
def test_what_holds_a_promise_exists(quality: str, held_by: str) -> None:
    tests = "".join(path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py")))
    named = [name for name in re.findall(r"`(\w+)`", held_by) if "/" not in name]

    assert [name for name in named if name not in CASES and f"def {name}(" not in tests] == []
    assert named or "conformance, the cases named" in held_by or "a later release" in held_by
