"""A small HTTP server on loopback for what the browser tests load."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TYPES = {
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".py": "text/x-python; charset=utf-8",
    ".wasm": "application/wasm",
    ".whl": "application/zip",
}


class Handler(SimpleHTTPRequestHandler):
    """Files of several folders, each below its prefix."""

    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | TYPES

    def __init__(self, *args: object, folders: Mapping[str, Path]) -> None:
        self.folders = folders
        super().__init__(*args)  # pyright: ignore[reportArgumentType] - request, address and server, as socketserver gives them

    def translate_path(self, path: str) -> str:
        for prefix, folder in self.folders.items():
            if path.startswith(prefix):
                self.directory = str(folder)
                return super().translate_path(path.removeprefix(prefix))
        raise AssertionError(f"no folder is served for {path}")

    def end_headers(self) -> None:
        # For the page in a sandbox, whose origin is opaque.
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a failed test shows the browser's own log."""


class Server(ThreadingHTTPServer):
    """Stops for good: connections that browsers keep open for later are closed as well."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self.connections: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().close_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in tuple(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a browser that closes a page drops its connections."""


@contextmanager
def serve(folders: Mapping[str, Path]) -> Generator[str]:
    """Serve folders by prefix, longest first, on a free port; yields the address, which ends in a slash."""
    by_length = dict(sorted(folders.items(), key=lambda item: -len(item[0])))
    server = Server(("127.0.0.1", 0), functools.partial(Handler, folders=by_length))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
