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
from wherry.uniqueness import from_data, policy_of
from wherry.validation import require_json

Dumped = tuple[Payload, Any]
"""An input that was checked: its JSON text, and the plain value that it says."""


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


class JobMaker:
    """Makes the jobs of one call, which differ in id, input and fingerprint alone.

    Args:
        count: how many there will be.

    Raises: `InvalidInput` for wrong options.
    """

    def __init__(self, defaults: Defaults, options: JobOptions, *, namespace: str, count: int = 1) -> None:
        self._id = options.get("id")
        if options:
            check(options)
            if self._id and count > 1:
                raise InvalidInput("submit_many", ["id: one id cannot name several jobs; leave it out"])
        # A NamedTuple of thirty fields costs more than all the rest, so there is one model for all jobs.
        model = _model(defaults, options, namespace) if options else _plain_model(defaults, namespace)
        self._front, self._back = model[1:_INPUT], model[_INPUT + 2 :]
        self._unique = policy_of(options.get("unique", defaults.unique))

    def make(self, inputs: Sequence[Dumped]) -> list[NewJob]:
        """A job for each input."""
        ids = [self._id] if self._id else new_ids(len(inputs))
        front, back = self._front, self._back
        jobs = [
            NewJob._make((job_id, *front, text, fingerprint(plain), *back))
            for job_id, (text, plain) in zip(ids, inputs, strict=True)
        ]
        policy = self._unique
        if policy is None:
            return jobs
        return [job._replace(unique=policy.of(job.namespace, job.task, job.fingerprint)) for job in jobs]


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


_BATCH_JOBS = 1024
_BATCH_CHARACTERS = 4 * 1024 * 1024


def batches(inputs: Sequence[Dumped]) -> Iterator[Sequence[Dumped]]:
    """Inputs in the order given, cut into calls that no storage finds too large."""
    for start in range(0, len(inputs), _BATCH_JOBS):
        batch = inputs[start : start + _BATCH_JOBS]
        if sum([len(text) for text, _ in batch]) <= _BATCH_CHARACTERS:
            yield batch
        else:
            yield from _cut(batch)


def _cut(inputs: Sequence[Dumped]) -> Iterator[Sequence[Dumped]]:
    start = size = 0
    for at, (text, _) in enumerate(inputs):
        if at > start and size + len(text) > _BATCH_CHARACTERS:
            yield inputs[start:at]
            start, size = at, 0
        size += len(text)
    yield inputs[start:]


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
