"""Bad requests: the exact problem, and nothing stored."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from tests.server.conftest import Site, client, job, manifest

VERBS = "/api/v1/verbs"


def problem(status: int, code: str, title: str, detail: str, **data: object) -> dict[str, object]:
    return {
        "type": f"urn:wherry:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **data,
    }


def assert_problem(response: httpx.Response, expected: dict[str, object]) -> None:
    assert response.json() == expected
    assert response.status_code == expected["status"]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


def add(**fields: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"id": "a", "namespace": "", "queue": "q", "task": "t", "input": "null"}
    return {"jobs": [usual | fields]}


async def test_a_missing_token_is_unauthorized(site: Site) -> None:
    async with client(site.url, token=None) as http:
        response = await http.get("/api/v1/jobs")

    detail = "the server wants a token: pass `token=` or set WHERRY_TOKEN."
    assert_problem(response, problem(401, "unauthorized", "Unauthorized", detail))
    assert response.headers["www-authenticate"] == 'Bearer realm="wherry"'


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer token-all2", "Bearer token-al", "Bearer é"])
async def test_a_wrong_token_is_unauthorized(site: Site, header: str) -> None:
    async with client(site.url, token=None) as http:
        response = await http.get("/api/v1/jobs", headers={b"Authorization": header.encode()})

    detail = "the server does not know this token: ask its operator for another."
    assert_problem(response, problem(401, "unauthorized", "Unauthorized", detail))


@pytest.mark.parametrize("header", ["Basic dG9rZW4tYWxs", "token-all", "Bearer", "bearer\ttoken-all", ""])
async def test_another_scheme_is_unauthorized(site: Site, header: str) -> None:
    async with client(site.url, token=None) as http:
        response = await http.get("/api/v1/jobs", headers={"Authorization": header})

    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")


async def test_a_token_without_the_scope_is_forbidden(site: Site) -> None:
    async with client(site.url, token="token-observe") as http:
        response = await http.post(f"{VERBS}/add", json=add())

    detail = "this token has no 'submit' scope: ask for one that has."
    assert_problem(response, problem(403, "forbidden", "Forbidden", detail, scope="submit"))
    assert await site.ids() == []


MALFORMED = {
    "cut off": ('{"jobs":[', "add: is not JSON: Expecting value: line 1 column 10 (char 9)"),
    "empty": ("", "add: is not JSON: Expecting value: line 1 column 1 (char 0)"),
    "no object": ("[]", "add: must be an object"),
    "not a number of JSON": ('{"jobs":[NaN]}', "add: is not JSON: NaN is not a JSON number"),
    "nothing given": ("{}", "add: jobs: is missing"),
    "not a list": ('{"jobs":{}}', "add: jobs: must be a list"),
    "no job": ('{"jobs":[null]}', "add: jobs[0]: must be an object"),
    "no input": (
        '{"jobs":[{"id":"a","namespace":"","queue":"q","task":"t"}]}',
        "add: jobs[0].input: is missing",
    ),
    "number for text": (json.dumps(add(queue=1)), "add: jobs[0].queue: must be text"),
    "text for number": (json.dumps(add(priority="1")), "add: jobs[0].priority: must be an integer"),
    "truth for number": (json.dumps(add(priority=True)), "add: jobs[0].priority: must be an integer"),
    "fraction": (json.dumps(add(priority=1.5)), "add: jobs[0].priority: must be an integer"),
    "beyond 53 bits": (
        json.dumps(add(deadline_at_ms=2**53)),
        "add: jobs[0].deadline_at_ms: must be an integer within 53 bits",
    ),
    "priority": (json.dumps(add(priority=1001)), "jobs[0].priority: must be from -1000 to 1000, not 1001"),
    "past": (json.dumps(add(delay_ms=-1)), "jobs[0].delay_ms: must be from 0 to 3162240000000, not -1"),
    "far future": (
        json.dumps(add(run_at_ms=253402300800000)),
        "jobs[0].run_at_ms: must be from 0 to 253402300799999, not 253402300800000",
    ),
    "no id": (json.dumps(add(id="")), "jobs[0].id: must not be empty"),
    "long name": (
        json.dumps(add(queue="q" * 1001)),
        "jobs[0].queue: must have at most 1000 characters, not 1001",
    ),
    "edge": (
        json.dumps(add(after=[{"parent": "p", "on_failure": "maybe"}])),
        "add: jobs[0].after[0].on_failure: must be one of fail, run, cancel",
    ),
    "half a surrogate pair": (
        '{"jobs":[{"id":"\\ud800","namespace":"","queue":"q","task":"t","input":"1"}]}',
        "add: jobs[0].id: holds half of a surrogate pair, which UTF-8 cannot carry",
    ),
    "nested": ('{"jobs":' + "[" * 50_000, "add: is nested too deeply"),
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_malformed_arguments_name_the_place(site: Site, http: httpx.AsyncClient, case: str) -> None:
    text, detail = MALFORMED[case]

    response = await http.post(
        f"{VERBS}/add", content=text, headers={"Content-Type": "application/json; charset=utf-8"}
    )

    assert_problem(response, problem(400, "malformed_request", "Malformed request", detail))
    assert await site.ids() == []


async def test_a_body_that_is_no_utf_8_is_malformed(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}

    response = await http.post(f"{VERBS}/get", content=b'{"ids":["\xff"]}', headers=headers)

    detail = "the body is not UTF-8: invalid start byte at byte 9."
    assert_problem(response, problem(400, "malformed_request", "Malformed request", detail))


async def test_one_bad_job_stores_none_of_the_call(site: Site, http: httpx.AsyncClient) -> None:
    jobs = [*add()["jobs"], *add(id="b", priority=5000)["jobs"]]

    response = await http.post(f"{VERBS}/add", json={"jobs": jobs})

    assert (response.status_code, await site.ids()) == (400, [])


@pytest.mark.parametrize("payload", ["", "{", "NaN", "'a'", "1 2", '"\n"', "[" * 5_000])
async def test_a_payload_that_is_no_json_is_refused(
    site: Site, http: httpx.AsyncClient, payload: str
) -> None:
    response = await http.post(f"{VERBS}/add", json=add(input=payload))

    body = response.json()
    assert (response.status_code, body["code"], body["path"]) == (400, "not_json", "jobs[0].input")
    assert await site.ids() == []


async def test_an_error_of_several_lines_is_refused(http: httpx.AsyncClient) -> None:
    """A row keeps one error a line."""
    settlement = {"id": "a", "fence": 1, "kind": "fail", "error": '{"type":\n"E"}'}

    response = await http.post(f"{VERBS}/exchange", json={"settle": [settlement]})

    detail = "settle[0].error: must be one line: write the JSON without line breaks"
    assert_problem(response, problem(400, "malformed_request", "Malformed request", detail))


async def test_a_payload_over_the_limit_is_refused_with_its_size(site: Site) -> None:
    from tests.server.loopback import loopback
    from wherry_server import create_app

    with loopback().mounted(create_app(site.storage, tokens={"t": ["submit"]})) as url:
        async with client(url, "t") as http:
            response = await http.post(f"{VERBS}/add", json=add(input=f'"{"ü" * 600_000}"'))

    detail = (
        "jobs[0].input is 1200002 bytes of JSON, over the limit of 1049600: "
        "store the data elsewhere and pass a reference to it."
    )
    data = {"argument": "jobs[0].input", "size": 1_200_002, "limit": 1_049_600}
    assert_problem(response, problem(413, "payload_too_large", "Payload too large", detail, **data))
    assert await site.ids() == []


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(site: Site, http: httpx.AsyncClient, chunked: bool) -> None:
    content = json.dumps(add(input=json.dumps("x" * 300_000))).encode()

    async def parts() -> AsyncGenerator[bytes]:
        for start in range(0, len(content), 10_000):
            yield content[start : start + 10_000]

    response = await http.post(
        f"{VERBS}/add",
        content=parts() if chunked else content,
        headers={"Content-Type": "application/json"},
    )

    detail = "the body is over the limit of 200000 bytes: send fewer jobs at once."
    assert_problem(response, problem(413, "body_too_large", "Body too large", detail, limit=200_000))
    assert await site.ids() == []


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_another_media_type_is_refused(site: Site, http: httpx.AsyncClient, media_type: str) -> None:
    headers = {"Content-Type": media_type} if media_type else {}

    response = await http.post(f"{VERBS}/add", content=json.dumps(add()), headers=headers)

    detail = f"the body is {media_type or 'of no type'}: send application/json."
    expected = problem(415, "unsupported_media_type", "Unsupported media type", detail)
    assert_problem(response, expected)
    assert await site.ids() == []


async def test_an_unknown_verb_is_told_the_known_ones(http: httpx.AsyncClient) -> None:
    response = await http.post(f"{VERBS}/drop", json={})

    known = ["add", "exchange", "renew", "report", "signal", "get", "query", "count", "alter", "changes"]
    known += ["read", "write"]
    detail = f"no verb is named 'drop': there are {', '.join(known)}."
    assert_problem(response, problem(404, "unknown_verb", "Unknown verb", detail, known=known))


async def test_a_wrong_method_is_told_the_right_one(site: Site, http: httpx.AsyncClient) -> None:
    response = await http.get(f"{VERBS}/add")

    path = httpx.URL(site.url).path + f"{VERBS}/add"
    detail = f"{path} does not take GET: use POST."
    assert_problem(response, problem(405, "method_not_allowed", "Method not allowed", detail))
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(("path", "methods"), [("/jobs", {"GET", "POST", "HEAD"}), ("/", {"GET", "HEAD"})])
async def test_all_methods_of_a_path_are_told(http: httpx.AsyncClient, path: str, methods: set[str]) -> None:
    response = await http.delete(f"/api/v1{path}")

    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == methods


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing", "/nothing", "/api/v2/"])
async def test_an_unknown_path_is_not_found(site: Site, http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)

    whole = httpx.URL(site.url).path + path
    detail = f"nothing is at {whole}: see /api/openapi.json for what there is."
    assert_problem(response, problem(404, "not_found", "Not found", detail))


async def test_an_unknown_task_is_told_a_near_one(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("text.count")])

    response = await http.post("/api/v1/jobs", json={"task": "text.cuont", "input": "x"})

    detail = "no task is named 'text.cuont': did you mean 'text.count'?"
    data = {"name": "text.cuont", "known": ["text.count"]}
    assert_problem(response, problem(404, "unknown_task", "Unknown task", detail, **data))
    assert await site.ids() == []


async def test_an_input_of_the_wrong_type_names_the_field(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("text.count")])

    response = await http.post("/api/v1/jobs", json={"task": "text.count", "input": 5})

    body = response.json()
    assert (response.status_code, body["code"]) == (422, "invalid_input")
    assert body["detail"].startswith("invalid input for text.count: input")
    assert body["what"] == "text.count"
    assert len(body["problems"]) == 1
    assert await site.ids() == []


async def test_a_job_that_is_not_stored_is_not_found(http: httpx.AsyncClient) -> None:
    detail = "no job 'nope' is stored: it was removed, or belongs to another storage or namespace."
    expected = problem(404, "job_not_found", "Job not found", detail, job_id="nope")

    assert_problem(await http.get("/api/v1/jobs/nope"), expected)
    assert_problem(await http.post("/api/v1/jobs/nope/cancel"), expected)
    assert_problem(await http.post("/api/v1/jobs/nope/retry", json={}), expected)


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/jobs?sate=failed", "the query has 'sate', which is not known here: use namespace, state, queue, "),
        ("/jobs?state=done", "the query: state[0]: must be one of blocked, pending, "),
        ("/jobs?limit=many", "the query: limit: must be an integer"),
        ("/jobs?limit=1e3", "the query: limit: must be an integer"),
        (f"/jobs?limit={'9' * 5000}", "the query: limit: must be an integer"),
        ("/jobs?limit=-1", "limit: must be from 0 to "),
        ("/jobs?oldest_first=yes", "the query: oldest_first: must be true or false"),
        ("/changes?wait_s=soon", "the query: wait_s: must be a number"),
        ("/changes?wait_s=nan", "the query: wait_s: must be a number within 53 bits"),
        ("/changes?limit=-5", "limit: must be from 0 to "),
        ("/events?job", "the query has"),
    ],
)
async def test_a_query_that_cannot_be_is_refused(http: httpx.AsyncClient, path: str, detail: str) -> None:
    response = await http.get(f"/api/v1{path}&x=1" if path == "/events?job" else f"/api/v1{path}")

    assert (response.status_code, response.json()["code"]) == (400, "malformed_request")
    assert response.json()["detail"].startswith(detail)


async def test_a_misspelt_member_is_refused(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("text.count")])

    response = await http.post("/api/v1/jobs", json={"task": "text.count", "input": "x", "dleay_ms": 5})

    assert response.status_code == 400
    assert response.json()["detail"].startswith(
        "the body has 'dleay_ms', which is not known here: use task, "
    )
    assert await site.ids() == []


async def test_what_the_storage_lacks_is_a_problem(site: Site, http: httpx.AsyncClient) -> None:
    response = await http.post(f"{VERBS}/add", json=add(gates=[{"key": "g", "capacity": 1}]))

    body = response.json()
    assert (response.status_code, body["code"]) == (400, "unsupported_by_storage")
    assert (body["what"], body["storage"]) == ("limits", "memory")
    assert await site.ids() == []


async def test_a_failure_of_the_server_says_nothing_of_itself(
    site: Site, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the secret of the database")

    monkeypatch.setattr(site.storage, "get", broken)

    response = await http.post(f"{VERBS}/get", json={"ids": ["a"]})

    detail = "the server failed on this request: its log says why."
    assert_problem(response, problem(500, "internal", "Internal", detail))
    assert "the secret of the database" in caplog.text


async def test_a_storage_that_is_away_is_unavailable(
    site: Site, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wherry.errors import StorageUnavailable

    async def away(*args: object, **kwargs: object) -> None:
        raise StorageUnavailable("the disk is full: free some space.", outcome_unknown=True)

    monkeypatch.setattr(site.storage, "add", away)

    response = await http.post(f"{VERBS}/add", json=add())

    detail = "the disk is full: free some space."
    expected = problem(503, "storage_unavailable", "Storage unavailable", detail, outcome_unknown=True)
    assert_problem(response, expected)
    assert response.headers["retry-after"] == "1"


async def test_a_good_job_passes_the_same_door(site: Site, http: httpx.AsyncClient) -> None:
    response = await http.post(f"{VERBS}/add", json=add(tags=["x"], colour="unknown fields are ignored"))

    assert (response.status_code, response.json()) == (200, [{"id": "a", "verdict": "ok"}])
    assert await site.ids() == ["a"]
    assert job("a", tags=("x",)).tags == (await site.storage.get(["a"]))["a"].tags
