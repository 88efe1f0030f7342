"""The HTML examples of the README and the docs, in a real page with the task module they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.web.serving import serve

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/how-to/jobs-in-a-page.md", "docs/how-to/javascript-tasks.md")


def example(page: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```\n", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no {language} example"
    return found[1]


@pytest.mark.parametrize("page", PAGES)
async def test_the_page_of_the_docs_shows_the_result(
    page: str, context: BrowserContext, site_folder: Path, tmp_path: Path
) -> None:
    if "jobs.py" in example(page, "html"):
        (tmp_path / "jobs.py").write_text(example(page, "python"))
    (tmp_path / "index.html").write_text(f"<!doctype html><body>{example(page, 'html')}</body>")
    with serve({"/": tmp_path, "/wherry/": site_folder}) as url:
        shown = await context.new_page()
        said: list[str] = []
        shown.on("console", lambda message: said.append(message.text))
        await shown.goto(url)

        await expect(shown.locator("body")).to_have_text(re.compile(r"^\s*(Result: )?3\b"), timeout=60_000)
    assert "50 halfway" in said or "onProgress" not in example(page, "html")
