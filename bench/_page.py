"""What the benches of the tab share: a site that is served, a Chromium, a raw loop of IndexedDB."""

from __future__ import annotations

import functools
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import browser as browsers  # noqa: E402 - found from the root of the repository only
from tools.paths import SITE  # noqa: E402 - the same

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)

RAW_EXPLAINED = "x = ratio to awaited raw puts, one a transaction, relaxed, in the same page"
RAW_PUTS = """() => new Promise((resolve, reject) => {
  const request = indexedDB.open("raw");
  request.onupgradeneeded = () => request.result.createObjectStore("jobs", { autoIncrement: true });
  request.onerror = () => reject(request.error);
  request.onsuccess = async () => {
    const began = performance.now();
    for (let number = 0; number < 300; number++) {
      const transaction = request.result.transaction("jobs", "readwrite", { durability: "relaxed" });
      transaction.objectStore("jobs").put({ number });
      await new Promise((done) => (transaction.oncomplete = done));
    }
    resolve(300_000 / (performance.now() - began));
  };
})"""


class Handler(SimpleHTTPRequestHandler):
    """The site below /site/, the page and the modules at the root; files may be kept by the browser."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, *args: object, pages: Path) -> None:
        self.pages = pages
        super().__init__(*args)  # pyright: ignore[reportArgumentType] - as socketserver gives them

    def translate_path(self, path: str) -> str:
        self.directory = str(SITE if path.startswith("/site/") else self.pages)
        return super().translate_path(path.removeprefix("/site"))

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(pages: Path) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, pages=pages))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _pages(files: Mapping[str, str]) -> Generator[tuple[Playwright, str]]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = Path(folder)
        for name, text in {"blank.html": "<!doctype html><title>bench</title>", **files}.items():
            (pages / name).write_text(text)
        with served(pages) as url:
            yield playwright, url


@contextmanager
def browsing(files: Mapping[str, str]) -> Generator[tuple[Browser, str]]:
    """A Chromium, and the address below which `files` and `blank.html` are served."""
    with _pages(files) as (playwright, url):
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=list(FLAGS))
        yield browser, url
        browser.close()


@contextmanager
def visiting(files: Mapping[str, str]) -> Generator[tuple[BrowserContext, str]]:
    """The same with a profile on disk, which alone keeps compiled WebAssembly from one visit to the next."""
    with _pages(files) as (playwright, url), tempfile.TemporaryDirectory() as profile:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=browsers.find(), args=list(FLAGS)
        )
        yield context, url
        context.close()
