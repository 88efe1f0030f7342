"""The resources for people and other languages."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.server.conftest import Site, client, job, manifest
from wherry import Client, task
from wherry.errors import JobFailed
from wherry.messages import ClaimRequest, Edge, Report, Settlement
from wherry_server import create_app
from wherry_server.serving import serving


@task(name="text.shout", queue="loud", priority=3, timeout=9)
async def shout(text: str) -> str:
    return text.upper()


async def test_hello_tells_who_answers(site: Site, http: httpx.AsyncClient) -> None:
    hello = (await http.get("/api/v1/")).json()

    assert (hello["name"], hello["protocol"], hello["generation"]) == ("wherry", 1, 1)
    assert hello["limits"]["max_payload"] == 1_049_600
    assert hello["limits"]["max_body"] == 200_000
    assert hello["capabilities"]["feed"] == "log"
    assert isinstance(hello["now_ms"], int)


async def test_hello_is_also_there_without_its_slash(http: httpx.AsyncClient) -> None:
    response = await http.get("/api/v1", follow_redirects=True)

    assert response.json()["name"] == "wherry"


async def test_a_job_is_submitted_by_the_name_of_its_task(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("text.count", queue="text", max_attempts=3, timeout_ms=7000)])

    response = await http.post("/api/v1/jobs", json={"task": "text.count", "input": "one two"})

    submitted = response.json()
    row = (await site.storage.get([submitted["id"]]))[submitted["id"]]
    assert (response.status_code, submitted["duplicate_of"]) == (201, None)
    assert response.headers["location"] == submitted["url"]
    assert submitted["url"].endswith(f"/api/v1/jobs/{row.id}")
    assert (await http.get(str(httpx.URL(site.url).join(submitted["url"])))).json()["id"] == row.id
    assert (row.task, row.queue, row.input, row.max_attempts, row.timeout_ms) == (
        "text.count", "text", '"one two"', 3, 7000,
    )  # fmt: skip


async def test_a_task_of_the_app_is_checked_by_its_own_types(site: Site) -> None:
    app = create_app(site.storage, tokens=None, tasks=[shout])
    async with serving(app) as address, client(address.url, None) as http:
        good = await http.post("/api/v1/jobs", json={"task": "text.shout", "input": "hey", "id": "a"})
        bad = await http.post("/api/v1/jobs", json={"task": "text.shout", "input": 5, "id": "b"})

    row = (await site.storage.get(["a"]))["a"]
    assert (good.status_code, row.queue, row.priority, row.timeout_ms) == (201, "loud", 3, 9000)
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_input")
    assert await site.ids() == ["a"]


async def test_what_a_submitter_says_reaches_the_row(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("t", schema={})])
    await site.storage.add([job("parent")])
    now_ms = site.clock.now_ms()
    said: dict[str, Any] = {
        "id": "a",
        "namespace": "n",
        "priority": -5,
        "run_at_ms": now_ms + 60_000,
        "deadline_at_ms": now_ms + 90_000,
        "timeout_ms": 1500,
        "max_attempts": 7,
        "run_id": "r",
        "unique": "u",
        "tags": ["x", "y"],
        "after": ["parent"],
        "ordering_key": "o",
    }

    response = await http.post("/api/v1/jobs", json={"task": "t", "input": None} | said)

    row = (await site.storage.get(["a"]))["a"]
    assert response.status_code == 201
    assert (row.namespace, row.priority, row.run_at_ms, row.deadline_at_ms) == (
        "n", -5, now_ms + 60_000, now_ms + 90_000,
    )  # fmt: skip
    assert (row.timeout_ms, row.max_attempts, row.run_id, row.tags) == (1500, 7, "r", ("x", "y"))
    assert (row.after, row.state, row.ordering_key) == ((Edge("parent"),), "blocked", "n/o")
    await http.post("/api/v1/jobs", json={"task": "t", "id": "b", "namespace": "n", "ordering_key": "o"})
    shown = (await http.get("/api/v1/jobs/b")).json()
    assert (shown["ordering_key"], shown["behind"]) == ("n/o", "a")


async def test_a_delay_is_counted_by_the_store(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("t", schema={})])

    await http.post("/api/v1/jobs", json={"task": "t", "delay_ms": 1500, "id": "a"})

    row = (await site.storage.get(["a"]))["a"]
    assert row.run_at_ms - site.clock.now_ms() == 1500


async def test_a_repeat_with_the_same_id_changes_nothing(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("t", schema={})])
    body = {"task": "t", "input": 1, "id": "mine"}

    answers = [await http.post("/api/v1/jobs", json=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert (answers[1].json()["id"], answers[1].json()["duplicate_of"]) == ("mine", "mine")
    assert await site.ids() == ["mine"]


@pytest.mark.parametrize(
    ("member", "value"),
    [("priority", 5000), ("max_attempts", 0), ("tags", [""]), ("id", "a/b"), ("timeout_ms", 0)],
)
async def test_an_option_that_cannot_be_is_refused(
    site: Site, http: httpx.AsyncClient, member: str, value: object
) -> None:
    await site.storage.write([manifest("t", schema={})])

    response = await http.post("/api/v1/jobs", json={"task": "t", "input": 1, member: value})

    assert response.status_code in (400, 422), response.text
    assert response.json()["code"] in ("malformed_request", "invalid_input")
    assert await site.ids() == []


async def run_job(site: Site, job_id: str, output: str) -> None:
    claim = ClaimRequest("token", "w", ("",), None, ("t",), 1, 30_000, (job_id,))
    (claimed,) = (await site.storage.exchange((), claim)).jobs
    report = Report(job_id, claimed.fence, 50, "halfway", '{"n": 1.50}')
    await site.storage.report([report])
    await site.storage.exchange([Settlement(job_id, claimed.fence, "complete", output=output)], None)


async def test_payloads_are_shown_as_they_were_written(site: Site, http: httpx.AsyncClient) -> None:
    """JavaScript would lose these digits: a reader that can keep them gets them."""
    await site.storage.add([job("a", input='{"n": 9007199254740993, "x": 1.50, "s": "\u2028é"}')])
    await run_job(site, "a", "12345678901234567890123")

    response = await http.get("/api/v1/jobs/a")

    found = response.json()
    assert '"input":{"n": 9007199254740993, "x": 1.50, "s": "\u2028é"}' in response.text
    assert '"output":12345678901234567890123' in response.text
    assert '"details":{"n": 1.50}' in response.text
    assert (found["state"], found["attempt"], found["message"]) == ("completed", 1, "halfway")
    assert found["input"]["n"] == 9007199254740993
    assert found["created_at_ms"] == site.clock.now_ms()


async def test_every_failed_attempt_is_shown(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.add([job("a", max_attempts=5)])
    for number, kind in enumerate(("retry", "fail"), 1):
        claim = ClaimRequest(f"token{number}", "w", ("",), None, ("t",), 1, 30_000)
        (claimed,) = (await site.storage.exchange((), claim)).jobs
        error = json.dumps({"attempt": number, "message": "line\u2028separator"}, ensure_ascii=False)
        await site.storage.exchange([Settlement("a", claimed.fence, kind, error=error)], None)  # pyright: ignore[reportArgumentType] - both are kinds

    found = (await http.get("/api/v1/jobs/a")).json()

    assert [error["attempt"] for error in found["errors"]] == [1, 2]
    assert found["errors"][0]["message"] == "line\u2028separator"


async def test_a_payload_that_another_program_spoilt_is_shown_as_text(
    site: Site, http: httpx.AsyncClient
) -> None:
    await site.storage.add([job("a", input='{"cut'), job("b", input="NaN")])

    found = [(await http.get(f"/api/v1/jobs/{name}")).json()["input"] for name in ("a", "b")]

    assert found == ['{"cut', "NaN"]


async def test_jobs_are_listed_newest_first_in_pages(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.add([job(name) for name in "abcde"])
    ids: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await http.get("/api/v1/jobs", params=query)).json()
        ids += [found["id"] for found in page["jobs"]]
        cursor = page["next"]

    assert (ids, cursor) == (["e", "d", "c", "b", "a"], None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=pending", ["a", "b", "c"]),
        ("state=completed&state=failed", []),
        ("queue=loud", ["b"]),
        ("queue=loud&queue=q", ["a", "b", "c"]),
        ("task=u", ["c"]),
        ("tag=x", ["a", "b"]),
        ("tag=x&tag=y", ["b"]),
        ("run_id=r", ["c"]),
        ("namespace=n", ["d"]),
        ("namespace=", ["a", "b", "c"]),
        ("fingerprint=f", ["a"]),
        ("limit=1", ["a"]),
    ],
)
async def test_each_part_of_the_query_narrows(
    site: Site, http: httpx.AsyncClient, query: str, expected: list[str]
) -> None:
    jobs = [
        job("a", tags=("x",), fingerprint="f"),
        job("b", queue="loud", tags=("x", "y")),
        job("c", task="u", run_id="r"),
        job("d", namespace="n", queue="else", task="else", delay_ms=5),
    ]
    await site.storage.add(jobs if "namespace" in query else jobs[:3])

    page = (await http.get(f"/api/v1/jobs?oldest_first=true&{query}")).json()

    assert [found["id"] for found in page["jobs"]] == expected


async def test_cancel_and_retry_say_whether_they_did(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.add([job("a")])

    changed = [
        (await http.post(f"/api/v1/jobs/a/{what}")).json()["changed"]
        for what in ("retry", "cancel", "cancel", "retry")
    ]

    assert changed == [False, True, False, True]
    assert (await site.storage.get(["a"]))["a"].state == "pending"


async def test_tasks_are_listed_from_the_manifest(site: Site, http: httpx.AsyncClient) -> None:
    await site.storage.write([manifest("a"), manifest("b", queue="other")])

    found = (await http.get("/api/v1/tasks")).json()["tasks"]

    assert [(one["name"], one["queue"]) for one in found] == [("a", "text"), ("b", "other")]


async def test_the_app_can_be_mounted_in_another(site: Site) -> None:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    outer = Starlette(routes=[Mount("/queue", app=create_app(site.storage, tokens=None))])
    async with serving(outer) as address, client(f"{address.url}/queue", None) as http:
        hello = await http.get("/api/v1/")
        missing = await http.get("/nothing")

    assert hello.json()["name"] == "wherry"
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_head_has_no_body(http: httpx.AsyncClient) -> None:
    response = await http.head("/api/v1/jobs")

    assert (response.status_code, response.content) == (200, b"")


async def test_an_error_of_a_javascript_worker_is_read_by_python(site: Site) -> None:
    """JavaScript leaves U+2028 as it is inside a string, and Python takes it for the end of a line."""
    await site.storage.add([job("a")])
    claim = ClaimRequest("token", "w", ("",), None, ("t",), 1, 30_000)
    (claimed,) = (await site.storage.exchange((), claim)).jobs
    error = '{"type":"Error","message":"one\u2028two","code":"error"}'
    await site.storage.exchange([Settlement("a", claimed.fence, "fail", error=error)], None)

    found = await Client(site.storage).get("a")
    with pytest.raises(JobFailed, match="one\u2028two"):
        await Client(site.storage).wait_for("a", timeout=5)

    assert [one.message for one in found.errors] == ["one\u2028two"]
