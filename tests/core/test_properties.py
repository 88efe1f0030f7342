"""Retry schedules, ids, canonical JSON, any JSON value through submit, run and result (T8, T9, R5)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wherry import Backoff, Client, RetryableError, Snooze, open_storage, task
from wherry.canonical import canonical, fingerprint
from wherry.ids import IdMaker, short_ids
from wherry.messages import Claimed
from wherry.retry import after_attempt, delay_ms
from wherry.testing import drain

SECONDS = st.floats(0, 1e6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BACKOFFS = st.builds(Backoff, first=SECONDS, factor=st.floats(1, 1e3), limit=SECONDS, jitter=st.floats(0, 1))


# --- retries -----------------------------------------------------------------------------------------
@given(backoff=BACKOFFS, attempt=st.integers(1, 5000), chance=st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_negative_and_stays_within_limit_and_jitter(
    backoff: Backoff, attempt: int, chance: float
) -> None:
    policy = backoff.as_payload()

    whole, shortened = delay_ms(policy, attempt, 0.0), delay_ms(policy, attempt, chance)

    assert 0 <= shortened <= whole <= round(backoff.limit * 1000)
    assert shortened >= math.floor(whole * (1 - backoff.jitter)) - 1
    assert delay_ms(policy, attempt + 1, 0.0) >= whole


@given(attempt=st.integers(1, 50), most=st.integers(1, 50), seconds=st.floats(-10, 1e6) | st.none())
def test_what_follows_an_attempt_is_bounded_by_the_attempts(
    attempt: int, most: int, seconds: float | None
) -> None:
    job = Claimed(
        "j", 1, attempt, "t", "q", "", "null", most, 0, Backoff().as_payload(), None, None, None, None
    )

    settlement = after_attempt(job, RetryableError("again", retry_in=seconds))

    assert settlement.kind == ("fail" if attempt >= most else "retry")
    assert settlement.delay_ms >= 0
    assert after_attempt(job, Snooze(abs(seconds or 0))).kind == "snooze"


# --- ids ---------------------------------------------------------------------------------------------
@given(count=st.integers(1, 300))
def test_ids_are_unique_sorted_and_short_ones_unambiguous(count: int) -> None:
    maker = IdMaker()
    made = [maker() for _ in range(count)]

    assert made == sorted(set(made))
    shown = short_ids(made)
    assert len(set(shown.values())) == count
    assert all(whole.endswith(short) and len(short) >= 6 for whole, short in shown.items())


# --- JSON --------------------------------------------------------------------------------------------
@given(value=JSON)
def test_canonical_text_is_one_for_equal_values(value: Any) -> None:
    text = canonical(value)

    # Numbers beyond 2 ** 53 are written as JavaScript would, so only texts can be compared.
    assert canonical(json.loads(text)) == canonical(json.loads(json.dumps(value))) == text
    assert fingerprint(value) == fingerprint(shuffled(value))


def shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(inner) for key, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


@task(name="property.echo")
async def echo(value: Any) -> Any:
    return value


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_any_json_value_comes_back_as_it_went_in(kind: str) -> None:
    import asyncio

    with asyncio.Runner() as runner, TemporaryDirectory() as folder:
        url = "memory:" if kind == "memory" else f"sqlite:{Path(folder) / 'jobs.db'}"
        storage = open_storage(url)
        runner.run(storage.__aenter__())

        @settings(max_examples=max(25, settings().max_examples // 3))
        @given(values=st.lists(JSON, min_size=1, max_size=5))
        def comes_back(values: list[Any]) -> None:
            runner.run(through(values))

        async def through(values: list[Any]) -> None:
            client = Client(storage)
            handles = await client.submit_many(echo, values)
            await drain(storage, [echo])
            for handle, value in zip(handles, values, strict=True):
                job = await handle.job()
                assert job.state == "completed"
                assert json.dumps([job.input, job.output]) == json.dumps([value, value])

        comes_back()
        runner.run(storage.__aexit__(None, None, None))
