"""The HTTP server of wherry: a Starlette app to run or to mount, and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wherry_server.app import create_app
    from wherry_server.hosting import SiteFiles
    from wherry_server.service import Limits

__all__ = ["Limits", "SiteFiles", "create_app"]


def __getattr__(name: str) -> Any:
    # When they are asked for: most commands need no web server, and importing one takes longer than they do.
    if name == "create_app":
        from wherry_server.app import create_app

        return create_app
    if name == "SiteFiles":
        from wherry_server.hosting import SiteFiles

        return SiteFiles
    if name == "Limits":
        from wherry_server.service import Limits

        return Limits
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
