"""`SiteFiles`: hands out a folder that `wherry site` made, from inside any Starlette app."""

from __future__ import annotations

import mimetypes
import os
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import Scope

from wherry_server.assets import Assets

_BUILD = re.compile(r"^[0-9a-f]{16}/")
_IMMUTABLE = "public, max-age=31536000, immutable"
_FORMS = (("br", ".br"), ("gzip", ".gz"))
"""Content codings, the smaller first, and the endings of the files that hold them."""


class SiteFiles(Assets):
    """A site as an app to mount.

    Files of a build may be kept for ever and come in the smallest form that the browser takes; pages come
    with the Content-Security-Policy that wherry runs under, everything else is asked for each time.

    Args:
        directory: made by `wherry site`; `index.html` answers for its folder.
    """

    def __init__(self, directory: str | Path) -> None:
        super().__init__(directory=directory, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        name = path.replace(os.sep, "/")
        if not _BUILD.match(name):
            response = await super().get_response(path, scope)
            if name == "service-worker.js":
                # So that pages beside the site's folder can be kept as well.
                response.headers["Service-Worker-Allowed"] = "/"
            return response
        response = await self._smallest(path, scope)
        if response.status_code in (200, 304):
            response.headers["Cache-Control"] = _IMMUTABLE
        return response

    async def _smallest(self, path: str, scope: Scope) -> Response:
        accepted = Headers(scope=scope).get("accept-encoding", "")
        codings = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
        for coding, ending in _FORMS:
            if coding not in codings or not self.lookup_path(path + ending)[1]:
                continue
            response = await super().get_response(path + ending, scope)
            headers = MutableHeaders(raw=response.raw_headers)
            headers["Content-Type"] = mimetypes.guess_type(path)[0] or "application/octet-stream"
            headers["Content-Encoding"] = coding
            headers["Vary"] = "Accept-Encoding"
            return response
        return await super().get_response(path, scope)
