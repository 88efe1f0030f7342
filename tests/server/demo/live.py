"""A demo that runs in a thread, and a small site for it."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from wherry_server.cli.screen import Screen
from wherry_server.demo.run import Running, running_demo
from wherry_server.demo.site import Site

BUILD = "0123456789abcdef"
WASM = b"\0asm" + b"sea " * 500


def make_site(folder: Path) -> Path:
    """A complete site with one file of each kind; its `.br` holds what no brotli would, to be told apart."""
    runtime = folder / BUILD / "runtime"
    runtime.mkdir(parents=True)
    (runtime / "pyodide.asm.wasm").write_bytes(WASM)
    (runtime / "pyodide.asm.wasm.br").write_bytes(b"brotli")
    (runtime / "pyodide.asm.wasm.gz").write_bytes(gzip.compress(WASM))
    for name in ("pyodide.mjs", "pyodide-lock.json", "python_stdlib.zip", "wherry-0.1.0-py3-none-any.whl"):
        (runtime / name).write_bytes(b"{}")
    manifest = {
        "build": BUILD,
        "base": f"./{BUILD}/",
        "runtime": "runtime/",
        "files": {
            "runtime/pyodide.asm.wasm": {"raw": 2004, "br": 6, "gz": 40},
            "runtime/pyodide.mjs": {"raw": 2},
            "wherry.js": {"raw": 100, "br": 50, "gz": 60},
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


class Live:
    """What tests ask of a running demo."""

    def __init__(self, demo: Running) -> None:
        self.demo = demo
        self._client = httpx.Client(base_url=demo.url, timeout=30)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, *, token: str | None = "", **headers: str) -> httpx.Response:
        """GET with the demo's own token; None sends none."""
        return self._client.get(path, headers=self._headers(token) | headers)

    def stream(self, path: str, **headers: str) -> AbstractContextManager[httpx.Response]:
        """GET whose body is read as it was sent."""
        return self._client.stream("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, *, token: str | None = "") -> httpx.Response:
        return self._client.post(path, json={} if body is None else body, headers=self._headers(token))

    def _headers(self, token: str | None) -> dict[str, str]:
        return {} if token is None else {"Authorization": f"Bearer {token or self.demo.token}"}


@contextmanager
def live(site: Site, data: Path) -> Generator[Live]:
    """The demo, up while the context is entered."""
    stop, up = threading.Event(), threading.Event()
    found: list[Running] = []

    async def run() -> None:
        async with running_demo(Screen(json=True), site=site, data=data) as demo:
            found.append(demo)
            up.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert up.wait(60), "the demo did not come up"
    asked = Live(found[0])
    try:
        yield asked
    finally:
        asked.close()
        stop.set()
        thread.join(30)
