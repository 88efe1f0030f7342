"""Loads tasks from modules, packages and folders (T4)."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from wherry.errors import WherryError
from wherry.task import Registry, Task


class TaskModuleError(WherryError):
    """A task module cannot be loaded, or holds no task."""

    code = "task_module"


def load_tasks(names: Iterable[str]) -> list[Task[Any, Any]]:
    """The tasks of modules, in the order in which they are met.

    Args:
        names: each a module by its dotted name; a package, with all modules in it; or a folder (`./jobs`),
            with all its modules and packages, the folder being put on the import path.

    Raises: `TaskModuleError` when a module cannot be imported, or none of a name holds a task;
        `DuplicateTask` when two tasks have one name.
    """
    found = Registry()
    for name in names:
        loaded = False
        for module in _modules(name):
            tasks: list[Task[Any, Any]] = [one for one in vars(module).values() if isinstance(one, Task)]
            loaded = loaded or bool(tasks)
            for one in tasks:
                found.add(one)
        if not loaded:
            raise TaskModuleError(f"module {name!r} holds no task: decorate a function with @task.")
    return list(found)


def _modules(name: str) -> Iterator[ModuleType]:
    if os.sep in name or name in (".", "..") or (os.altsep and os.altsep in name):
        yield from _in_folder(Path(name))
        return
    module = _import(name)
    yield module
    yield from _within(module)


def _within(module: ModuleType) -> Iterator[ModuleType]:
    for each in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
        if not each.name.endswith(".__main__"):
            inner = _import(each.name)
            yield inner
            yield from _within(inner)


def _in_folder(folder: Path) -> Iterator[ModuleType]:
    if not folder.is_dir():
        raise TaskModuleError(f"there is no folder {str(folder)!r} of tasks.")
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.insert(0, place)
        importlib.invalidate_caches()
    for each in pkgutil.iter_modules([place]):
        module = _import(each.name)
        if not str(module.__file__).startswith(place):
            raise TaskModuleError(
                f"{each.name!r} of the folder {str(folder)!r} is hidden by {module.__file__}: rename it."
            )
        yield module
        yield from _within(module)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise TaskModuleError(
            f"cannot import the task module {name!r}: {error}. Run in its folder, or install it."
        ) from error
