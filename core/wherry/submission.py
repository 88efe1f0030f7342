"""From what a caller says to a `NewJob`: what can be wrong is found here, before anything is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from wherry.canonical import fingerprint
from wherry.checks import problems_in
from wherry.errors import InvalidInput
from wherry.ids import new_ids
from wherry.messages import PRIORITY_STEP_MS, Edge, NewJob, Payload
from wherry.schema import problems_with
from wherry.task import Defaults, JobOptions
from wherry.uniqueness import from_data
from wherry.validation import check_size, require_json


class ManifestEntry:
    """A task that only the manifest knows: defaults as data, and a JSON Schema instead of types."""

    def __init__(self, text: Payload) -> None:
        facts = cast("dict[str, Any]", json.loads(text))
        self.name = str(facts["name"])
        self._schema: dict[str, Any] = facts.get("schema", {})
        self.defaults = Defaults(
            self.name, facts["queue"], facts["max_attempts"], facts["backoff"], facts["timeout_ms"],
            facts["priority"], facts.get("priority_step_ms", PRIORITY_STEP_MS), facts["place"],
            tuple(facts.get("tags", ())), facts["code_hash"], facts.get("ordering_key"),
            from_data(facts.get("unique")),
        )  # fmt: skip

    def dump_input(self, value: object) -> tuple[Payload, Any]:
        """Raises: `InvalidInput`, `NotJson`."""
        require_json(value)
        problems = problems_with(value, self._schema)
        if problems:
            raise InvalidInput(self.name, problems)
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")), value


def new_jobs(
    defaults: Defaults,
    inputs: Sequence[tuple[Payload, Any]],
    options: JobOptions,
    *,
    namespace: str,
    max_payload: int,
) -> list[NewJob]:
    """Jobs ready to be stored, one for each input: its JSON text and the plain value that it says.

    Raises: `InvalidInput`, `PayloadTooLarge`.
    """
    own_id = options.get("id")
    if options:
        check(options)
        if own_id and len(inputs) > 1:
            raise InvalidInput("submit_many", ["id: one id cannot name several jobs; leave it out"])
    # All but three fields are the same for all: a NamedTuple of thirty fields costs more than the rest.
    model = _model(defaults, options, namespace) if options else _plain_model(defaults, namespace)
    front, back = model[1:_INPUT], model[_INPUT + 2 :]
    made: list[NewJob] = []
    ids = [own_id] if own_id else new_ids(len(inputs))
    for job_id, (text, plain) in zip(ids, inputs, strict=True):
        if len(text) * 4 > max_payload:
            check_size(text, max_payload, f"the input of {defaults.name}")
        made.append(NewJob._make((job_id, *front, text, fingerprint(plain), *back)))
    return made


_INPUT = NewJob._fields.index("input")
assert NewJob._fields[0] == "id"
assert NewJob._fields[_INPUT + 1] == "fingerprint"


@lru_cache(256)
def _plain_model(defaults: Defaults, namespace: str) -> NewJob:
    return _model(defaults, {}, namespace)


def _model(defaults: Defaults, options: JobOptions, namespace: str) -> NewJob:
    """A job that lacks its id and its input."""
    delay, timeout = options.get("delay"), options.get("timeout")
    ordering_key = options.get("ordering_key", defaults.ordering_key)
    return NewJob(
        id="",
        namespace=namespace,
        queue=defaults.queue,
        task=defaults.name,
        input="",
        priority=options.get("priority", defaults.priority),
        delay_ms=None if delay is None else round(delay * 1000),
        run_at_ms=_at_ms(options.get("run_at")),
        deadline_at_ms=_at_ms(options.get("deadline")),
        timeout_ms=defaults.timeout_ms if timeout is None else max(1, round(timeout * 1000)),
        max_attempts=options.get("max_attempts", defaults.max_attempts),
        backoff=defaults.backoff,
        after=tuple(
            Edge(parent if isinstance(parent, str) else parent.id) for parent in options.get("after", ())
        ),
        run_id=options.get("run_id"),
        tags=tuple(dict.fromkeys([*defaults.tags, *options.get("tags", ())])),
        priority_step_ms=defaults.priority_step_ms,
        code_hash=defaults.code_hash,
        place=defaults.place,
        ordering_key=None if ordering_key is None else f"{namespace}/{ordering_key}",
    )


def _at_ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


_BATCH_JOBS = 512
_BATCH_CHARACTERS = 4 * 1024 * 1024


def batches(jobs: Sequence[NewJob]) -> Iterator[Sequence[NewJob]]:
    """Jobs in the order given, cut into calls that no storage finds too large."""
    if len(jobs) == 1:
        yield jobs
        return
    start = size = 0
    for at, job in enumerate(jobs):
        if at > start and (at - start == _BATCH_JOBS or size + len(job.input) > _BATCH_CHARACTERS):
            yield jobs[start:at]
            start, size = at, 0
        size += len(job.input)
    if start < len(jobs):
        yield jobs[start:]


# --- the door ---------------------------------------------------------------------------------------
def check(options: Mapping[str, Any]) -> None:
    """Raises `InvalidInput` that names every option which is wrong."""
    known = JobOptions.__annotations__
    problems = [
        f"{name}: no such option; there are {', '.join(known)}" for name in options if name not in known
    ]
    problems += problems_in(options)
    if options.get("delay") is not None and options.get("run_at") is not None:
        problems.append("delay: give either delay or run_at, not both")
    if problems:
        raise InvalidInput("submit", problems)
