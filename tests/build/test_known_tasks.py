"""What a site says of its tasks is read from the code that it brings, by the Python that will run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import node, site
from tools.paths import MANIFEST, SITE
from wherry_server.site import publish
from wherry_server.site.maker import write_app_wheel
from wherry_server.site.modules import Module

CODE = """
import sys
from wherry import task

@task(name="text.count", queue="in-" + sys.platform, max_attempts=2)
async def count(text: str) -> int:
    return len(text.split())
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """The folder of a build of the site that is there, with room for an app."""
    assert MANIFEST.is_file(), "There is no site yet: run `python3 build.py site --quick`."
    base = SITE / json.loads(MANIFEST.read_text())["base"]
    (tmp_path / "app").mkdir()
    for path in [base / "runtime", *base.glob("*.js"), base / "vendor"]:
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_a_site_knows_its_tasks_by_the_python_of_the_tab(build: Path, tmp_path: Path) -> None:
    source = tmp_path / "jobs.py"
    source.write_text(CODE)
    module = Module("jobs", tmp_path, source)
    app = publish.App(write_app_wheel(build / "app", [module], [module]))

    report = publish.verify(site.workshop(node.find()), build, app)

    (task,) = report["tasks"]
    assert (task["name"], task["queue"], task["max_attempts"]) == ("text.count", "in-emscripten", 2)
    assert task["schema"] == {"type": "string"}
    entry = publish.entry("0123456789abcdef", app, report["tasks"])
    assert f"const known = {json.dumps([task])};" in entry
