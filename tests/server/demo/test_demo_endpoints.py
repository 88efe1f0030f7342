"""`/api/demo/...`: status, facts, the index of the jobs' outputs, and the button that kills the worker."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.server.cli.command import until
from tests.server.demo.live import BUILD, Live, live
from wherry.examples import library
from wherry_server.demo.site import Site


def test_status_needs_no_token_and_tells_of_site_and_worker(demo: Live) -> None:
    status = demo.get("/api/demo/status", token=None).json()

    assert (status["site"]["state"], status["site"]["build"]) == ("ready", BUILD)
    assert (status["worker"]["state"], status["worker"]["error"]) == ("running", None)
    assert abs(status["now_ms"] - time.time() * 1000) < 10_000


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "info"), ("post", "kill-worker"), ("post", "index"), ("get", "index.json")],
)
def test_everything_else_wants_the_token(demo: Live, method: str, path: str) -> None:
    for token, code in ((None, "unauthorized"), ("wrong", "unauthorized")):
        answer = getattr(demo, method)(f"/api/demo/{path}", token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["content-type"] == "application/problem+json"


def test_info_tells_what_can_be_indexed_and_the_very_lines_that_run(demo: Live) -> None:
    info = demo.get("/api/demo/info").json()

    assert info["modules"] == library.library_modules()
    assert (info["storage"], info["lease_ms"], info["implementation"]) == ("sqlite", 5000, "CPython")
    tasks = {task["name"]: task for task in info["tasks"]}
    assert {"library.index", "library.modules", "file.statistics", "wait", "echo"} <= tasks.keys()
    index = tasks["library.index"]
    source = demo.get(index["file"], token=None).text.splitlines()
    lines = index["source"].splitlines()
    assert lines[0].startswith("@task(name=")
    assert source[index["first_line"] - 1 :][: len(lines)] == lines
    assert tasks["file.statistics"]["place"] == "browser"


def test_the_ordinary_api_is_there_as_well(demo: Live) -> None:
    assert demo.get("/api/v1/", token=None).json()["name"] == "wherry"
    answer = demo.post("/api/v1/jobs", {"task": "text.count", "input": 42})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


# --- the index -----------------------------------------------------------------------------------------
def indexed(demo: Live, run_id: str) -> dict[str, Any]:
    """The index of a run once all its jobs are done."""
    found: dict[str, Any] = {}

    def done() -> bool:
        found.update(demo.get(f"/api/demo/index.json?run_id={run_id}").json())
        return found["done"] + len(found["failed"]) == found["total"]

    until(done, lambda: str(found)[:500])
    return found


def test_an_index_grows_from_the_outputs_of_its_jobs(demo: Live) -> None:
    modules = ["asyncio", "asyncio.taskgroups", "json", "json.decoder"]
    begun = demo.post("/api/demo/index", {"modules": modules})
    assert (begun.status_code, begun.json()["jobs"]) == (201, 4)

    index = indexed(demo, begun.json()["run_id"])

    assert (index["total"], index["done"], index["failed"]) == (4, 4, [])
    assert index["fields"] == ["name", "kind", "module", "line", "found_in", "summary"]
    names = {(entry[0], entry[4]) for entry in index["entries"]}
    assert {("TaskGroup", "asyncio"), ("JSONDecoder", "json")} <= names
    assert index["lines"] > 500
    assert index["complexity"] > 50

    more = demo.post("/api/demo/index", {"modules": ["abc"]}).json()["run_id"]
    assert indexed(demo, more)["total"] == 1
    assert demo.get("/api/demo/index.json").json()["run_id"] == more


def test_a_search_of_the_index_gives_the_best_first(demo: Live) -> None:
    run_id = demo.post("/api/demo/index", {"modules": ["asyncio", "asyncio.taskgroups"]}).json()["run_id"]
    indexed(demo, run_id)

    found = demo.get(f"/api/demo/index.json?run_id={run_id}&q=taskgroup&limit=1").json()["entries"]

    assert [(entry[0], entry[2], entry[4]) for entry in found] == [
        ("TaskGroup", "asyncio.taskgroups", "asyncio")
    ]


def test_a_module_without_source_is_told_among_the_failed(demo: Live) -> None:
    index = indexed(demo, demo.post("/api/demo/index", {"modules": ["abc", "no.such"]}).json()["run_id"])

    assert (index["done"], [one["module"] for one in index["failed"]]) == (1, ["no.such"])
    assert "no source of 'no.such'" in index["failed"][0]["message"]


@pytest.mark.parametrize("body", [{"modules": "abc"}, {"modules": [1]}, [1]])
def test_a_list_of_modules_that_is_none_is_refused(demo: Live, body: Any) -> None:
    answer = demo.post("/api/demo/index", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", ""])
def test_a_limit_out_of_bounds_is_refused(demo: Live, limit: str) -> None:
    assert demo.get(f"/api/demo/index.json?q=a&limit={limit}").status_code in (400, 404)


def test_before_the_first_run_there_is_no_index(tmp_path: Path) -> None:
    with live(Site(None), tmp_path) as demo:
        answer = demo.get("/api/demo/index.json")
        manifest = demo.get("/manifest.json", token=None)

    assert (answer.status_code, answer.json()["code"]) == (404, "no_index")
    assert (manifest.status_code, manifest.json()["code"]) == (404, "site_incomplete")


# --- the kill ------------------------------------------------------------------------------------------
@pytest.mark.long
def test_a_killed_worker_is_followed_by_another_that_finishes_its_job(demo: Live) -> None:
    job = demo.post("/api/v1/jobs", {"task": "wait", "input": 3}).json()["id"]
    until(lambda: job_of(demo, job)["state"] == "running", lambda: str(job_of(demo, job)))
    worker = demo.get("/api/demo/status").json()["worker"]

    killed = demo.post("/api/demo/kill-worker").json()

    assert (killed["pid"], killed["name"], killed["signal"]) == (worker["pid"], worker["name"], 9)
    assert [one["id"] for one in killed["jobs"]] == [job]
    assert 0 < killed["jobs"][0]["lease_until_ms"] - killed["at_ms"] <= 5000
    again = demo.post("/api/demo/kill-worker")
    assert (again.status_code, again.json()["code"]) == (409, "worker_restarting")

    until(lambda: job_of(demo, job)["state"] == "completed", lambda: str(job_of(demo, job)))

    done = job_of(demo, job)
    assert (done["attempt"], done["output"]["attempt"]) == (2, 2)
    assert done["worker"] != worker["name"]
    now = demo.get("/api/demo/status").json()["worker"]
    assert (now["state"], now["restarts"], now["name"]) == ("running", worker["restarts"] + 1, done["worker"])


def job_of(demo: Live, job: str) -> dict[str, Any]:
    return demo.get(f"/api/v1/jobs/{job}").json()
