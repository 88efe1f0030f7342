"""The page's own files: JavaScript, WebAssembly and wheels with the media types that browsers insist on."""

from __future__ import annotations

import mimetypes

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

# Hosts differ in what their registry says, and a module of type text/plain does not run.
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".whl": "application/zip",
}

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' blob: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


class Assets(StaticFiles):
    """Static files that are checked for news at each load and run nothing from elsewhere."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        headers = MutableHeaders(raw=response.raw_headers)
        headers.setdefault("Cache-Control", "no-cache")
        if response.media_type == "text/html":
            headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


def _register() -> None:
    for ending, media_type in _TYPES.items():
        mimetypes.add_type(media_type, ending)


_register()
