"""A queue in a tab: submitted from JavaScript, run in Python, observed in JavaScript."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs

ABORT_ERR = 20
"""The code of every `AbortError`, by the DOM standard."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(chromium: Browser, tab_site: Site) -> AsyncGenerator[Tab]:
    """One tab for all tests here: Python takes a second to start."""
    context = await chromium.new_context()
    yield await Tabs(context, tab_site).open()
    await context.close()


# --- results ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [False, 0, "", None, [], {"a": [1, None]}, 0.1, "Fähre 🚢"])
async def test_results_come_back_as_they_went_in(tab: Tab, value: Any) -> None:
    assert await tab.run("echo", value) == value


async def test_an_integer_beyond_2_53_is_exact_as_text(tab: Tab) -> None:
    job_id = await tab.submit("power", 80)

    assert await tab.js("queue.handle(given).resultText()", job_id) == str(2**80)


async def test_a_task_without_input_needs_none(tab: Tab) -> None:
    assert await tab.js("(await queue.submit('nothing')).result()") == "nothing"


async def test_the_result_of_a_job_that_ended_before_is_there_at_once(tab: Tab) -> None:
    job_id = await tab.submit("echo", 1)
    await tab.result(job_id)

    assert await tab.result(job_id) == 1


async def test_many_jobs_have_handles_in_order(tab: Tab) -> None:
    results = await tab.js(
        "const handles = await queue.submitMany('echo', given);"
        "return Promise.all(handles.map((one) => one.result()))",
        list(range(600)),
    )

    assert results == list(range(600))


# --- failures --------------------------------------------------------------------------------------
async def test_a_failed_job_rejects_with_its_error(tab: Tab) -> None:
    error = await tab.outcome("(await queue.submit('fail', 'no such harbour')).result()")

    assert error["code"] == "job_failed"
    assert (error["data"]["type"], error["data"]["message"]) == ("ValueError", "no such harbour")
    assert "raise ValueError(message)" in error["data"]["traceback"]
    assert error["jobId"]


async def test_a_failed_job_shows_its_attempts(tab: Tab) -> None:
    job_id = await tab.submit("fail", "twice", maxAttempts=1)
    await tab.outcome("queue.handle(given).result()", job_id)

    job = await tab.job(job_id)

    assert (job["state"], job["attempts"], len(job["errors"])) == ("failed", 1, 1)
    assert job["error"]["code"] == "job_failed"


async def test_a_job_that_is_not_stored_is_not_found(tab: Tab) -> None:
    error = await tab.outcome("queue.handle('nowhere').result()")

    assert error["code"] == "job_not_found"


async def test_waiting_can_be_given_up(tab: Tab) -> None:
    error = await tab.outcome("(await queue.submit('sleep', 30)).result({ signal: AbortSignal.timeout(50) })")

    assert error["code"] in ("TimeoutError", 23)
    await tab.js("queue.cancel({ task: ['sleep'] })")


# --- progress and events ---------------------------------------------------------------------------
async def test_who_waits_after_somebody_gave_up_at_once_gets_the_result(tab: Tab) -> None:
    """C4: the one who gave up had not looked yet."""
    code = """
        const handle = await queue.submit('echo', 7);
        const giveUp = () => {
          const given = new AbortController();
          const result = outcome(handle.result({ signal: given.signal }));
          given.abort();
          return result;
        };
        const first = giveUp();
        const second = handle.result();
        return [await first, await second, await giveUp(), await handle.result()];"""

    first, second, third, fourth = await tab.js(code)

    assert (first["code"], third["code"]) == (ABORT_ERR, ABORT_ERR)
    assert (second, fourth) == (7, 7)


async def test_progress_is_told_while_it_runs(tab: Tab) -> None:
    told = await tab.js("""
        const handle = await queue.submit('steps', 4);
        const told = [];
        handle.onProgress((progress) => told.push(progress));
        await handle.result();
        return told;""")

    assert told[-1] == {"percent": 100, "message": "step 4", "details": {"step": 4}}
    assert [one["percent"] for one in told] == sorted(one["percent"] for one in told)
    assert len(told) > 2


async def test_progress_of_code_that_blocks_python_is_told_while_it_runs(tab: Tab) -> None:
    told = await tab.js("""
        const handle = await queue.submit('blocking.steps', 5);
        const told = [];
        handle.onProgress(async ({ percent }) => told.push([percent, (await handle.job()).state]));
        await handle.result();
        return told;""")

    running = [percent for percent, state in told if state == "running"]
    assert running
    assert running[0] < 100
    assert running == sorted(running)


async def test_events_of_a_job_come_in_order_and_end(tab: Tab) -> None:
    types = await tab.js("""
        const handle = await queue.submit('steps', 2, { delay: 0.3 });
        const types = [];
        for await (const event of handle.events()) types.push(event.type);
        return types;""")

    assert types[0] == "start"
    assert "progress" in types
    assert types[-1] == "complete"


async def test_events_go_on_from_a_cursor(tab: Tab) -> None:
    types = await tab.js("""
        const first = eventIs(({ type }) => type === 'added');
        const handle = await queue.submit('echo', 1, { delay: 0.2 });
        const { cursor, job } = await first;
        await handle.result();
        const types = [];
        for await (const event of queue.events({ since: cursor })) {
          types.push(event.type);
          if (event.type === 'complete') return { types, same: job.id === handle.id };
        }""")

    assert types == {"types": ["start", "complete"], "same": True}


# --- cancel ----------------------------------------------------------------------------------------
async def test_a_pending_job_is_cancelled_at_once(tab: Tab) -> None:
    job_id = await tab.submit("echo", 1, delay=60)

    assert await tab.js("queue.handle(given).cancel()", job_id)
    assert (await tab.outcome("queue.handle(given).result()", job_id))["code"] == "job_cancelled"
    assert (await tab.job(job_id))["attempts"] == 0
    assert not await tab.js("queue.handle(given).cancel()", job_id)


async def test_a_running_coroutine_is_cancelled_within_a_second(tab: Tab) -> None:
    seconds = await tab.js("""
        const handle = await queue.submit('sleep', 60);
        while ((await handle.job()).state !== 'running') await new Promise((wake) => setTimeout(wake, 10));
        const started = performance.now();
        await handle.cancel();
        await outcome(handle.result());
        return [(performance.now() - started) / 1000, (await handle.job()).state];""")

    assert seconds[1] == "cancelled"
    assert seconds[0] < 1


async def test_cancelled_jobs_go_back_by_retry_and_away_by_remove(tab: Tab) -> None:
    where = {"runId": "a-run"}
    await tab.js("queue.submitMany('echo', [1, 2, 3], given)", {**where, "delay": 60})

    assert await tab.js("queue.cancel(given)", where) == 3
    assert await tab.js("queue.count(given)", where) == {"cancelled": 3}
    assert await tab.js("queue.retry(given)", where) == 3
    await tab.js(
        "const { jobs } = await queue.query(given);"
        "await Promise.all(jobs.map(({ id }) => queue.handle(id).result()));",
        where,
    )
    assert await tab.js("queue.remove(given)", where) == 3
    assert (await tab.js("queue.query(given)", where))["jobs"] == []


# --- what a submit may say -------------------------------------------------------------------------
async def test_a_unique_key_returns_the_job_that_stands(tab: Tab) -> None:
    pair = await tab.js("""
        const first = await queue.submit('echo', 1, { unique: 'one', delay: 30 });
        const second = await queue.submit('echo', 2, { unique: 'one' });
        return [first.id, first.duplicateOf ?? null, second.id, second.duplicateOf];""")

    assert pair[0] == pair[2] == pair[3]
    assert pair[1] is None


async def test_a_job_waits_for_its_parent(tab: Tab) -> None:
    states = await tab.js("""
        const parent = await queue.submit('echo', 1, { delay: 0.3 });
        const child = await queue.submit('echo', 2, { after: [parent] });
        const before = (await child.job()).state;
        return [before, await child.result()];""")

    assert states == ["blocked", 2]


async def test_jobs_of_one_ordering_key_run_in_the_order_of_submit(tab: Tab) -> None:
    found = await tab.js("""
        const first = await queue.submit('echo', 1, { delay: 0.3, orderingKey: 'k' });
        const second = await queue.submit('echo', 2, { priority: -9, orderingKey: 'k' });
        const before = (await second.job()).state;
        await second.result();
        return [before, (await first.job()).state];""")

    assert found == ["blocked", "completed"]


async def test_a_job_has_what_was_said_of_it(tab: Tab) -> None:
    job_id = await tab.submit("echo", 1, priority=-3, tags=["a", "b"], runId="r", maxAttempts=2, delay=60)

    job = await tab.job(job_id)

    assert {name: job[name] for name in ("priority", "tags", "runId", "maxAttempts", "state")} == {
        "priority": -3, "tags": ["a", "b"], "runId": "r", "maxAttempts": 2, "state": "pending",
    }  # fmt: skip
    assert await tab.js("(await queue.query({ tag: 'b' })).jobs.map(({ id }) => id)") == [job_id]
    await tab.js("queue.cancel(given)", job_id)


async def test_a_page_of_jobs_leads_to_the_next(tab: Tab) -> None:
    await tab.js(
        "const handles = await queue.submitMany('echo', [1, 2, 3], { runId: 'pages' });"
        "await Promise.all(handles.map((one) => one.result()));"
    )

    inputs = await tab.js("""
        const inputs = [];
        let cursor;
        do {
          const page = await queue.query({ runId: 'pages', limit: 2, cursor });
          inputs.push(page.jobs.map(({ input }) => input));
          cursor = page.cursor;
        } while (cursor);
        return inputs;""")

    assert inputs == [[3, 2], [1]]
