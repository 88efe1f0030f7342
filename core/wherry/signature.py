"""Reads how a handler wants to be called: one input or none, a Context or none, function or class."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from wherry.errors import InvalidTask

_KINDS = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Signature:
    """The shape of a handler.

    A parameter is the Context when it is named `context` or annotated `Context`.

    Raises: `InvalidTask` when the handler takes more than one input and a Context.
    """

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.name = getattr(fn, "__name__", "task")
        self._fn = fn
        self.run: Callable[..., Any] = self._runner(fn)
        self.is_async = inspect.iscoroutinefunction(self.run)
        self.input_name: str | None = None
        self.context_name: str | None = None
        self._read_parameters()

    def _runner(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        if not inspect.isclass(fn):
            return fn
        execute = getattr(cast("type[Any]", fn)(), "execute", None)
        if execute is None:
            raise InvalidTask(self.name, "a class needs a method `execute(self, input, context)`.")
        return execute

    def _read_parameters(self) -> None:
        try:
            parameters = inspect.signature(self.run).parameters.values()
        except (TypeError, ValueError):
            raise InvalidTask(self.name, "its parameters cannot be read; wrap it in a `def`.") from None
        inputs: list[str] = []
        for parameter in parameters:
            if parameter.name == "context" or _names_context(parameter.annotation):
                self.context_name = parameter.name
            elif parameter.kind in _KINDS:
                inputs.append(parameter.name)
            elif parameter.default is inspect.Parameter.empty:
                raise InvalidTask(
                    self.name, f"`{parameter}`: take one input, and a `context: Context` if you want one."
                )
        if len(inputs) > 1:
            raise InvalidTask(
                self.name, f"it takes {len(inputs)} inputs ({', '.join(inputs)}): put them in one object."
            )
        self.input_name = inputs[0] if inputs else None
        self._context_first = bool(parameters) and next(iter(parameters)).name == self.context_name

    def call(self, value: Any, context: Any) -> Any:
        """Call the handler with what it asks for."""
        if self.input_name is None:
            return self.run(context) if self.context_name else self.run()
        if self.context_name is None:
            return self.run(value)
        return self.run(context, value) if self._context_first else self.run(value, context)

    # --- annotations ------------------------------------------------------------------------------
    def input_annotation(self) -> Any:
        return type(None) if self.input_name is None else self._annotation(self.input_name)

    def output_annotation(self) -> Any:
        return self._annotation("return")

    def _annotation(self, name: str) -> Any:
        found = getattr(self.run, "__annotations__", {}).get(name, Any)
        if found is None:
            return type(None)
        while isinstance(found, str):  # twice a string where both quotes and the future import were used
            found = self._resolve(name, found)
        return found

    def _resolve(self, name: str, text: str) -> Any:
        """A string annotation, seen from the handler: its module's names and those it closes over."""
        plain = inspect.unwrap(getattr(self.run, "__func__", self.run))
        try:
            return eval(text, {**getattr(plain, "__globals__", {}), **_closed_over(plain)})
        except NameError as error:
            raise InvalidTask(
                self.name, f"its annotation `{name}: {text}` is not defined in its module ({error})."
            ) from None

    def code_hash(self) -> str:
        """Sixteen hexadecimal digits over the handler's source, or its bytecode if only that is there."""
        try:
            source = inspect.getsource(self._fn).encode()
        except (OSError, TypeError):
            code = getattr(self.run, "__code__", None)
            source = code.co_code + repr(code.co_consts).encode() if code else self.name.encode()
        return hashlib.sha256(source).hexdigest()[:16]


def _closed_over(fn: Any) -> dict[str, Any]:
    """What a function closes over, but for what has no value yet (`inspect.getclosurevars` fails there)."""
    names = getattr(getattr(fn, "__code__", None), "co_freevars", ())
    found: dict[str, Any] = {}
    for name, cell in zip(names, getattr(fn, "__closure__", None) or (), strict=True):
        with suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def _names_context(annotation: object) -> bool:
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return name.rsplit(".", 1)[-1] == "Context"
