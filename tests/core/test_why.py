"""R19, R14: why a job is not running, and what its attempts said."""

from __future__ import annotations

import json

import pytest

from tests.core.jobs import (
    add_one,
    always_fail,
    claim,
    count_words,
    running,
    submit_another,
)
from wherry import (
    Client,
    InvalidInput,
    Server,
)
from wherry.messages import Settlement, Wake
from wherry.vitals import vitals_write


async def test_why_says_what_a_pending_job_waits_for(client: Client) -> None:
    later = await client.submit(add_one, 1, delay=3600)
    assert (await client.why(later.id)).startswith("It is scheduled for 20")

    due = await client.submit(add_one, 1)
    assert await client.why(due.id) == "No server tells that it is alive: start one that has 'add_one'."
    await client.pause(task="add_one")
    assert await client.why(due.id) == "Its task 'add_one' is paused: `client.resume(task='add_one')`."


async def test_why_knows_the_workers(client: Client) -> None:
    due = await client.submit(add_one, 1)
    other = Server(client.storage, [count_words], name="other")
    await client.storage.write([vitals_write(other.vitals())])
    assert await client.why(due.id) == (
        "None of the 1 worker alive knows the task 'add_one': start one that does."
    )

    fit = Server(client.storage, [add_one], queues=["mail"], name="fit", concurrency=2)
    await client.storage.write([vitals_write(fit.vitals())])
    assert await client.why(due.id) == (
        "Workers know the task 'add_one', but none of them takes the queue 'default' in the namespace ''."
    )

    fit = Server(client.storage, [add_one], name="fit", concurrency=2)
    await client.storage.write([vitals_write(fit.vitals())])
    assert await client.why(due.id) == "It is due: one of 1 worker with 2 slots will start it."
    busy = vitals_write(fit.vitals())._replace(
        value=json.dumps({**json.loads(vitals_write(fit.vitals()).value or ""), "active": 2})
    )
    await client.storage.write([busy])
    await client.submit(add_one, 2)
    assert await client.why(due.id) == (
        "All 2 slots of the 1 worker that can run it are taken, and 2 jobs of its kind wait."
    )


async def test_why_tells_of_retries_parents_and_ends(client: Client) -> None:
    parent = await client.submit(add_one, 1)
    child = await client.submit(add_one, 2, after=[parent])
    assert await client.why(child.id) == f"It waits for 1 job ({parent.id} (pending)) to finish first."

    await claim(client, "add_one")
    assert "in w1, attempt 1 of 4." in await client.why(parent.id)
    await parent.cancel()
    assert (await client.why(parent.id)).endswith("; it is asked to stop.")
    error = json.dumps({"type": "OSError", "message": "no line", "attempt": 1})
    retried = await client.submit(always_fail, "x", max_attempts=2)
    await claim(client, "always_fail")
    await client.storage.exchange([Settlement(retried.id, 1, "retry", error=error, delay_ms=60_000)], None)
    said = await client.why(retried.id)
    assert said.startswith("It waits for its retry at 20")
    assert said.endswith(": attempt 1 of 2 failed with OSError: no line.")
    await client.cancel(retried.id)
    assert (await client.why(retried.id)).endswith(f"`client.retry('{retried.id}')` puts it back.")


async def test_why_tells_what_a_sleeping_job_waits_for(client: Client) -> None:
    other = await client.submit(count_words, "x")
    handle = await client.submit(add_one, 1)
    await claim(client, "add_one")
    wake = Wake(after_ms=3_600_000, signals=("approved",), jobs=(other.id,))
    await client.storage.exchange([Settlement(handle.id, 1, "suspend", wake=wake)], None)

    said = await client.why(handle.id)
    assert said.startswith(f"It sleeps until the event 'approved' or 1 job ({other.id} (pending)) or 20")


async def test_why_tells_of_the_order_of_a_key(client: Client) -> None:
    first = await client.submit(add_one, 1, ordering_key="account")
    second = await client.submit(add_one, 2, ordering_key="account")

    assert await client.why(second.id) == (
        f"It comes after {first.id} (pending), the one before it of the ordering key 'account'."
    )


async def test_why_and_logs_of_no_job_say_so(client: Client) -> None:
    for ask in (client.why, client.logs):
        with pytest.raises(LookupError, match="no job 'gone' is stored"):
            await ask("gone")
        with pytest.raises(InvalidInput, match="job_id: must be the text of a job's id, not 7"):
            await ask(7)  # type: ignore[arg-type]


async def test_logs_are_read_in_order() -> None:
    async with running() as (client, _):
        handle = await client.submit(submit_another, "a b")
        child = await handle

        (line,) = await client.logs(handle.id)
        assert (line.message, line.fields) == ("submitted", {"child": child})
        assert await client.logs(child) == []
