"""The HTTP server of wherry: a Starlette app to run or to mount, and the command line."""

from wherry_server.app import create_app
from wherry_server.service import Limits

__all__ = ["Limits", "create_app"]
