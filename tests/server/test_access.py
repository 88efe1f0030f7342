"""Who may do what: scopes, origins, hosts, and what responses carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.server.conftest import ALL, Site, client, manifest
from wherry.errors import InvalidInput
from wherry_server import create_app
from wherry_server.auth import SCOPES, Tokens
from wherry_server.serving import serving

JOB = {"id": "a", "namespace": "", "queue": "q", "task": "t", "input": "1"}
CLAIM = {"token": "t", "worker": "w", "namespaces": [""], "queues": None, "tasks": ["t"], "limit": 1}
VITALS = [{"kind": "worker", "key": "w", "expected": None, "value": "1"}]
PAUSE = [{"kind": "pause", "key": "/queue/q", "expected": None, "value": "1"}]

ALLOWED: Mapping[str, tuple[str, dict[str, Any], set[str]]] = {
    "add": ("add", {"jobs": [JOB]}, {"submit"}),
    "exchange": ("exchange", {"settle": [], "claim": CLAIM | {"lease_ms": 30_000}}, {"work"}),
    "renew": ("renew", {"leases": [], "lease_ms": 30_000}, {"work"}),
    "report": ("report", {"reports": []}, {"work"}),
    "signal": ("signal", {"signals": []}, {"submit"}),
    "get": ("get", {"ids": ["a"]}, {"observe"}),
    "query": ("query", {"where": {}, "limit": 1}, {"observe"}),
    "count": ("count", {"where": {}}, {"observe"}),
    "changes": ("changes", {"since": "", "limit": 1}, {"observe"}),
    "read": ("read", {"kind": "pause"}, {"observe"}),
    "read the manifest": ("read", {"kind": "task"}, {"observe", "submit", "work"}),
    "write": ("write", {"writes": PAUSE}, {"operate"}),
    "write of itself": ("write", {"writes": VITALS}, {"operate", "work"}),
    "write both": ("write", {"writes": [*VITALS, *PAUSE]}, {"operate"}),
    "cancel by filter": ("alter", {"where": {}, "change": "cancel", "limit": 1}, {"operate"}),
    "cancel by id": (
        "alter",
        {"where": {"ids": ["a"]}, "change": "cancel", "limit": 1},
        {"operate", "submit"},
    ),
    "disable by id": ("alter", {"where": {"ids": ["a"]}, "change": "disable", "limit": 1}, {"operate"}),
    "requeue by id": ("alter", {"where": {"ids": ["a"]}, "change": "requeue", "limit": 1}, {"operate"}),
    "remove": ("alter", {"where": {}, "change": "remove", "limit": 1}, {"operate"}),
    "remove expired": (
        "alter",
        {"where": {"expired": True}, "change": "remove", "limit": 1},
        {"operate", "work"},
    ),
}


@pytest.mark.parametrize("case", ALLOWED)
async def test_a_verb_is_for_its_scopes(site: Site, case: str) -> None:
    verb, arguments, expected = ALLOWED[case]
    statuses: dict[str, int] = {}
    for scope in SCOPES:
        async with client(site.url, f"token-{scope}") as http:
            response = await http.post(f"/api/v1/verbs/{verb}", json=arguments)
            statuses[scope] = response.status_code

    assert statuses == {scope: 200 if scope in expected else 403 for scope in SCOPES}


async def test_records_beside_jobs_need_both_scopes(site: Site) -> None:
    app = create_app(site.storage, tokens={"both": ["submit", "operate"], "one": ["submit"]})
    async with serving(app) as address:
        statuses: dict[str, int] = {}
        for token in ("one", "both"):
            async with client(address.url, token) as http:
                response = await http.post("/api/v1/verbs/add", json={"jobs": [JOB], "records": PAUSE})
                statuses[token] = response.status_code

    assert statuses == {"one": 403, "both": 200}


RESOURCES = {
    ("GET", "/jobs"): {"observe"},
    ("GET", "/jobs/nope"): {"observe"},
    ("POST", "/jobs"): {"submit"},
    ("POST", "/jobs/nope/cancel"): {"submit", "operate"},
    ("POST", "/jobs/nope/retry"): {"operate"},
    ("GET", "/tasks"): {"observe", "submit", "work"},
    ("GET", "/changes"): {"observe"},
    ("GET", "/"): set(SCOPES),
}


@pytest.mark.parametrize(("method", "path"), RESOURCES)
async def test_a_resource_is_for_its_scopes(site: Site, method: str, path: str) -> None:
    await site.storage.write([manifest("text.count")])
    body = {"task": "text.count", "input": "x"} if path == "/jobs" and method == "POST" else None
    allowed: set[str] = set()
    for scope in SCOPES:
        async with client(site.url, f"token-{scope}") as http:
            response = await http.request(method, f"/api/v1{path}", json=body)
            assert response.status_code in (200, 201, 403, 404), response.text
            allowed |= {scope} if response.status_code != 403 else set()

    assert allowed == RESOURCES[method, path]


async def test_hello_needs_no_token_and_checks_one_that_is_sent(site: Site) -> None:
    answers: dict[str | None, Any] = {}
    for token in (None, ALL, "token-work"):
        async with client(site.url, token) as http:
            answers[token] = (await http.get("/api/v1/")).json()["scopes"]
    async with client(site.url, "wrong") as http:
        wrong = await http.get("/api/v1/")

    assert answers == {None: [], ALL: sorted(SCOPES), "token-work": ["work"]}
    assert (wrong.status_code, wrong.json()["code"]) == (401, "unauthorized")


async def test_an_app_without_tokens_is_open(site: Site) -> None:
    async with serving(create_app(site.storage, tokens=None)) as address, client(address.url, None) as http:
        hello = (await http.get("/api/v1/")).json()
        response = await http.get("/api/v1/jobs")

    assert (hello["scopes"], response.status_code) == (sorted(SCOPES), 200)


@pytest.mark.parametrize(
    "tokens",
    [{"": ["work"]}, {"a b": ["work"]}, {"tökén": ["work"]}, {"t": ["admin"]}, {"t": []}, {"a\n": ["work"]}],
)
def test_tokens_that_cannot_be_are_refused(tokens: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidInput) as raised:
        Tokens(tokens)

    assert not any(token.strip() and token in str(raised.value) for token in ("a b", "tökén"))


def test_tokens_are_not_kept() -> None:
    tokens = Tokens({"my-secret": "observe"})

    assert "my-secret" not in repr(vars(tokens))
    assert tokens.scopes_of("Bearer my-secret") == {"observe"}
    assert tokens.scopes_of("bearer my-secret") == {"observe"}


# --- other origins -----------------------------------------------------------------------------------
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,last-event-id",
}


async def test_a_page_of_an_allowed_origin_may_ask(site: Site) -> None:
    async with client(site.url, None) as http:
        headers = {"Origin": "https://app.example"}
        asked = await http.options("/api/v1/verbs/add", headers=PREFLIGHT | headers)
        refused = await http.get("/api/v1/jobs", headers=headers)

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "https://app.example"
    allowed = asked.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "last-event-id"))
    # Without this header on errors too, the page would see only that something failed.
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
        401,
        "https://app.example",
    )


async def test_a_page_of_another_origin_may_not(site: Site) -> None:
    async with client(site.url) as http:
        headers = {"Origin": "https://evil.example"}
        asked = await http.options("/api/v1/verbs/add", headers=PREFLIGHT | headers)
        got = await http.get("/api/v1/jobs", headers=headers)

    assert asked.status_code == 400
    assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-origin" not in got.headers


# --- other hosts -------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "[::2]", ""])
async def test_loopback_refuses_foreign_hosts(site: Site, host: str) -> None:
    async with client(site.url) as http:
        response = await http.get("/api/v1/", headers={"Host": host})

    assert (response.status_code, response.json()["code"]) == (421, "wrong_host")
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1:5", "[::1]:80"])
async def test_loopback_knows_its_own_names(site: Site, host: str) -> None:
    async with client(site.url) as http:
        response = await http.get("/api/v1/", headers={"Host": host})

    assert response.status_code == 200


async def test_a_proxy_in_front_is_named_when_the_app_is_made(site: Site) -> None:
    app = create_app(site.storage, tokens=None, hosts=["Jobs.example"])
    async with serving(app) as address, client(address.url, None) as http:
        statuses = [
            (await http.get("/api/v1/", headers={"Host": host})).status_code
            for host in ("jobs.example", "other.example")
        ]

    assert statuses == [200, 421]


async def test_elsewhere_than_on_loopback_any_host_is_right(site: Site) -> None:
    transport = httpx.ASGITransport(create_app(site.storage, tokens=None))
    async with httpx.AsyncClient(transport=transport, base_url="http://jobs.example") as http:
        response = await http.get("/api/v1/")

    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/jobs", "/api/openapi.json", "/api/v1/verbs/get"])
async def test_every_response_is_marked(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)

    names = ("x-content-type-options", "x-frame-options", "referrer-policy")
    assert [response.headers[name] for name in names] == ["nosniff", "DENY", "no-referrer"]
    assert "server" not in response.headers


async def test_no_token_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with client(site.url) as http, client(site.url, "wrong-token-1") as wrong:
        await http.get("/api/v1/jobs")
        await http.post("/api/v1/verbs/add", content="{", headers={"Content-Type": "application/json"})
        await wrong.get("/api/v1/jobs")

    ours = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    )
    assert ALL not in ours
    assert "wrong-token-1" not in ours
