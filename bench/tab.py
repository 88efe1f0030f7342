"""How long a tab takes from opening the queue to its first finished job, with and without pydantic.

Warm: the browser has seen the site before, as on a second visit.  Medians of five pages in Chromium,
beside the same page's awaited raw IndexedDB `put`s, so that the machine's speed on the day can be judged.
"""

from __future__ import annotations

import functools
import statistics
import sys
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import browser as browsers  # noqa: E402 - found from the root of the repository only
from tools.paths import SITE  # noqa: E402 - the same

RUNS = 5
AIM_MS = {"without pydantic": 800, "with pydantic": 1200}
HEAD = "from wherry import task\n@task(name='first')\n"
MODULES = {
    "without pydantic": f"{HEAD}async def first(x):\n    return x\n",
    "with pydantic": f"{HEAD}async def first(x: int) -> int:\n    return x\n",
}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)

FIRST_JOB = """async ([store, module]) => {
  const began = performance.now();
  const { open } = await import("/site/wherry.js");
  const queue = await open({ url: `indexeddb:${store}`, tasks: [module] });
  await (await queue.submit("first", 1)).result();
  const took = performance.now() - began;
  await queue.close();
  return took;
}"""
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


def measure(browser: Browser, url: str, kind: str) -> tuple[float, float]:
    """Median milliseconds to the first job, and raw puts a second."""
    context = browser.new_context()
    took: list[float] = []
    puts: list[float] = []
    module = f"{url}{kind.replace(' ', '_')}.py"
    for run in range(RUNS + 1):
        page = context.new_page()
        page.goto(f"{url}blank.html")
        took.append(page.evaluate(FIRST_JOB, [f"{kind} {run}", module]))
        puts.append(page.evaluate(RAW_PUTS))
        page.close()
    context.close()
    return statistics.median(took[1:]), statistics.median(puts)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = Path(folder)
        (pages / "blank.html").write_text("<!doctype html><title>bench</title>")
        for kind, source in MODULES.items():
            (pages / f"{kind.replace(' ', '_')}.py").write_text(source)
        browser = playwright.chromium.launch(executable_path=browsers.find(), args=list(FLAGS))
        print(f"start to first job done, warm, medians of {RUNS}")
        with served(pages) as url:
            for kind, aim_ms in AIM_MS.items():
                took_ms, puts = measure(browser, url, kind)
                print(f"{kind:18} {took_ms:>7,.0f} ms  (aim {aim_ms:,} ms; {puts:,.0f} raw puts a second)")
        browser.close()


if __name__ == "__main__":
    main()
