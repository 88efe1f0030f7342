"""The storage's verbs over HTTP: what `HTTPStorage` and `remote.js` speak."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from wherry import vitals
from wherry.storage.protocol import Storage
from wherry.storage.wire import VERBS, Verb
from wherry_server.auth import Scope, require
from wherry_server.bodies import read_text
from wherry_server.door import check
from wherry_server.operations import API, Call, Operation
from wherry_server.problems import Refusal

SCOPES_OF: Mapping[str, tuple[Scope, ...]] = {
    "add": ("submit",),
    "exchange": ("work",),
    "renew": ("work",),
    "report": ("work",),
    "signal": ("submit",),
    "get": ("observe",),
    "query": ("observe",),
    "count": ("observe",),
    "changes": ("observe",),
    "read": ("observe", "submit", "work"),
    "alter": ("operate", "submit", "work"),
    "write": ("operate", "work"),
}
"""One of these is needed; `_narrow` says what the later ones may not do."""

WORKER_RECORDS = frozenset({"task", vitals.KIND})
"""Kinds that a worker writes of itself: its tasks, its health."""


def operations() -> list[Operation]:
    """One operation a verb, and the answer to those that do not exist."""
    return [*map(_operation, VERBS.values()), _UNKNOWN]


def _operation(verb: Verb) -> Operation:
    async def handle(call: Call) -> Response:
        text = await read_text(call.request, call.service.limits.max_body)
        arguments = verb.read_arguments(text)
        _narrow(verb.name, arguments, call)
        check(arguments, call.service.storage.capabilities.max_payload)
        _cap(arguments, call.service.limits.max_page)
        result = await getattr(call.service.storage, verb.name)(**arguments)
        if verb.name == "query" and arguments["where"].lapsed:
            result = call.service.leases.only_judged(result)
        return Response(verb.write_result(result), media_type="application/json")

    described = inspect.cleandoc(getattr(Storage, verb.name).__doc__ or "")
    return Operation(
        "POST",
        f"{API}/verbs/{verb.name}",
        f"verb_{verb.name}",
        handle,
        described.partition("\n")[0],
        scopes=SCOPES_OF[verb.name],
        answer=verb.answer,
        description=described,
        body=verb.parameters,
    )


async def _unknown(call: Call) -> Response:
    name = call.request.path_params["verb"]
    raise Refusal(
        404, "unknown_verb", f"no verb is named {name!r}: there are {', '.join(VERBS)}.", known=list(VERBS)
    )


_UNKNOWN = Operation("POST", f"{API}/verbs/{{verb}}", "verb_unknown", _unknown, "", listed=False)


def _narrow(name: str, arguments: Mapping[str, Any], call: Call) -> None:
    """What needs another scope than the verb's first.  Raises: `Forbidden`."""
    match name:
        case "add" if arguments["records"]:
            require(call.scopes, "operate")
        case "read" if arguments["kind"] != "task":
            require(call.scopes, "observe")
        case "write" if any(write.kind not in WORKER_RECORDS for write in arguments["writes"]):
            require(call.scopes, "operate")
        case "alter":
            require(call.scopes, "operate", *_may_alter(arguments))
        case _:
            pass


def _may_alter(arguments: Mapping[str, Any]) -> tuple[Scope, ...]:
    """Who else may: a submitter cancels jobs whose ids it knows, a worker removes what has expired."""
    where, change = arguments["where"], arguments["change"]
    if change == "cancel" and where.ids is not None:
        return ("submit",)
    return ("work",) if change == "remove" and where.expired else ()


def _cap(arguments: dict[str, Any], most: int) -> None:
    """No answer holds more rows than `most`: the contract lets a page be shorter than asked for."""
    if "limit" in arguments:
        arguments["limit"] = min(arguments["limit"], most)
    claim = arguments.get("claim")
    if claim is not None:
        arguments["claim"] = claim._replace(limit=min(claim.limit, most))
