"""The app's own modules that its tasks need, found by reading their imports: nothing else is published."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wherry_server.site.shop import SiteError

SITE_PACKAGES = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    """Dotted."""
    root: Path
    """The folder of the import path in which it was found."""
    file: Path

    @property
    def path(self) -> str:
        """Where it lies below the root."""
        return self.file.relative_to(self.root).as_posix()

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]


def find_modules(names: Sequence[str], places: Iterable[str | Path]) -> tuple[list[Module], list[Module]]:
    """Find the modules that are named and those of the same app that they import, also inside functions.

    Args:
        names: modules by dotted name, packages (all modules in them), folders (`./jobs`).
        places: the import path; the first that has a name is its root.

    Returns:
        The named modules, and all that belong to the app, these among them.

    Raises: `SiteError` for a name that is not there or a file that is no Python.
    """
    roots = [Path(place).resolve() for place in places]
    named = [module for name in names for module in named_modules(name, roots)]
    found: dict[str, Module] = {}
    todo = list(named)
    while todo:
        module = todo.pop()
        if module.name not in found:
            found[module.name] = module
            todo += imported(module)
    return named, [found[name] for name in sorted(found)]


def named_modules(name: str, roots: Sequence[Path]) -> list[Module]:
    """The module of a name; all of a package, or of a folder."""
    if "/" in name or "\\" in name or name in (".", ".."):
        return in_folder(name)
    for root in roots:
        module = module_at(root, name)
        if module is None and (root / name.replace(".", "/")).is_dir():
            inner = below(root, root / name.replace(".", "/"))
            if inner:
                return inner
        if module is not None:
            return below(root, module.file.parent) if module.file.name == "__init__.py" else [module]
    remedy = "run in the folder where `import` finds it, or install it."
    raise SiteError(f"there is no module {name!r}: {remedy}", code="task_module")


def in_folder(name: str) -> list[Module]:
    root = Path(name).resolve()
    found = below(root, root)
    if not found:
        raise SiteError(f"the folder {name!r} holds no module.", code="task_module")
    return found


def below(root: Path, folder: Path) -> list[Module]:
    """All modules of a folder and its packages, but programs."""
    files = sorted(path for path in folder.rglob("*.py") if path.name != "__main__.py")
    return [module for path in files if (module := module_of(root, path))]


def module_of(root: Path, file: Path) -> Module | None:
    """The module of a file, if its path can be a dotted name."""
    parts = file.relative_to(root).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return Module(".".join(parts), root, file) if parts and all(map(str.isidentifier, parts)) else None


def module_at(root: Path, name: str) -> Module | None:
    stem = root / name.replace(".", "/")
    for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")):
        if file.is_file():
            return Module(name, root, file)
    return None


def imported(module: Module) -> list[Module]:
    """The modules of the same app that a module imports, and the packages around it."""
    try:
        tree = ast.parse(module.file.read_bytes(), str(module.file))
    except SyntaxError as error:
        raise SiteError(f"{module.path} is no Python: {error}", code="task_module") from error
    own = module.name.partition(".")[0]
    found: list[Module] = []
    for name in [*imports(tree, module.package), module.name]:
        for whole in prefixes(name):
            # Of what is installed, only the app's own package is the app.
            if SITE_PACKAGES.isdisjoint(module.root.parts) or whole.partition(".")[0] == own:
                inner = module_at(module.root, whole)
                found += [inner] if inner else []
    return found


def imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Dotted names that a module may import; what follows `from x import` may be a module too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = absolute(node, package)
            yield start
            yield from (f"{start}.{alias.name}" for alias in node.names if alias.name != "*")


def absolute(node: ast.ImportFrom, package: str) -> str:
    """What an import statement starts from."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def prefixes(name: str) -> list[str]:
    """`a.b.c` imports `a` and `a.b` as well."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1) if all(parts[:count])]
