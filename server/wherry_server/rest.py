"""Resources for people and other languages: hello, jobs, tasks."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import quote

from starlette.responses import JSONResponse, Response

from wherry.errors import JobNotFound
from wherry.job import JobRow
from wherry.messages import Alteration, Filter, State
from wherry.storage.shapes import Field, Shape, field
from wherry.storage.wire import PROTOCOL
from wherry.task import JobOptions
from wherry_server.auth import Scopes
from wherry_server.door import check
from wherry_server.job_text import job_text
from wherry_server.operations import API, Call, Handler, Operation, parameter


# --- hello -------------------------------------------------------------------------------------------
async def _hello(call: Call) -> Response:
    service, storage = call.service, call.service.storage
    authorization = call.request.headers.get("authorization")
    # A token is not needed, but one that is shown is checked: a client learns at once that its own is wrong.
    scopes: Scopes = frozenset()
    if authorization is not None or service.tokens.open:
        scopes = service.tokens.scopes_of(authorization)
    return JSONResponse(
        {
            "name": "wherry",
            "protocol": PROTOCOL,
            "store_id": storage.store_id,
            "generation": getattr(storage, "generation", 1),
            "now_ms": time.time_ns() // 1_000_000,
            "limits": {
                "max_payload": storage.capabilities.max_payload,
                "max_body": service.limits.max_body,
                "max_page": service.limits.max_page,
                "max_wait_s": service.limits.max_wait_s,
            },
            "capabilities": asdict(storage.capabilities),
            "scopes": sorted(scopes),
        }
    )


# --- jobs --------------------------------------------------------------------------------------------
async def _submit(call: Call) -> Response:
    body = await call.body(_SUBMIT)
    given = {name: value for name, value in body.items() if value is not None}
    check(given, 0)
    client = call.service.client(body["namespace"])
    handle = await client.submit(body["task"], body["input"], **_options(given))
    # From the request's own path: the app may be mounted below another.
    url = f"{call.request.url.path}/{quote(handle.id, safe='')}"
    answer = {"id": handle.id, "duplicate_of": handle.duplicate_of, "url": url}
    return JSONResponse(answer, 200 if handle.duplicate_of else 201, {"Location": url})


def _options(given: dict[str, Any]) -> JobOptions:
    """The client's options from those of the body: its durations are seconds, its instants datetimes."""
    options: dict[str, Any] = {name: given[name] for name in _SAME if name in given}
    options |= {name: given[f"{name}_ms"] / 1000 for name in ("delay", "timeout") if f"{name}_ms" in given}
    for name, member in (("run_at", "run_at_ms"), ("deadline", "deadline_at_ms")):
        if member in given:
            options[name] = datetime.fromtimestamp(given[member] / 1000, UTC)
    return cast("JobOptions", options)


async def _list(call: Call) -> Response:
    query = call.query(_QUERY)
    check(query, 0)
    where = Filter(
        namespaces=query["namespace"],
        states=query["state"] or None,
        queues=query["queue"] or None,
        tasks=query["task"] or None,
        run_id=query["run_id"],
        fingerprint=query["fingerprint"],
        tags=query["tag"],
        oldest_first=query["oldest_first"],
    )
    limit = min(query["limit"], call.service.limits.max_page)
    rows, after = await call.service.storage.query(where, limit=limit, cursor=query["cursor"])
    return _json(f'{{"jobs":[{",".join(map(job_text, rows))}],"next":{json.dumps(after)}}}')


async def _show(call: Call) -> Response:
    return _json(job_text(await _row(call)))


async def _row(call: Call) -> JobRow:
    job_id = call.request.path_params["id"]
    row = (await call.service.storage.get([job_id])).get(job_id)
    if row is None:
        raise JobNotFound(job_id)
    return row


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _alter(change: Alteration) -> Handler:
    async def handle(call: Call) -> Response:
        await call.body(())
        job_id: str = call.request.path_params["id"]
        changed = await call.service.storage.alter(Filter(ids=(job_id,)), change, limit=1)
        if not changed:
            await _row(call)
        return JSONResponse({"id": job_id, "changed": bool(changed)})

    return handle


# --- tasks -------------------------------------------------------------------------------------------
async def _tasks(call: Call) -> Response:
    records = await call.service.storage.read("task")
    return _json(f'{{"tasks":[{",".join(record.value for record in records)}]}}')


# --- the table ---------------------------------------------------------------------------------------
_SAME = ("priority", "max_attempts", "run_id", "unique", "tags", "after", "ordering_key", "id")


def _as_it_is(value: object) -> object:
    return value


_SUBMIT = (
    field("task", str),
    Field("input", Any, None, Shape(_as_it_is)),
    field("namespace", str | None, None),
    field("priority", int | None, None),
    field("delay_ms", int | None, None),
    field("run_at_ms", int | None, None),
    field("deadline_at_ms", int | None, None),
    field("timeout_ms", int | None, None),
    field("max_attempts", int | None, None),
    field("run_id", str | None, None),
    field("unique", str | None, None),
    field("tags", Sequence[str] | None, None),
    field("after", Sequence[str] | None, None),
    field("ordering_key", str | None, None),
    field("id", str | None, None),
)

_QUERY = (
    parameter("namespace", Sequence[str], ()),
    parameter("state", Sequence[State], ()),
    parameter("queue", Sequence[str], ()),
    parameter("task", Sequence[str], ()),
    parameter("tag", Sequence[str], ()),
    parameter("run_id", str, None),
    parameter("fingerprint", str, None),
    parameter("oldest_first", bool, False),
    parameter("limit", int, 100),
    parameter("cursor", str, None),
)

_SUBMITTED = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "duplicate_of": {
            "type": ["string", "null"],
            "description": "The job that holds the same unique key.",
        },
        "url": {"type": "string"},
    },
}
_CHANGED = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "changed": {"type": "boolean", "description": "False: it was in no state where that means anything."},
    },
}
_JOB = {"$ref": "#/components/schemas/Job"}
_JOBS = {
    "type": "object",
    "properties": {"jobs": {"type": "array", "items": _JOB}, "next": {"type": ["string", "null"]}},
}
_TASKS = {"type": "object", "properties": {"tasks": {"type": "array", "items": {"type": "object"}}}}

OPERATIONS = (
    Operation(
        "GET", f"{API}/", "hello", _hello, "Who answers here, its limits and what its storage can do.",
        scopes=None, answer={"type": "object"},
        description="Needs no token, reads no jobs.  A token that is sent is checked; `scopes` are its own.",
    ),
    Operation(
        "POST", f"{API}/jobs", "submit_job", _submit, "Submit a job by the name of its task.",
        scopes=("submit",), answer=_SUBMITTED, status=201, body=_SUBMIT,
        description=(
            "The input is checked against the task's types or its JSON Schema.  With an `id` of your own a "
            "repeat changes nothing.  200 instead of 201: a job with that id or unique key stands already."
        ),
    ),
    Operation(
        "GET", f"{API}/jobs", "list_jobs", _list, "A page of jobs, newest first.",
        scopes=("observe",), answer=_JOBS, query=_QUERY,
    ),
    Operation("GET", f"{API}/jobs/{{id}}", "show_job", _show, "One job.", scopes=("observe",), answer=_JOB),
    Operation(
        "POST", f"{API}/jobs/{{id}}/cancel", "cancel_job", _alter("cancel"),
        "Cancel a job, or ask a running one to stop.", scopes=("operate", "submit"), answer=_CHANGED,
    ),
    Operation(
        "POST", f"{API}/jobs/{{id}}/retry", "retry_job", _alter("requeue"),
        "Put a failed, cancelled or disabled job back, its history kept.", scopes=("operate",),
        answer=_CHANGED,
    ),
    Operation(
        "GET", f"{API}/tasks", "list_tasks", _tasks, "The tasks that workers of this storage have.",
        scopes=("observe", "submit", "work"), answer=_TASKS,
    ),
)  # fmt: skip
