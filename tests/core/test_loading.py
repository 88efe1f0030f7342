"""T4: tasks are loaded from modules, packages and folders."""

from __future__ import annotations

from typing import Any

import pytest

from wherry import (
    DuplicateTask,
    create_task,
    load_tasks,
)
from wherry.loading import TaskModuleError
from wherry.task import Registry


def test_tasks_are_loaded_from_a_module_by_name(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_jobs.py").write_text("from wherry import task\n@task\ndef one(): ...\nalias = one\n")
    (tmp_path / "my_empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    assert [one.name for one in load_tasks(["my_jobs"])] == ["one"]
    with pytest.raises(Exception, match="module 'my_empty' holds no task: decorate a function with @task"):
        load_tasks(["my_empty"])
    with pytest.raises(Exception, match="cannot import the task module 'my_absent'"):
        load_tasks(["my_absent"])


def test_a_package_loads_all_its_modules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "my_package" / "inner"
    package.mkdir(parents=True)
    one = "from wherry import task\n@task\ndef {0}(): ...\n"
    (tmp_path / "my_package/__init__.py").write_text("from my_package.first import one\n")
    (tmp_path / "my_package/first.py").write_text(one.format("one"))
    (tmp_path / "my_package/__main__.py").write_text("raise SystemExit('never imported')\n")
    (package / "__init__.py").write_text("")
    (package / "second.py").write_text(one.format("two"))
    monkeypatch.syspath_prepend(tmp_path)

    assert [each.name for each in load_tasks(["my_package"])] == ["one", "two"]


def test_a_folder_loads_all_its_modules(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    for name in ("folder_one", "folder_two"):
        (tmp_path / f"{name}.py").write_text(f"from wherry import task\n@task\ndef {name}(): ...\n")

    assert {each.name for each in load_tasks([f"{tmp_path}/"])} == {"folder_one", "folder_two"}
    with pytest.raises(TaskModuleError, match="there is no folder '.*nowhere' of tasks"):
        load_tasks([f"{tmp_path}/nowhere"])
    (tmp_path / "json.py").write_text("")
    with pytest.raises(TaskModuleError, match="'json' of the folder '.*' is hidden by .*: rename it"):
        load_tasks([f"{tmp_path}/"])


def test_a_name_given_twice_is_refused_when_loading(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("twice_a", "twice_b"):
        (tmp_path / f"{name}.py").write_text("from wherry import task\n@task(name='same')\ndef f(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(DuplicateTask, match="a task named 'same' is registered already"):
        load_tasks(["twice_a", "twice_b"])
    with pytest.raises(DuplicateTask):
        Registry([create_task("same", len), create_task("same", len)])
