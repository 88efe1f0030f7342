"""What the browser loads: the page, the package's own files, the sources of the tasks, the built site."""

from __future__ import annotations

import mimetypes
from importlib.util import find_spec
from pathlib import Path

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from wherry.examples import basic, files, library
from wherry_server.assets import Assets
from wherry_server.demo.site import MANIFEST, Site
from wherry_server.problems import Refusal, answer

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
TASK_MODULES = (basic, library, files)

ENTRY = "demos/wherry.js"
_ASK_AGAIN = {"Cache-Control": "no-cache"}
_IMMUTABLE = "public, max-age=31536000, immutable"
_FORMS = (("br", ".br"), ("gzip", ".gz"))
"""Content codings, the smaller first, and the endings of the files that hold them."""


class _Build(StringConvertor):
    """The name of a build: sixteen hexadecimal digits."""

    regex = "[0-9a-f]{16}"


register_url_convertor("build", _Build())


def static_folder() -> Path:
    """The package's own files for browsers."""
    package = find_spec("wherry_web")
    assert package is not None
    assert package.submodule_search_locations
    return Path(next(iter(package.submodule_search_locations))) / "static"


def routes(site: Site) -> list[BaseRoute]:
    """Every address outside of `/api`."""

    async def manifest(_: Request) -> Response:
        if site.folder is None or site.build is None:
            status = site.status()
            message = f"the tab's runtime is {status['state']}: {status['remedy'] or 'it is being made now.'}"
            return answer(Refusal(404, "site_incomplete", message))
        return FileResponse(site.folder / MANIFEST, headers={"Cache-Control": "no-cache"})

    async def entry(_: Request) -> Response:
        # The small demos run the build, as the pages of a published site do, so that they work offline.
        if site.build is None:
            return FileResponse(static_folder() / ENTRY, headers=_ASK_AGAIN)
        text = f'export * from "/{site.build.name}/wherry.js";\n'
        return Response(text, headers=_ASK_AGAIN, media_type="text/javascript")

    async def built(request: Request) -> Response:
        path = _file_of(site, request.path_params["build"], request.path_params["path"])
        if path is None:
            return answer(Refusal(404, "not_found", f"{request.url.path} is in no build that is here."))
        return _compressed(path, request.headers.get("accept-encoding", ""))

    return [
        Route("/", _home),
        Route(f"/{MANIFEST}", manifest),
        Route(f"/{ENTRY}", entry),
        Route("/{build:build}/{path:path}", built),
        *(Route(address, _source(file)) for address, file in python_files().items()),
        Mount("/", _Pages(directory=static_folder(), html=True)),
    ]


async def _home(_: Request) -> Response:
    # Below /demo/, so that the page's relative links fit a published site as well; the fragment comes along.
    return RedirectResponse("/demo/")


def python_files() -> dict[str, Path]:
    """The files of the demo's tasks by address."""
    paths = [Path(str(module.__file__)) for module in TASK_MODULES]
    return {f"/demo/py/{path.name}": path for path in paths}


def _source(path: Path):
    async def show(_: Request) -> Response:
        return FileResponse(path, media_type="text/x-python", headers={"Cache-Control": "no-cache"})

    return show


def _file_of(site: Site, build: str, path: str) -> Path | None:
    if site.folder is None:
        return None
    folder = (site.folder / build).resolve()
    found = (folder / path).resolve()
    return found if found.is_relative_to(folder) and found.is_file() else None


def _compressed(path: Path, accepted: str) -> Response:
    """The smallest form that the browser takes; the name tells the content, so that it never changes."""
    media_type = mimetypes.guess_type(path.name, strict=False)[0] or "application/octet-stream"
    headers = {"Cache-Control": _IMMUTABLE, "Vary": "Accept-Encoding"}
    codings = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    for coding, ending in _FORMS:
        sibling = path.with_name(path.name + ending)
        if coding in codings and sibling.is_file():
            headers["Content-Encoding"] = coding
            return FileResponse(sibling, media_type=media_type, headers=headers)
    return FileResponse(path, media_type=media_type, headers=headers)


class _Pages(Assets):
    """The package's files under the strictest policy that the demo runs with."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.media_type == "text/html":
            MutableHeaders(raw=response.raw_headers)["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response
