"""Sites that are served wrongly, or with more than the shared one, for the tests of the tab."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from math import inf
from pathlib import Path

from tests.web.conftest import Site
from tests.web.serving import Handler, Server

PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Oddity:
    """How a site differs from a good one."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Added to every answer but those of the test pages."""
    everywhere: bool = False
    """Added to the test pages as well."""
    missing: Collection[str] = ()
    """Files, by the end of their path, that answer 404."""
    pages_for: Collection[str] = ()
    """Files that answer with a web page, as servers of one-page apps do for unknown paths."""
    replaced: Collection[str] = ()
    """Files that answer with another file's content."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Content types by the end of the path."""
    edits: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Text that is replaced by other text, by the end of the path."""
    edits_after: int = 0
    """How many answers to one of these paths come unedited first."""
    edits_until: float = inf
    """And how many there are before they come unedited again."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often these paths were asked for."""


class OddHandler(Handler):
    """Serves as an `Oddity` says."""

    def __init__(self, *args: object, folders: Mapping[str, Path], oddity: Oddity) -> None:
        self.oddity = oddity
        super().__init__(*args, folders=folders)

    def end_headers(self) -> None:
        """Without the header by which the shared server lets every origin in."""
        if self.oddity.everywhere or "/-tests/" not in self.path:
            for name, value in self.oddity.headers.items():
                self.send_header(name, value)
        SimpleHTTPRequestHandler.end_headers(self)

    def do_GET(self) -> None:
        edited = [name for name in self.oddity.edits if self.path.endswith(name)]
        self.oddity.seen.update(edited)
        oddity = self.oddity
        if not edited or not oddity.edits_after < oddity.seen[edited[0]] <= oddity.edits_until:
            return super().do_GET()
        old, new = self.oddity.edits[edited[0]]
        body = Path(self.translate_path(self.path)).read_text().replace(old, new).encode()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def translate_path(self, path: str) -> str:
        if path.endswith(tuple(self.oddity.missing)):
            return "/nowhere"
        if path.endswith(tuple(self.oddity.pages_for)):
            return str(PAGES / "blank.html")
        if path.endswith(tuple(self.oddity.replaced)):
            return str(PAGES / "tab.js")
        return super().translate_path(path)

    def guess_type(self, path: object) -> str:
        odd = [kind for end, kind in self.oddity.types.items() if str(path).endswith(end)]
        return odd[0] if odd else super().guess_type(str(path))


@contextmanager
def odd_site(
    folder: Path, manifest: dict[str, object], oddity: Oddity | None = None, made: Path | None = None
) -> Generator[Site]:
    """Serve a built site as the oddity says, and the folder `made` below `/-made/`."""
    folders = {"/-tests/": PAGES, **({"/-made/": made} if made else {}), "/": folder}
    handler = functools.partial(OddHandler, folders=folders, oddity=oddity or Oddity())
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_port}/", manifest)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
