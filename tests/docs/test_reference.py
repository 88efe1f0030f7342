"""The reference names all that there is: options of tasks and submits, events, pages."""

from __future__ import annotations

import re
from pathlib import Path

from wherry.events import EVENTS
from wherry.options import JobOptions, TaskOptions

ROOT = Path(__file__).parents[2]


def named_first(page: str) -> set[str]:
    """The words in the first cells of a page's tables."""
    text = (ROOT / "docs" / page).read_text()
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


def test_every_option_of_a_task_is_in_the_reference() -> None:
    assert {*TaskOptions.__annotations__, "name"} - named_first("reference/tasks.md") == set()


def test_every_option_of_a_submit_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference/tasks.md").read_text()
    (submit,) = re.findall(r"`client\.submit\(task_or_name, input, (.*?)\)`", text, re.DOTALL)

    assert set(re.findall(r"(\w+)=", submit)) == set(JobOptions.__annotations__)


def test_every_event_is_in_the_reference() -> None:
    assert set(EVENTS) - named_first("reference/events.md") == set()


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = [str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")]

    assert [page for page in pages if f"]({page})" not in readme] == []
