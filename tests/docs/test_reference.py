"""The reference names all that there is: options of tasks and submits, events, pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def members(interface: str) -> set[str]:
    """The members of an interface of wherry.d.ts."""
    text = (ROOT / "web/wherry_web/static/wherry.d.ts").read_text()
    (body,) = re.findall(rf"^export interface {interface}\b.*? {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^  (?:readonly )?(\w+)[?<(:]", body, re.MULTILINE))


@pytest.mark.parametrize("interface", ["OpenOptions", "SubmitOptions", "Queue", "Handle"])
def test_every_member_of_the_javascript_api_is_in_the_reference(interface: str) -> None:
    told = set(re.findall(r"\w+", (ROOT / "docs/reference/javascript.md").read_text()))

    assert members(interface) - told - {"debug"} == set()


def test_every_option_of_a_javascript_task_is_in_its_guide() -> None:
    told = (ROOT / "docs/how-to/javascript-tasks.md").read_text()
    (options,) = re.findall(r"^Options: `([^`]+)`", told, re.MULTILINE)

    assert set(options.split()) == members("TaskOptions")
