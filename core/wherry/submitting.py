"""Who submits: what tasks and contexts need of a client without knowing it, and the default one."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol

from wherry.errors import NoDefaultClient


class Submits(Protocol):
    """The one verb of a client that tasks and contexts use."""

    async def submit(self, task: Any, input: Any = None, /, **options: Any) -> Any:
        """See `wherry.Client.submit`."""
        ...


default_client: ContextVar[Submits | None] = ContextVar("wherry_default_client", default=None)


def current_client() -> Submits:
    """The client that `task.later` submits through.  Raises: `NoDefaultClient`."""
    client = default_client.get()
    if client is None:
        raise NoDefaultClient()
    return client
