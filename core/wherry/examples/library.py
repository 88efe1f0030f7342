"""Index the standard library: one job a module, the index made from the jobs' outputs."""

from __future__ import annotations

import ast
from typing import Any

from wherry import Context, PermanentError, task
from wherry.examples import measuring
from wherry.examples.sources import library_modules, shore, source_files

__all__ = ["index", "library_modules", "modules"]


@task(name="library.modules", queue="library")
async def modules() -> dict[str, Any]:
    """Tell which modules of the standard library have their source here."""
    import platform

    return {"python": platform.python_version(), "implementation": shore(), "modules": library_modules()}


@task(name="library.index", queue="library")
def index(module: str, context: Context) -> dict[str, Any]:
    """Read one module's source and tell its public names, its size and how complex it is.

    Raises: `PermanentError` when there is no such source or it is no Python.
    """
    context.progress(10, "reading")
    data, is_package = _read(module)
    context.progress(40, "parsing")
    tree = _parse(module, data)
    context.progress(60, "measuring")
    measured = [(measuring.complexity(node), name) for name, node in measuring.functions(tree)]
    context.progress(90, "naming")
    listed, nodes = measuring.listed_names(tree), measuring.import_nodes(tree)
    handed_on = measuring.exports(nodes, module, is_package=is_package, listed=listed)
    most, where = max(measured, default=(0, None), key=lambda one: one[0])
    return {
        "module": module,
        "package": is_package,
        "summary": measuring.summary(tree),
        "lines": len(data.splitlines()),
        "complexity": {"sum": sum(value for value, _ in measured), "max": most, "max_in": where},
        "imports": measuring.imports(nodes, module, is_package=is_package),
        "names": [_plain(one) for one in measuring.public_names(tree, listed)],
        "exports": [[one.module, list(one.names)] for one in handed_on],
    }


def _read(module: str) -> tuple[bytes, bool]:
    path = source_files().get(module)
    if path is None:
        raise PermanentError(f"no source of {module!r} is here: name a module of the standard library.")
    return path.read_bytes(), path.name == "__init__.py"


def _parse(module: str, data: bytes) -> ast.Module:
    try:
        # From bytes, so that the encoding line of the file is obeyed.
        return ast.parse(data)
    except (SyntaxError, ValueError) as error:
        raise PermanentError(f"the source of {module} is no Python of this version: {error}") from error


def _plain(one: measuring.Name) -> dict[str, Any]:
    return {name: value for name, value in one._asdict().items() if value is not None}
