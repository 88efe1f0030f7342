"""Storages whose verbs JavaScript carries out: one string in, one string out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from wherry.errors import StorageUnavailable, UnsupportedByStorage, WherryError
from wherry.storage.faults import error_from
from wherry.storage.hints import HintListener, Hints
from wherry.storage.wire import WireStorage


class JavaScriptStorage(WireStorage):
    """A JavaScript store (`verb listen close`) as a storage; a subclass opens it and says what it is."""

    url: str

    def __init__(self) -> None:
        self.store_id: str | None = None
        self._hints = Hints()
        self._store: Any = None
        self._proxies: list[Any] = []

    def _use(self, store: Any, store_id: str | None) -> None:
        """Take the opened store."""
        self._store, self.store_id = store, store_id
        store.listen(self._proxy(self._hints.ring))

    async def __aexit__(self, *exc: object) -> None:
        await self._store.close()
        self._drop_proxies()

    def listen(self) -> HintListener:
        return self._hints.listen()

    async def _call(self, verb: str, text: str) -> str:
        if self._store is None:
            raise StorageUnavailable(f"{self.url} is not open: enter it with `async with`.")
        try:
            return await self._store.verb(verb, text)
        except pyodide_ffi().JsException as error:
            raise ours(error) from error

    def _proxy(self, function: Callable[[], object]) -> Any:
        """A Python function that JavaScript may keep until the store is left."""
        self._proxies.append(pyodide_ffi().create_proxy(function))
        return self._proxies[-1]

    def _drop_proxies(self) -> None:
        while self._proxies:
            self._proxies.pop().destroy()


def pyodide_ffi() -> Any:
    """Raises: `UnsupportedByStorage` outside a browser."""
    try:
        return importlib.import_module("pyodide.ffi")
    except ImportError:
        remedy = "it is the browser's own; use sqlite:PATH here, or http://... to share jobs with a tab."
        raise UnsupportedByStorage("IndexedDB outside a browser", "indexeddb", remedy) from None


def ours(error: Any) -> WherryError:
    """The JavaScript `WherryError` as the Python class of its code."""
    code = getattr(error, "code", None)
    if not isinstance(code, str):
        return StorageUnavailable(f"the browser's store failed: {error}", outcome_unknown=True)
    data: dict[str, Any] = error.data.to_py()
    return error_from(code, error.message, data)
