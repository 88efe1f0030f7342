"""A server's storage as a tab's Python reaches it: through the keeper, which holds the leases."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Self

from wherry.messages import Capabilities
from wherry.storage.shapes import shape
from wherry_web.javascript_store import JavaScriptStorage

_CAPABILITIES = shape(Capabilities)


class ServerStorage(JavaScriptStorage):
    """The verbs of a server, sent by the keeper of this tab.

    Args:
        server: what the keeper knows of it: `url`, `store_id`, `capabilities`.
    """

    def __init__(self, server: Mapping[str, Any]) -> None:
        super().__init__()
        self._server = server
        self.url: str = server["url"]
        self.capabilities: Capabilities = _CAPABILITIES.read(server["capabilities"])

    def fork(self) -> ServerStorage:
        return ServerStorage(self._server)

    async def __aenter__(self) -> Self:
        # The one store of this executor, whatever it is.
        store = await importlib.import_module("wherry_idb").openStore()
        self._use(store, self._server["store_id"])
        return self
