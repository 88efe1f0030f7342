"""What a module's syntax tree tells: its public names, what it hands on, how complex its functions are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

Kind = Literal["class", "function", "constant", "method"]
FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
ImportNode: TypeAlias = ast.Import | ast.ImportFrom

_SUMMARY_LENGTH = 200
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)
_DECISIONS = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.IfExp, ast.Assert, ast.comprehension,
    ast.match_case,
)  # fmt: skip


class Name(NamedTuple):
    """A public name; methods as `Class.method`."""

    name: str
    kind: Kind
    line: int
    summary: str
    complexity: int | None = None


class Export(NamedTuple):
    """Names that a module hands on from another one; `*` for all."""

    module: str
    names: tuple[str, ...]


# --- text ----------------------------------------------------------------------------------------
def summary(node: ast.AST) -> str:
    """The first sentence of a docstring, or nothing."""
    text = ast.get_docstring(node) if isinstance(node, (ast.Module, *_FUNCTIONS, ast.ClassDef)) else None
    paragraph = " ".join((text or "").strip().partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[.!?])\s", paragraph, maxsplit=1)[0]
    return sentence if len(sentence) <= _SUMMARY_LENGTH else sentence[: _SUMMARY_LENGTH - 1].rstrip() + "…"


# --- complexity ----------------------------------------------------------------------------------
def complexity(function: FunctionNode) -> int:
    """Cyclomatic complexity: one, and one more a decision; functions within count for themselves."""
    total = 1
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, _SCOPES):
            continue
        if isinstance(node, ast.BoolOp):
            total += len(node.values) - 1
        elif isinstance(node, _DECISIONS):
            total += 1 + (len(node.ifs) if isinstance(node, ast.comprehension) else 0)
        waiting.extend(ast.iter_child_nodes(node))
    return total


def functions(node: ast.AST, inside: str = "") -> Iterator[tuple[str, FunctionNode]]:
    """Every function of a tree with its qualified name, methods and inner functions too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _SCOPES):
            name = f"{inside}{child.name}"
            if isinstance(child, _FUNCTIONS):
                yield name, child
            yield from functions(child, f"{name}.")
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from functions(child, inside)


# --- names ---------------------------------------------------------------------------------------
def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run at import, those in `if`, `try` and `with` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While):
            blocks = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            blocks += [handler.body for handler in getattr(statement, "handlers", [])]
            for block in blocks:
                yield from statements(block)


def public_names(tree: ast.Module, listed: frozenset[str] | None) -> list[Name]:
    """Classes, functions, constants and the methods of the classes, by line.

    Args:
        listed: what `__all__` says; without it every name without a leading underscore is public.
    """
    found: dict[str, Name] = {}
    for statement in statements(tree.body):
        for one in _defined(statement):
            top = one.name.partition(".")[0]
            if top in listed if listed is not None else not top.startswith("_"):
                found.setdefault(one.name, one)
    return sorted(found.values(), key=lambda one: (one.line, one.name))


def _defined(statement: ast.stmt) -> Iterator[Name]:
    if isinstance(statement, ast.ClassDef):
        yield Name(statement.name, "class", statement.lineno, summary(statement))
        for inner in statements(statement.body):
            if isinstance(inner, _FUNCTIONS) and not inner.name.startswith("_"):
                yield _function(inner, f"{statement.name}.", "method")
    elif isinstance(statement, _FUNCTIONS):
        yield _function(statement, "", "function")
    else:
        for name in _assigned(statement):
            yield Name(name, "constant", statement.lineno, "")


def _function(node: FunctionNode, inside: str, kind: Kind) -> Name:
    return Name(f"{inside}{node.name}", kind, node.lineno, summary(node), complexity(node))


def _assigned(statement: ast.stmt) -> Iterator[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    for target in targets:
        for one in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if isinstance(one, ast.Name):
                yield one.id


# --- what it hands on ----------------------------------------------------------------------------
def listed_names(tree: ast.Module) -> frozenset[str] | None:
    """The names in `__all__`, those of its parts that are spelled out; None without `__all__`."""
    found: set[str] | None = None
    for statement in statements(tree.body):
        value = _all_part(statement)
        if value is not None:
            strings = (node.value for node in ast.walk(value) if isinstance(node, ast.Constant))
            known = found or set[str]()
            found = known | {text for text in strings if isinstance(text, str)}
    return None if found is None else frozenset(found)


def _all_part(statement: ast.stmt) -> ast.AST | None:
    """The expression that a statement puts into `__all__`."""
    match statement:
        case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
            return value
        case ast.AugAssign(target=ast.Name(id="__all__"), value=value):
            return value
        case ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value):
            return value
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="__all__")), args=[value])):
            return value
        case _:
            return None


def import_nodes(tree: ast.Module) -> list[ImportNode]:
    """Every import of a module, those inside functions too: some packages load lazily."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def exports(
    nodes: Iterable[ImportNode], module: str, *, is_package: bool, listed: frozenset[str] | None
) -> list[Export]:
    """Names that are imported here and meant for those who import this module.

    That is what comes by `*`, what `__all__` lists, and in a package without `__all__` the public names
    that it takes from its own modules.
    """
    found: dict[str, set[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            continue
        source = absolute(node, module, is_package=is_package)
        own = is_package and listed is None and source.startswith(f"{module}.")
        for name in (alias.name for alias in node.names):
            if name == "*" or (name in listed if listed is not None else own and not name.startswith("_")):
                found.setdefault(source, set()).add(name)
    return [Export(source, tuple(sorted(names))) for source, names in sorted(found.items())]


def absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    """The full name of the module that a `from` imports from."""
    if node.level == 0:
        return node.module or ""
    above = module.split(".")
    base = above[: len(above) - node.level + (1 if is_package else 0)]
    return ".".join([*base, *([node.module] if node.module else [])])


def imports(nodes: Iterable[ImportNode], module: str, *, is_package: bool) -> list[str]:
    """The modules that it imports anywhere, sorted."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        else:
            found.add(absolute(node, module, is_package=is_package))
    return sorted(found - {""})
