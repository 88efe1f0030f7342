"""What the page tells of the demo's tasks: their names, places and the very lines that run."""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from wherry import Task
from wherry_server.demo.pages import TASK_MODULES


@cache
def task_facts() -> list[dict[str, Any]]:
    """One object a task, in the order of the files."""
    return [_facts(task, module) for module in TASK_MODULES for task in tasks_of(module)]


def tasks_of(module: object) -> list[Task[Any, Any]]:
    """The tasks of a module, in the order in which they stand in it."""
    return [one for one in vars(module).values() if isinstance(one, Task)]


def _facts(task: Task[Any, Any], module: ModuleType) -> dict[str, Any]:
    lines, first_line = inspect.getsourcelines(task.fn)
    doc = inspect.getdoc(task.fn) or ""
    return {
        "name": task.name,
        "title": doc.partition("\n")[0],
        "place": task.place,
        "file": f"/demo/py/{Path(str(module.__file__)).name}",
        "module": module.__name__,
        "first_line": first_line,
        "source": "".join(lines).rstrip(),
    }
