"""HTTP by the browser's own fetch, for Python in a tab: there are no sockets there."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from wherry.storage.http_transport import ANSWER_S, SILENCE_S, Answer, NoAnswer


class FetchTransport:
    """See `Transport`.  The browser keeps the connections."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._headers = url, dict(headers)
        self._js = importlib.import_module("js")
        self._ffi = importlib.import_module("pyodide.ffi")

    async def send(self, method: str, path: str, body: bytes | None = None) -> Answer:
        headers = {} if body is None else {"Content-Type": "application/json"}
        options: dict[str, Any] = {"method": method, "redirect": "manual"}
        if body is not None:
            options["body"] = body.decode()
        abort = self._js.AbortController.new()
        try:
            async with asyncio.timeout(ANSWER_S):
                response = await self._fetch(path, headers, options, abort)
                return Answer(
                    response.status, _media_type(response), await response.text(), _headers(response)
                )
        except TimeoutError:
            raise NoAnswer(f"nothing came for {ANSWER_S:g} s", sent=True) from None
        except self._ffi.JsException as error:
            # fetch does not tell a refused connection from one that broke.
            raise NoAnswer(str(error), sent=True) from error
        finally:
            abort.abort()

    @asynccontextmanager
    async def lines(self, path: str) -> AsyncGenerator[AsyncIterator[str]]:
        abort = self._js.AbortController.new()
        try:
            async with asyncio.timeout(ANSWER_S):
                response = await self._fetch(path, {"Accept": "text/event-stream"}, {}, abort)
            if response.status != 200:
                raise NoAnswer(f"the event stream was refused with {response.status}", sent=True)
            yield self._read(response.body.getReader())
        except (TimeoutError, self._ffi.JsException) as error:
            raise NoAnswer(str(error) or "the event stream fell silent", sent=True) from error
        finally:
            abort.abort()

    async def _read(self, reader: Any) -> AsyncIterator[str]:
        decoder = self._js.TextDecoder.new()
        # A plain object: each one made from Python would leak until it is destroyed.
        more = self._options({"stream": True})
        rest = ""
        while True:
            async with asyncio.timeout(SILENCE_S):
                part = await reader.read()
            if part.done:
                return
            *lines, rest = (rest + decoder.decode(part.value, more)).split("\n")
            for line in lines:
                yield line.removesuffix("\r")

    async def _fetch(self, path: str, headers: dict[str, str], options: dict[str, Any], abort: Any) -> Any:
        members = options | {
            "headers": self._headers | headers,
            "signal": abort.signal,
            "cache": "no-store",
            "credentials": "omit",
        }
        return await self._js.fetch(self._url + path, self._options(members))

    def _options(self, members: dict[str, Any]) -> Any:
        return self._ffi.to_js(members, dict_converter=self._js.Object.fromEntries)

    async def aclose(self) -> None:
        return None


def _media_type(response: Any) -> str:
    return str(response.headers.get("content-type") or "").partition(";")[0].strip().lower()


def _headers(response: Any) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers}
