"""Checks and headers that every response has, whatever answers."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wherry_server.problems import Refusal, answer

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Guard:
    """Refuses foreign Host headers on loopback, and adds the headers above.

    A page of any site can make its own name resolve to 127.0.0.1 and then read from this server as
    its own origin (DNS rebinding).  Its requests still name that site in `Host`.

    Args:
        hosts: further names under which a server on loopback may be called, as a proxy in front
            of it does; `*` for all.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = _LOOPBACK_NAMES.union(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._app if self._is_welcome(scope) else answer(_wrong_host(scope))
        await app(scope, receive, guarded)

    def _is_welcome(self, scope: Scope) -> bool:
        if "*" in self._hosts or not _on_loopback(scope):
            return True
        return _host(scope) in self._hosts


def _on_loopback(scope: Scope) -> bool:
    address = (scope.get("server") or ("", 0))[0]
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _host(scope: Scope) -> str:
    """The name in the Host header, without its port."""
    host = Headers(scope=scope).get("host", "").lower()
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _wrong_host(scope: Scope) -> Refusal:
    host = _host(scope)
    return Refusal(
        421,
        "wrong_host",
        f"this server listens on loopback and is not {host or 'a request without a Host header'}: "
        "call it as localhost, or name the host when making the app (hosts=).",
        host=host,
    )
