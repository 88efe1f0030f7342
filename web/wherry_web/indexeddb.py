"""Jobs in the browser's IndexedDB, shared by all tabs and workers of an origin.

The verbs themselves are JavaScript (`static/idb.js`), because a transaction does not survive a Python
`await`; this is the same text protocol that HTTP carries, one string in and one out.
"""

from __future__ import annotations

import importlib
import json
import re
from importlib import resources
from typing import Any, Literal, Self

from wherry.clock import Clock
from wherry.errors import UnsupportedByStorage
from wherry.messages import Capabilities
from wherry_web.javascript_store import JavaScriptStorage, ours, pyodide_ffi

Durability = Literal["relaxed", "strict"]

_module: Any = None
# A statement: comments import types that way.
_IMPORT = re.compile(r'((?:^|[;}])(?:import|export)\b[^;"]*from ?)"\./([\w-]+\.js)"', re.MULTILINE)


def use_module(module: Any) -> None:
    """Give the JavaScript module `idb.js`, imported by whoever started Pyodide.

    Without it the module registered as `wherry_idb` is taken (`pyodide.registerJsModule`), else
    the file in wherry's own wheel.
    """
    global _module
    _module = module


class IndexedDBStorage(JavaScriptStorage):
    """Jobs in the IndexedDB of the page's origin.

    Args:
        name: of the store.
        clock: where the store reads the time; the host's by default.
        durability: what a job outlives once `add` has returned.  `relaxed`: the end of the tab and of
            the browser, by a crash too.  `strict`: a power cut as well, at about half the writes a second.
    """

    def __init__(self, name: str, *, clock: Clock | None = None, durability: Durability = "relaxed") -> None:
        super().__init__()
        self.url = f"indexeddb:{name}"
        self.capabilities = Capabilities(
            feed="log",
            atomic="batch",
            clock="host",
            durability="process" if durability == "relaxed" else "power",
            priority=True,
            limits=False,
            shared="origin",
            max_payload=1_049_600,
        )
        self._name, self._clock = name, clock
        self._durability: Durability = durability

    def fork(self) -> IndexedDBStorage:
        return IndexedDBStorage(self._name, clock=self._clock, durability=self._durability)

    async def __aenter__(self) -> Self:
        ffi = pyodide_ffi()
        options: dict[str, Any] = {"durability": self._durability}
        if self._clock is not None:
            options["now"] = self._proxy(self._clock.now_ms)
        module = await _idb()
        try:
            store = await module.openStore(self._name, ffi.to_js(options, dict_converter=_object()))
        except ffi.JsException as error:
            self._drop_proxies()
            raise ours(error) from error
        self._use(store, (await store.ready()).store_id)
        return self


def _object() -> Any:
    return importlib.import_module("js").Object.fromEntries


async def _idb() -> Any:
    """The JavaScript module, as `use_module` says."""
    if _module is None:
        try:
            use_module(importlib.import_module("wherry_idb"))
        except ImportError:
            use_module(await _import_from_wheel("idb.js"))
    return _module


async def _import_from_wheel(name: str) -> Any:
    """Import a module of the wheel's `static` folder, which has no address, through blob URLs."""
    js = importlib.import_module("js")
    import_from = importlib.import_module("pyodide.code").run_js("(url) => import(url)")
    urls: dict[str, str] = {}

    def publish(name: str) -> str:
        if name not in urls:
            text = (resources.files("wherry_web") / "static" / name).read_text()
            text = _IMPORT.sub(lambda found: f"{found[1]}{json.dumps(publish(found[2]))}", text)
            urls[name] = js.URL.createObjectURL(
                js.Blob.new(pyodide_ffi().to_js([text]), type="text/javascript")
            )
        return urls[name]

    try:
        return await import_from(publish(name))
    except FileNotFoundError as error:
        remedy = "call wherry_web.indexeddb.use_module(idb) with the imported module first."
        raise UnsupportedByStorage("idb.js in this wheel", "indexeddb", remedy) from error
