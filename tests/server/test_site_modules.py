"""`wherry site` publishes the modules that the tasks import, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from wherry_server.site.modules import find_modules
from wherry_server.site.shop import SiteError

FILES = {
    "app/__init__.py": "",
    "app/jobs.py": "from app import words\nfrom .deep.inner import thing\nimport json\n",
    "app/words.py": "def f():\n    from app.later import x\n    import elsewhere\n",
    "app/later.py": "x = 1\n",
    "app/deep/__init__.py": "",
    "app/deep/inner.py": "from .. import shared as thing\n",
    "app/shared.py": "",
    "app/settings.py": "SECRET = 1\n",
    "elsewhere.py": "import settings_of_the_server_that_is_not_there\n",
    "alone.py": "",
    "tests/test_jobs.py": "import app.settings\n",
}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def paths(*names: str, places: list[Path]) -> list[str]:
    return [module.path for module in find_modules(names, places)[1]]


def test_what_tasks_import_comes_along_and_nothing_else(app: Path) -> None:
    assert paths("app.jobs", places=[app]) == [
        "app/__init__.py",
        "app/deep/__init__.py",
        "app/deep/inner.py",
        "app/jobs.py",
        "app/later.py",
        "app/shared.py",
        "app/words.py",
        "elsewhere.py",
    ]


def test_a_module_without_imports_is_alone(app: Path) -> None:
    assert paths("alone", places=[app]) == ["alone.py"]


def test_a_package_brings_all_its_modules(app: Path) -> None:
    named, _ = find_modules(["app.deep"], [app])

    assert [module.name for module in named] == ["app.deep", "app.deep.inner"]


def test_a_folder_is_its_own_root(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(app)

    assert paths("./tests", places=[Path()]) == ["test_jobs.py"]


def test_of_what_is_installed_only_the_package_itself_comes_along(app: Path) -> None:
    installed = app / "site-packages"
    (app / "app").rename(installed.with_name("moved"))
    installed.mkdir()
    (app / "moved").rename(installed / "app")
    (app / "elsewhere.py").rename(installed / "elsewhere.py")

    found = paths("app.jobs", places=[installed])

    assert "app/words.py" in found
    assert "elsewhere.py" not in found


@pytest.mark.parametrize(("name", "text"), [("app.nowhere", ""), ("broken", "def f(:\n")])
def test_what_cannot_be_found_or_read_is_told(app: Path, name: str, text: str) -> None:
    (app / "broken.py").write_text(text)

    with pytest.raises(SiteError, match=r"app\.nowhere|broken\.py") as refused:
        find_modules([name], [app])

    assert refused.value.code == "task_module"
