"""What an app brings into the tab: modules, wheels, packages; pydantic only where types need it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext

from tests.web.conftest import Site
from tests.web.tab_harness import Tabs
from tests.web.tab_sites import odd_site

LOADED = """
import sys
from wherry import task

@task(name="loaded")
async def loaded(name):
    return name in sys.modules
"""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def own(context: BrowserContext, site_folder: Path, tab_site: Site, made: Path) -> Generator[Tabs]:
    """Tabs of a site that also serves what a test has made."""
    with odd_site(site_folder, tab_site.manifest, made=made) as site:
        yield Tabs(context, site)


def wheel(folder: Path, name: str, files: dict[str, str], entry_points: str = "") -> str:
    """Write a small wheel; its file name."""
    info = f"{name}-1.0.dist-info"
    members = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if entry_points:
        members[f"{info}/entry_points.txt"] = entry_points
    record = "".join(f"{path},,\n" for path in [*members, f"{info}/RECORD"])
    file = f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as archive:
        for path, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return file


async def test_untyped_tasks_start_without_pydantic(own: Tabs, made: Path) -> None:
    (made / "plain.py").write_text(LOADED)
    tab = await own.open(tasks=(f"{own.site.url}-made/plain.py",))

    assert await tab.run("loaded", "pydantic") is False


async def test_typed_tasks_bring_pydantic_and_check_their_input(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=("typed.py",))

    assert await tab.run("text.count", "one two three") == 3
    error = await tab.outcome("queue.submit('text.count', 3)")
    assert (error["code"], error["data"]["problems"]) == ("invalid_input", ["input: should be a string"])


@pytest.mark.long
async def test_types_that_no_decorator_shows_bring_pydantic_as_well(own: Tabs, made: Path) -> None:
    (made / "hidden.py").write_text(
        "from wherry import create_task\n\n\ndef double(x: int) -> int:\n    return 2 * x\n\n\n"
        "doubled = create_task('double', double)\n"
    )
    tab = await own.open(tasks=(f"{own.site.url}-made/hidden.py",))

    assert await tab.run("double", 21) == 42


async def test_modules_have_the_names_that_the_page_gives_them(own: Tabs, made: Path) -> None:
    (made / "a.py").write_text(
        "from wherry import task\nfrom app.words import words\n\n\n"
        "@task(name='count')\nasync def count(text):\n    return [len(words(text)), __name__]\n"
    )
    (made / "b.py").write_text("def words(text):\n    return text.split()\n")
    url = f"{own.site.url}-made/"
    tab = await own.open(tasks=[{"app/words.py": f"{url}b.py", "app/jobs.py": f"{url}a.py"}])

    assert await tab.run("count", "a b") == [2, "app.jobs"]


@pytest.mark.parametrize("entry_points", ["", "[wherry.tasks]\nmain = fleet.jobs\n"])
async def test_a_wheel_brings_its_tasks(own: Tabs, made: Path, entry_points: str) -> None:
    files = {
        "fleet/__init__.py": "",
        "fleet/jobs.py": "from wherry import task\n\n\n@task(name='sail')\n"
        "async def sail(to):\n    return f'to {to}'\n",
    }
    if entry_points:
        files["fleet/broken.py"] = "raise RuntimeError('nobody asked for this one')\n"
    name = wheel(made, "fleet", files, entry_points)
    tab = await own.open(tasks=(f"{own.site.url}-made/{name}",))

    assert await tab.run("sail", "Ålesund") == "to Ålesund"


@pytest.mark.long
async def test_packages_come_by_name_and_by_address(own: Tabs, made: Path) -> None:
    name = wheel(made, "ropes", {"ropes.py": "LENGTH = 30\n"})
    (made / "uses.py").write_text(
        "import ropes\nimport tzdata\nfrom wherry import task\n\n\n"
        "@task(name='length')\nasync def length():\n    return [ropes.LENGTH, bool(tzdata.__file__)]\n"
    )
    tab = await own.open(
        tasks=(f"{own.site.url}-made/uses.py",), packages=["tzdata", f"{own.site.url}-made/{name}"]
    )

    assert await tab.js("(await queue.submit('length')).result()") == [30, True]


@pytest.mark.long
async def test_a_folder_given_as_assets_brings_its_runtime(tabs: Tabs) -> None:
    tab = await tabs.open(assets=tabs.site.url)

    assert await tab.run("echo", 1) == 1


@pytest.mark.long
async def test_the_manifest_says_what_a_task_is(own: Tabs, made: Path) -> None:
    (made / "defaults.py").write_text(
        "from wherry import Backoff, task\n\n\n"
        "@task(name='d', queue='slow', priority=5, max_attempts=2, timeout=9, tags=('t',),\n"
        "      retry=Backoff(first=3))\n"
        "async def d(x):\n    return x\n"
    )
    tab = await own.open(tasks=(f"{own.site.url}-made/defaults.py",))
    job_id = await tab.submit("d", 1, delay=60)

    job = await tab.job(job_id)

    assert (job["queue"], job["priority"], job["maxAttempts"], job["tags"]) == ("slow", 5, 2, ["t"])
    rows = await tab.js(
        """
        const { openStore } = await import(given[0] + 'idb.js');
        const store = await openStore('tests');
        const [row] = await store.call('get', { ids: [given[1]] });
        await store.close();
        return [row.timeout_ms, row.backoff];""",
        [own.site.base, job_id],
    )
    assert rows[0] == 9000
    assert json.loads(rows[1])["first_ms"] == 3000
