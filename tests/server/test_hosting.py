"""A site mounted in an app: builds for ever and compressed, everything else asked for each time."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from wherry_server import SiteFiles

BUILD = "0123456789abcdef"


@pytest.fixture
def client(tmp_path: Path) -> httpx.AsyncClient:
    folder = tmp_path / BUILD
    folder.mkdir()
    (folder / "a.js").write_text("export {};\n")
    (folder / "a.js.gz").write_bytes(gzip.compress(b"export {};\n"))
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "service-worker.js").write_text("")
    app = Starlette(routes=[Mount("/deep", SiteFiles(tmp_path))])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost/deep")


async def test_a_file_of_a_build_comes_compressed_and_for_ever(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/{BUILD}/a.js", headers={"Accept-Encoding": "gzip;q=1.0, br"})

    assert answer.text == "export {};\n"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]


async def test_who_knows_no_compression_gets_the_file(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/{BUILD}/a.js", headers={"Accept-Encoding": "identity"})

    assert "content-encoding" not in answer.headers
    assert answer.text == "export {};\n"


async def test_a_page_is_asked_for_each_time_under_the_policy(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")

    assert answer.headers["cache-control"] == "no-cache"
    assert "'wasm-unsafe-eval'" in answer.headers["content-security-policy"]


async def test_the_service_worker_may_serve_the_whole_origin(client: httpx.AsyncClient) -> None:
    assert (await client.get("/service-worker.js")).headers["service-worker-allowed"] == "/"


async def test_what_is_not_in_a_build_is_not_there_and_not_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/{BUILD}/nothing.js")

    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")
