"""Every Python example of the README and the docs is run, and prints what the page says it prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import wherry.errors
from wherry import WherryError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


class Example(NamedTuple):
    name: str
    code: str
    prints: str


def examples() -> list[Example]:
    return [
        Example(f"{page.relative_to(ROOT)}:{number}", found[1], found[2] or "")
        for page in PAGES
        for number, found in enumerate(EXAMPLE.finditer(page.read_text()), 1)
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_example(example: Example, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(example.code)

    ended = subprocess.run(
        [sys.executable, "-W", "error", "example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == (example.prints, "")


def test_there_are_examples_to_run() -> None:
    assert len(examples()) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert missing == []


def test_every_error_is_in_the_reference() -> None:
    told = (ROOT / "docs/reference/errors.md").read_text()
    classes = [
        one for one in vars(wherry.errors).values() if isinstance(one, type) and issubclass(one, WherryError)
    ]

    unnamed = {one.__name__ for one in classes if f"| `{one.code}` | `{one.__name__}` |" not in told}
    assert unnamed == {"WherryError", "RemoteError"}


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
