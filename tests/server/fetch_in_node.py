"""What Python in a browser does with a server; run in Pyodide by fetch_in_node.mjs."""

import asyncio
import sys

from wherry.errors import NotAStore, PayloadTooLarge, StorageUnavailable, Unauthorized
from wherry.messages import Cursor, NewJob
from wherry.storage import http
from wherry.storage.http import HTTPStorage

PAYLOAD = '{"n":9007199254740993,"text":"Zürich \U0001f600"}'


def job(job_id: str, text: str = "null") -> NewJob:
    return NewJob(job_id, "", "q", "t", text)


async def error_of(storage: HTTPStorage) -> Exception:
    try:
        async with storage:
            raise AssertionError("it opened")
    except (NotAStore, StorageUnavailable, Unauthorized) as error:
        return error


async def verbs(storage: HTTPStorage) -> None:
    added = await storage.add([job("a", PAYLOAD)])
    rows = await storage.get(["a"])
    assert [one.verdict for one in added] == ["ok"], added
    assert rows["a"].input == PAYLOAD, rows
    limit = 0
    try:
        await storage.add([job("b", f'"{"x" * 1_100_000}"')])
    except PayloadTooLarge as error:
        limit = error.limit
    assert limit == 1_049_600, limit


async def listening(storage: HTTPStorage) -> None:
    cursor = (await storage.changes(Cursor(""), limit=1)).cursor
    listener = storage.listen()
    await anext(listener)
    await storage.add([job("c")])
    found: list[str] = []
    async with asyncio.timeout(20):
        while not found:
            await anext(listener)
            page = await storage.changes(cursor, limit=10)
            found, cursor = [change.job_id for change in page.items], page.cursor
    await listener.aclose()
    assert found == ["c"], found


async def main(url: str, token: str) -> None:
    assert sys.platform == "emscripten"
    http._PAUSES_S = (0.01, 0.01, 0.01)  # pyright: ignore[reportPrivateUsage] - as the other tests do
    async with HTTPStorage(url, token=token) as storage:
        await verbs(storage)
        await listening(storage)
        async with storage.fork() as fork:
            assert list(await fork.get(["a"])) == ["a"]
    assert isinstance(await error_of(HTTPStorage(url, token="wrong")), Unauthorized)
    assert isinstance(await error_of(HTTPStorage("http://127.0.0.1:1", token=token)), StorageUnavailable)
