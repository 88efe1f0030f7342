"""`wherry site`, run from the installed wheel, and what it makes, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.web.serving import serve
from tests.web.site_maker import Workplace


@pytest.fixture(scope="module")
def workplace(site_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def public(workplace: Workplace) -> Path:
    return workplace.site()


def manifest_of(public: Path) -> dict[str, object]:
    return json.loads((public / "manifest.json").read_text())


async def run_on_start_page(page: Page, task: str, given: str) -> str:
    """Run a task by the form of the page that a site starts with, and return what it shows."""
    await page.get_by_label("Task").fill(task)
    await page.get_by_label("Input").fill(given)
    await page.get_by_role("button", name="Run").click()
    output = page.locator("#jobs output").first
    await expect(output).to_contain_text("→", timeout=60_000)
    return await output.inner_text()


async def test_the_start_page_runs_the_apps_tasks_below_a_path(public: Path, context: BrowserContext) -> None:
    with serve({"/deep/down/": public, "/": public / "nowhere"}) as url:
        page = await context.new_page()
        await page.goto(f"{url}deep/down/")

        assert await run_on_start_page(page, "boats.count", '["kitty"]') == '→ {"KITTY":10}'
        assert await run_on_start_page(page, "text.count", '"one two three"') == "→ 3"


def test_only_the_modules_that_tasks_import_are_published(public: Path) -> None:
    texts = [path.read_bytes() for path in public.rglob("*") if path.is_file()]

    assert not [text for text in texts if b"keep me at home" in text]
    assert [text for text in texts if b"oars_of(name)" in text]


def test_the_packages_are_those_that_a_tab_needs(public: Path) -> None:
    manifest = manifest_of(public)

    assert {"rowboats", "oars", "wherry", "pydantic"} <= set(manifest["packages"])  # pyright: ignore[reportArgumentType] - JSON
    assert "winch" not in manifest["packages"]  # pyright: ignore[reportOperatorIssue] - JSON
    assert manifest["tasks"] == ["boats.count", "text.count"]


def test_a_second_run_keeps_the_page_and_the_last_build(workplace: Workplace, public: Path) -> None:
    first = str(manifest_of(public)["build"])
    (public / "index.html").write_text("mine")
    (public / "photos").mkdir(exist_ok=True)
    workplace.write({"app/words.py": "def shout(text):\n    return text.title()\n"})

    made = workplace.run(
        "site", "public", "--tasks", "app.jobs", "--packages", "rowboats", "--json", "--no-check"
    )

    told = json.loads(made.out)
    assert told["build"] == manifest_of(public)["build"] != first
    assert (told["start"], told["modules"]) == ([], ["app/__init__.py", "app/jobs.py", "app/words.py"])
    assert (public / "index.html").read_text() == "mine"
    assert {path.name for path in public.iterdir() if path.is_dir()} == {first, told["build"], "photos"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--tasks", "app.nowhere"), "task_module", "app.nowhere"),
        (("--tasks", "app.jobs"), "package_missing", "rowboats"),
        (("--packages", "not-a-package-of-this-index"), "package_missing", "not-a-package"),
    ],
)
def test_a_site_that_would_not_work_is_refused_and_the_old_one_stays(
    workplace: Workplace, public: Path, arguments: tuple[str, ...], code: str, words: str
) -> None:
    before = sorted(path.relative_to(public) for path in public.rglob("*"))

    made = workplace.run("site", "public", *arguments)

    assert (made.code, made.out) == (2, "")
    assert made.err.rstrip().endswith(f"[{code}]")
    assert words in made.err
    assert sorted(path.relative_to(public) for path in public.rglob("*")) == before
