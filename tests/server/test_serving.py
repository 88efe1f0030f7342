"""Where the app listens, how it stops, and the page's own files."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from tests.server.conftest import Site, client
from wherry.errors import InvalidInput
from wherry_server import create_app
from wherry_server.serving import Address, bind, is_loopback, serve, serving


def test_a_port_in_use_gives_way_to_the_next() -> None:
    with bind("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        if port > 65_000:
            pytest.fail("the system gave a port too high for this test")
        with bind("127.0.0.1", port) as second:
            assert port < second.getsockname()[1] < port + 20


def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError, match=r".+"):
        bind("192.0.2.1", 8420)


def test_the_listening_socket_sends_at_once() -> None:
    """asyncio turns Nagle's algorithm off only for sockets that name their protocol."""
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


async def test_an_open_app_listens_on_loopback_only(site: Site) -> None:
    with pytest.raises(InvalidInput, match=r"0\.0\.0\.0 can be reached by others: give the app tokens"):
        async with serving(create_app(site.storage, tokens=None), host="0.0.0.0"):
            pytest.fail("it listens")


async def test_an_app_with_tokens_listens_anywhere(site: Site) -> None:
    app = create_app(site.storage, tokens={"t": ["observe"]})
    async with (
        serving(app, host="0.0.0.0") as address,
        client(f"http://127.0.0.1:{address.port}", "t") as http,
    ):
        assert (await http.get("/api/v1/jobs")).status_code == 200


async def test_serve_runs_until_it_is_told_to_stop(site: Site) -> None:
    stop = asyncio.Event()
    told: list[Address] = []
    running = asyncio.create_task(
        serve(create_app(site.storage, tokens=None), stop=stop, port=0, started=told.append)
    )
    async with asyncio.timeout(10):
        while not told:  # noqa: ASYNC110 - `started` is a plain callback
            await asyncio.sleep(0.01)
        async with client(told[0].url, None) as http:
            assert (await http.get("/api/v1/")).status_code == 200
        stop.set()
        await running


async def test_a_request_under_way_is_answered_before_the_stop(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    read = site.storage.get

    async def slow(ids: list[str]) -> object:
        asked.set()
        await asyncio.sleep(0.3)
        return await read(ids)

    monkeypatch.setattr(site.storage, "get", slow)
    app = create_app(site.storage, tokens=None)
    async with serving(app) as address:
        http = client(address.url, None)
        asking = asyncio.create_task(http.post("/api/v1/verbs/get", json={"ids": []}))
        await asked.wait()
        started = time.monotonic()

    response = await asking
    await http.aclose()
    assert (response.status_code, response.json()) == (200, [])
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.2", True), ("::1", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_an_address_is_written_as_a_url() -> None:
    assert Address("127.0.0.1", 80).url == "http://127.0.0.1:80"
    assert Address("::1", 80).url == "http://[::1]:80"


# --- the page's own files ----------------------------------------------------------------------------
@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<title>jobs</title>")
    for name in ("app.js", "app.mjs", "app.wasm", "app.css"):
        (tmp_path / name).write_text("x")
    return tmp_path


async def test_files_have_the_types_that_browsers_insist_on(site: Site, folder: Path) -> None:
    app = create_app(site.storage, tokens={"t": ["observe"]}, static=folder)
    async with serving(app) as address, client(address.url, None) as http:
        types = {
            name: (await http.get(f"/{name}")).headers["content-type"].partition(";")[0]
            for name in ("app.js", "app.mjs", "app.wasm", "app.css")
        }
        page = await http.get("/")
        missing = await http.get("/nope.js")
        api = await http.post("/api/v1/", json={})

    assert types == {
        "app.js": "text/javascript",
        "app.mjs": "text/javascript",
        "app.wasm": "application/wasm",
        "app.css": "text/css",
    }
    assert page.text == "<title>jobs</title>"
    assert "script-src 'self' 'wasm-unsafe-eval'" in page.headers["content-security-policy"]
    assert (page.headers["cache-control"], page.headers["x-content-type-options"]) == ("no-cache", "nosniff")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (api.status_code, api.json()["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd"])
async def test_files_outside_the_folder_are_not_served(site: Site, folder: Path, path: str) -> None:
    (folder / "inside").mkdir()
    (folder / "secret").write_text("secret")
    app = create_app(site.storage, tokens=None, static=folder / "inside")
    async with serving(app) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()

    assert b" 404 " in answer.splitlines()[0] + b" "
    assert not answer.endswith(b"secret")
