"""Opens a storage from its URL."""

from __future__ import annotations

from wherry.clock import Clock
from wherry.errors import UnknownStorage
from wherry.storage.memory import MemoryStorage


def open_storage(url: str, *, namespace: str = "", clock: Clock | None = None, token: str | None = None) -> MemoryStorage:
    """A storage, to be entered with `async with`."""
    if url.startswith("memory:"):
        return MemoryStorage(url.removeprefix("memory:"), clock=clock)
    raise UnknownStorage(url, ("memory:",))
