"""Junk at the door: every answer is an answer, none is a failure of the server, none stores junk."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.loopback import loopback
from wherry.storage.sqlite import SQLiteStorage
from wherry.storage.wire import VERBS
from wherry_server import create_app

ONE_STORE = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NAMES = sorted({field.name for verb in VERBS.values() for field in verb.parameters}) + [
    "id", "fence", "kind", "input", "queue", "task", "namespace", "lease_ms", "token", "key", "value",
    "expected", "unique", "after", "parent", "states", "tags", "ids", "output", "step", "logs", "wake",
]  # fmt: skip

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ["null", "complete", "cancel", "pending", "\x00", "\u2028", "a", "99999999999999999999"]
    )
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=20,
)


def assert_answered(response: httpx.Response) -> None:
    """A success, or a refusal with a code; never a failure."""
    assert response.status_code < 500, (response.status_code, response.text, response.request.content[:500])
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"]


@ONE_STORE
@given(verb=st.sampled_from(sorted(VERBS)), junk=JUNK)
def test_any_json_is_answered(sync_http: httpx.Client, verb: str, junk: Any) -> None:
    assert_answered(sync_http.post(f"/api/v1/verbs/{verb}", json=junk))


@ONE_STORE
@given(verb=st.sampled_from(sorted(VERBS)), junk=st.binary(max_size=60))
def test_any_bytes_are_answered(sync_http: httpx.Client, verb: str, junk: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    response = sync_http.post(f"/api/v1/verbs/{verb}", content=junk, headers=headers)

    assert_answered(response)


# Right names with values of right and wrong types: deeper than plain junk gets.
WORDS = st.sampled_from(["a", "b", "", "q", "ü", "\u2028", "x" * 1001])
NUMBERS = st.sampled_from([0, 1, -1, 1001, 2**42, 2**53 - 1, 2**53, 10**30, 1.5])
PAYLOADS = st.sampled_from(["null", '"x"', "{", "", "1e999", "9" * 5000, '"\\ud800"', "NaN"])
UNIQUE = st.fixed_dictionaries({"key": WORDS, "hold": st.sampled_from(["queued", "done", "period", "?"])})
JOB = st.fixed_dictionaries(
    {"id": WORDS, "namespace": WORDS, "queue": WORDS, "task": WORDS, "input": PAYLOADS},
    optional={
        "priority": NUMBERS,
        "delay_ms": NUMBERS,
        "run_at_ms": NUMBERS,
        "deadline_at_ms": NUMBERS,
        "max_attempts": NUMBERS,
        "priority_step_ms": NUMBERS,
        "tags": st.lists(WORDS, max_size=2),
        "unique": UNIQUE,
        "after": st.lists(st.fixed_dictionaries({"parent": WORDS}), max_size=2),
    },
)
CLAIM = st.fixed_dictionaries(
    {
        "token": WORDS,
        "worker": WORDS,
        "namespaces": st.lists(WORDS, max_size=2),
        "queues": st.none() | st.lists(WORDS, max_size=2),
        "tasks": st.lists(WORDS, max_size=2),
        "limit": NUMBERS,
        "lease_ms": NUMBERS,
    }
)
SETTLEMENT = st.fixed_dictionaries(
    {
        "id": WORDS,
        "fence": NUMBERS,
        "kind": st.sampled_from(["complete", "retry", "snooze", "suspend", "end"]),
    },
    optional={"output": PAYLOADS, "error": PAYLOADS, "delay_ms": NUMBERS, "wake": st.just({"after_ms": 5})},
)
WHERE = st.fixed_dictionaries(
    {},
    optional={
        "ids": st.lists(WORDS, max_size=3),
        "states": st.just(["pending"]),
        "finished_for_ms": NUMBERS,
        "lapsed": st.booleans(),
        "expired": st.booleans(),
        "tags": st.lists(WORDS, max_size=2),
    },
)
RECORD = st.fixed_dictionaries(
    {"kind": WORDS, "key": WORDS, "expected": NUMBERS, "value": st.none() | PAYLOADS}
)
ALTERATIONS = st.sampled_from(["cancel", "requeue", "disable", "remove"])
ARGUMENTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "add": st.fixed_dictionaries({"jobs": st.lists(JOB, max_size=3)}),
    "exchange": st.fixed_dictionaries(
        {"settle": st.lists(SETTLEMENT, max_size=2), "claim": st.none() | CLAIM}
    ),
    "renew": st.fixed_dictionaries({"leases": st.just([{"id": "a", "fence": 1}]), "lease_ms": NUMBERS}),
    "query": st.fixed_dictionaries({"where": WHERE, "limit": NUMBERS}, optional={"cursor": WORDS}),
    "count": st.fixed_dictionaries({"where": WHERE}, optional={"by": st.just(["state", "task"])}),
    "alter": st.fixed_dictionaries({"where": WHERE, "change": ALTERATIONS, "limit": NUMBERS}),
    "changes": st.fixed_dictionaries({"since": WORDS, "limit": NUMBERS}),
    "write": st.fixed_dictionaries({"writes": st.lists(RECORD, max_size=2)}),
    "read": st.fixed_dictionaries({"kind": WORDS}, optional={"prefix": WORDS}),
}
PLAUSIBLE = st.one_of(*(st.tuples(st.just(name), values) for name, values in ARGUMENTS.items()))


@settings(ONE_STORE, max_examples=400)
@given(call=PLAUSIBLE)
def test_plausible_calls_are_answered(sync_http: httpx.Client, call: tuple[str, dict[str, Any]]) -> None:
    verb, arguments = call

    assert_answered(sync_http.post(f"/api/v1/verbs/{verb}", json=arguments))


@pytest.fixture
async def sqlite_http(tmp_path: Path) -> AsyncGenerator[httpx.Client]:
    async with SQLiteStorage(str(tmp_path / "jobs.db")) as storage:
        app = create_app(storage, tokens=None)
        with loopback().mounted(app) as url, httpx.Client(base_url=url, timeout=20, trust_env=False) as found:
            yield found


@settings(ONE_STORE, max_examples=400)
@given(call=PLAUSIBLE)
def test_plausible_calls_are_answered_by_sqlite(
    sqlite_http: httpx.Client, call: tuple[str, dict[str, Any]]
) -> None:
    """Its columns have 64 bits and its text is UTF-8: what does not fit must not get so far."""
    verb, arguments = call

    assert_answered(sqlite_http.post(f"/api/v1/verbs/{verb}", json=arguments))


@ONE_STORE
@given(body=JUNK, name=st.sampled_from(["t", "text.count"]))
def test_any_submit_is_answered(sync_http: httpx.Client, body: Any, name: str) -> None:
    members: dict[str, Any] = body if isinstance(body, dict) else {"input": body}

    assert_answered(sync_http.post("/api/v1/jobs", json=members | {"task": name}))


QUERIES = st.dictionaries(
    st.sampled_from(["state", "queue", "task", "limit", "cursor", "since", "tag", "oldest_first"]),
    st.text(max_size=6),
)


@ONE_STORE
@given(path=st.sampled_from(["jobs", "changes", "tasks"]), query=QUERIES)
def test_any_query_is_answered(sync_http: httpx.Client, path: str, query: dict[str, str]) -> None:
    assert_answered(sync_http.get(f"/api/v1/{path}", params=query))


def test_what_was_stored_can_be_read_back(sync_http: httpx.Client) -> None:
    """Whatever passes the door also passes the way back, as one JSON document."""

    @settings(ONE_STORE, max_examples=100)
    @given(call=PLAUSIBLE)
    def fill(call: tuple[str, dict[str, Any]]) -> None:
        sync_http.post(f"/api/v1/verbs/{call[0]}", json=call[1])

    fill()
    listed = sync_http.get("/api/v1/jobs?limit=1000")
    rows = sync_http.post("/api/v1/verbs/query", json={"where": {}, "limit": 1000})

    # Digits stay text: Python refuses to convert thousands of them.
    jobs = json.loads(listed.content, parse_int=str)["jobs"]
    assert [one["id"] for one in jobs] == [row.id for row in VERBS["query"].read_result(rows.text)[0]]
