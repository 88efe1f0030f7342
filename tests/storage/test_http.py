"""A wherry server as the storage: meeting it, its errors, losing it."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.storage.remote import (
    TOKEN,
    error_of_opening,
    fake,
    job,
    response,
    served,
    shorten_pauses,
    unreliable,
)
from wherry.errors import (
    Forbidden,
    InvalidInput,
    NotAStore,
    NotJson,
    PayloadTooLarge,
    RemoteError,
    SchemaTooNew,
    StorageUnavailable,
    Unauthorized,
    UnknownStorage,
    UnsupportedByStorage,
)
from wherry.messages import Capabilities, ClaimRequest, Filter, Gate, Lease, Settlement
from wherry.storage.http import HTTPStorage
from wherry.storage.http_parts import in_parts, wire_size
from wherry.storage.memory import MemoryStorage
from wherry_server import create_app
from wherry_server.serving import serving


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_pauses(monkeypatch)


# --- meeting the server --------------------------------------------------------------------------------
async def test_capabilities_and_limits_are_the_servers() -> None:
    async with served() as (url, storage), HTTPStorage(f"{url}/", token=TOKEN) as remote:
        found = remote.capabilities

        assert (found.max_payload, found.feed) == (storage.capabilities.max_payload, "log")
        assert (found.durability, found.shared) == ("none", "network")
        assert (remote.url, remote.generation) == (url, 1)


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_missing_or_wrong_token_is_told_at_once(token: str | None) -> None:
    async with served() as (url, _):
        error = await error_of_opening(url, token)

    assert isinstance(error, Unauthorized)
    assert "token" in str(error)


async def test_nobody_there_is_unavailable() -> None:
    async with served() as (url, _):
        pass

    error = await error_of_opening(url)

    assert isinstance(error, StorageUnavailable)
    assert str(error).startswith(f"{url} did not answer (")
    assert not error.outcome_unknown


PAGES = {
    "a page": response("200 OK", "text/html", "<title>hello</title>"),
    "other json": response("200 OK", "application/json", '{"name":"other"}'),
    "a list": response("200 OK", "application/json", "[1]"),
    "not found": response("404 Not Found", "text/html", "no"),
    "moved": response("301 Moved Permanently", "text/html", "", "Location: https://example.org/"),
    "hello of nothing": response("200 OK", "application/json", '{"name":"wherry"}'),
    "odd capabilities": response(
        "200 OK", "application/json", '{"name":"wherry","protocol":1,"scopes":["work"],"capabilities":{}}'
    ),
}


@pytest.mark.parametrize("case", PAGES)
async def test_another_server_is_no_store(case: str) -> None:
    async def reply(_: bytes) -> bytes:
        return PAGES[case]

    async with fake(reply) as url:
        error = await error_of_opening(url)

    assert isinstance(error, NotAStore)
    assert url in str(error)


async def test_a_later_protocol_is_too_new() -> None:
    async with served() as (url, storage):
        capabilities = json.dumps(
            {name: getattr(storage.capabilities, name) for name in Capabilities.__slots__}
        )
    hello = f'{{"name":"wherry","protocol":2,"scopes":["work"],"capabilities":{capabilities}}}'

    async def reply(_: bytes) -> bytes:
        return response("200 OK", "application/json", hello)

    async with fake(reply) as url:
        error = await error_of_opening(url)

    assert isinstance(error, SchemaTooNew)


@pytest.mark.parametrize(
    "url", ["ftp://a", "http://", "http:///path", "http://a:b", "http://[::1", "http://a b"]
)
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(UnknownStorage):
        HTTPStorage(url)


def test_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        HTTPStorage("http://me:secret@host")

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("token", ["", "a b", "a\n", "tökén"])
def test_a_token_that_no_header_carries_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        HTTPStorage("http://host", token=token)

    assert "tökén" not in str(raised.value)


async def test_it_is_used_only_while_it_is_open() -> None:
    async with served() as (url, _):
        remote = HTTPStorage(url, token=TOKEN)
        with pytest.raises(StorageUnavailable, match="is not open"):
            await remote.get(["a"])


# --- errors ------------------------------------------------------------------------------------------
async def test_an_error_of_the_server_is_raised_as_itself() -> None:
    async with served() as (url, _), HTTPStorage(url, token=TOKEN) as remote:
        with pytest.raises(PayloadTooLarge) as large:
            await remote.add([job("a")._replace(input=f'"{"x" * 1_100_000}"')])
        with pytest.raises(NotJson) as spoilt:
            await remote.add([job("a")._replace(input="{")])
        with pytest.raises(UnsupportedByStorage) as gated:
            await remote.add([job("a")._replace(gates=(Gate("g", 1),))])
        with pytest.raises(RemoteError) as body:
            await remote.add([job(f"j{n}")._replace(input=f'"{"x" * 1_000_000}"') for n in range(20)])
        with pytest.raises(NotJson):
            await remote.get(["\ud800"])

        assert (large.value.size, large.value.limit) == (1_100_002, 1_049_600)
        assert spoilt.value.path == "jobs[0].input"
        assert gated.value.what == "limits"
        assert body.value.code == "body_too_large"
        assert await remote.get(["a", "j0"]) == {}


async def test_a_token_without_the_scope_is_forbidden() -> None:
    async with (
        MemoryStorage("served") as storage,
        serving(create_app(storage, tokens={"t": ["observe"]})) as address,
        HTTPStorage(address.url, token="t") as remote,
    ):
        with pytest.raises(Forbidden) as raised:
            await remote.add([job("a")])

    assert raised.value.scope == "submit"


async def test_a_server_that_fails_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker goes on when its server is well again: a bug over there is no bug here."""

    async def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("a bug")

    async with served() as (url, storage), HTTPStorage(url, token=TOKEN) as remote:
        monkeypatch.setattr(storage, "get", broken)
        with pytest.raises(StorageUnavailable, match="its log says why") as raised:
            await remote.get(["a"])

    assert raised.value.outcome_unknown


async def test_outcomes_too_large_for_one_request_are_sent_in_several() -> None:
    """Or a worker with many slots could never settle what its handlers returned."""
    output = f'"{"x" * 1_000_000}"'
    claim = ClaimRequest("token", "w", ("",), None, ("t",), 24, 30_000)
    async with served() as (url, storage), HTTPStorage(url, token=TOKEN) as remote:
        await storage.add([job(f"j{number:02}") for number in range(25)])
        jobs = (await remote.exchange([], claim)).jobs
        settlements = [Settlement(one.id, one.fence, "complete", output=output) for one in jobs]
        assert sum(map(len, (output for _ in jobs))) > 16 * 2**20

        done = await remote.exchange(settlements, claim._replace(token="next"))

        rows = await storage.get([one.id for one in jobs])
        assert done.verdicts == ("ok",) * 24
        assert [one.id for one in done.jobs] == ["j24"]
        assert {row.output for row in rows.values()} == {output}


def test_rows_are_cut_where_they_would_not_fit() -> None:
    rows = [Settlement(str(number), 1, "complete", output="x" * 100) for number in range(5)]
    size = wire_size(rows[0])

    assert in_parts(rows, 5 * size) == [rows]
    assert in_parts(rows, 2 * size) == [rows[:2], rows[2:4], rows[4:]]
    assert in_parts(rows, 1) == [[row] for row in rows]
    assert in_parts([], 1) == [[]]


# --- losing it ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("what", ["request", "reply"])
async def test_a_lost_call_is_repeated_and_applied_once(what: str) -> None:
    # The hello is the first that passes; of the rest every other one is lost.
    async with (
        served() as (url, storage),
        unreliable(url, lambda n: what if n % 2 == 0 else "") as (proxy, seen),
    ):
        async with HTTPStorage(proxy, token=TOKEN) as remote:
            added = await remote.add([job("a")])
            rows, _ = await remote.query(Filter(), limit=10)

        assert [row.id for row in rows] == ["a"]
        assert added[0] == ("a", "ok" if what == "request" else "duplicate")
        assert len(seen) == 5
        assert seen[1] == seen[2]
        assert list(await storage.get(["a"])) == ["a"]


@pytest.mark.parametrize("what", ["request", "reply"])
async def test_a_server_that_stays_silent_leaves_the_outcome_unknown(what: str) -> None:
    async with served() as (url, storage), unreliable(url, lambda n: what if n > 1 else "") as (proxy, seen):
        async with HTTPStorage(proxy, token=TOKEN) as remote:
            with pytest.raises(StorageUnavailable) as raised:
                await remote.add([job("a")])

        assert raised.value.outcome_unknown
        assert len(seen) == 5
        assert list(await storage.get(["a"])) == (["a"] if what == "reply" else [])


async def test_a_server_that_went_away_leaves_nothing_unknown() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with served() as (url, _):
            remote = await stack.enter_async_context(HTTPStorage(url, token=TOKEN))
        with pytest.raises(StorageUnavailable) as raised:
            await remote.renew([Lease("a", 1)], lease_ms=1000)

    assert not raised.value.outcome_unknown


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "429 Too Many Requests"])
async def test_a_gateway_that_is_not_ready_is_asked_again(status: str) -> None:
    asked = 0

    async def reply(_: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return response(status, "text/html", "later")

    async with fake(reply) as url:
        error = await error_of_opening(url)

    assert isinstance(error, StorageUnavailable)
    assert asked == 4


async def test_a_storage_that_is_away_behind_the_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*args: object, **kwargs: object) -> None:
        raise StorageUnavailable("the disk is full: free some space.", outcome_unknown=True)

    async with served() as (url, storage), HTTPStorage(url, token=TOKEN) as remote:
        monkeypatch.setattr(storage, "get", away)
        with pytest.raises(StorageUnavailable, match=r"the disk is full: free some space\.") as raised:
            await remote.get(["a"])

    assert raised.value.outcome_unknown
