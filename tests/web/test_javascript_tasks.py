"""Tasks written in JavaScript: their jobs run in the page that registered them, by the rules of Python."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs
from wherry import open_storage
from wherry.errors import InvalidInput
from wherry.messages import RecordWrite
from wherry.submission import ManifestEntry
from wherry.vitals import read_workers

STORE = """
    const { openStore } = await import(given[0] + 'idb.js');
    const store = await openStore(given[1]);
"""

REGISTER = """
    globalThis.gates = new Map();
    const opened = (name) => new Promise((open) => gates.set(name, open));
    await queue.task('double', ({ n }) => 2 * n, { schema: { type: 'object', required: ['n'] } });
    await queue.task('nothing', () => {});
    await queue.task('flaky', (times, { attempt }) => {
      if (attempt < times) throw new TypeError(`attempt ${attempt}`);
      return attempt;
    }, { retry: { delays: [0.01] } });
    await queue.task('permanent', () => { throw new wherry.PermanentError('no such harbour'); });
    await queue.task('later', (_, { attempt }) => {
      if (attempt === 1) throw new wherry.RetryableError('busy', { delay: 0.02 });
      return attempt;
    }, { retry: { first: 600 } });
    await queue.task('snooze', () => {
      if (!globalThis.snoozed) { globalThis.snoozed = true; throw new wherry.Snooze(0.05); }
      return 'awake';
    });
    await queue.task('tells', (_, { progress, log, jobId, task, queue: lane, attempt }) => {
      progress(40, 'halfway', { at: 1 });
      log('looked', { depth: 3 });
      progress(250);
      return { jobId, task, lane, attempt };
    }, { queue: 'other' });
    await queue.task('waits', (name, { signal }) => new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      gates.set(name, resolve);
    }));
    await queue.task('deaf', () => new Promise(() => {}), { maxAttempts: 1 });
    await queue.task('spins', (seconds) => {
      const end = performance.now() + 1000 * seconds;
      while (performance.now() < end);
    }, { maxAttempts: 1 });
    await queue.task('returns', (what) => ({
      cycle() { const one = {}; one.self = one; return one; },
      date() { return { when: [new Date()] }; },
      large() { return 'x'.repeat(1_050_000); },
      undefined() { return undefined; },
    })[what]());
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(chromium: Browser, tab_site: Site) -> AsyncGenerator[Tab]:
    """One tab for all tests here, in which no Python runs."""
    context = await chromium.new_context()
    tab = await Tabs(context, tab_site).open(tasks=(), url="indexeddb:js")
    await tab.js(REGISTER)
    yield tab
    await context.close()


async def failed(tab: Tab, task: str, value: Any = None, **options: Any) -> dict[str, Any]:
    """The job that failed."""
    job_id = await tab.submit(task, value, **options)
    assert (await tab.outcome("queue.handle(given).result()", job_id))["code"] == "job_failed"
    return await tab.job(job_id)


# --- results -----------------------------------------------------------------------------------------
async def test_a_task_of_the_page_runs_without_python(tab: Tab) -> None:
    assert await tab.run("double", {"n": 21}) == 42
    assert (await tab.js("queue.status()"))["python"] == "off"


async def test_what_a_function_does_not_return_is_null(tab: Tab) -> None:
    assert await tab.run("nothing") is None
    assert await tab.run("returns", "undefined") is None


async def test_many_jobs_run_once_each(tab: Tab) -> None:
    results = await tab.js(
        "const handles = await queue.submitMany('double', given, { runId: 'many' });"
        "return Promise.all(handles.map((one) => one.result()))",
        [{"n": n} for n in range(300)],
    )

    assert results == [2 * n for n in range(300)]
    jobs = (await tab.js("queue.query({ runId: 'many', limit: 1000 })"))["jobs"]
    assert {job["attempts"] for job in jobs} == {1}


async def test_a_function_sees_its_job_and_tells_of_it(tab: Tab) -> None:
    job_id = await tab.submit("tells")

    assert await tab.result(job_id) == {"jobId": job_id, "task": "tells", "lane": "other", "attempt": 1}
    job = await tab.job(job_id)
    assert job["progress"] == {"percent": 100, "message": "halfway", "details": {"at": 1}}
    assert await tab.js("queue.logs(given)", job_id) == [{"message": "looked", "fields": {"depth": 3}}]


async def test_its_jobs_take_part_in_events(tab: Tab) -> None:
    types = await tab.js("""
        const handle = await queue.submit('tells', null, { delay: 0.2 });
        const types = [];
        for await (const { type } of handle.events()) types.push(type);
        return types;""")

    assert (types[0], set(types[1:-1]), types[-1]) == ("start", {"progress"}, "complete")


# --- failures ----------------------------------------------------------------------------------------
async def test_an_error_is_tried_again_by_the_backoff(tab: Tab) -> None:
    job_id = await tab.submit("flaky", 3)

    assert await tab.result(job_id) == 3
    errors = (await tab.job(job_id))["errors"]
    assert [(one["attempt"], one["type"], one["message"]) for one in errors] == [
        (1, "TypeError", "attempt 1"),
        (2, "TypeError", "attempt 2"),
    ]
    assert errors[0]["traceback"].startswith("TypeError: attempt 1\n    at ")


async def test_attempts_come_to_an_end(tab: Tab) -> None:
    job = await failed(tab, "flaky", 9, maxAttempts=2)

    assert (job["attempts"], len(job["errors"])) == (2, 2)


async def test_a_permanent_error_is_not_tried_again(tab: Tab) -> None:
    job = await failed(tab, "permanent")

    assert [(one["type"], one["code"]) for one in job["errors"]] == [("PermanentError", "permanent")]


async def test_a_retryable_error_chooses_its_time(tab: Tab) -> None:
    assert await tab.run("later") == 2


async def test_a_snooze_costs_no_attempt(tab: Tab) -> None:
    job_id = await tab.submit("snooze")

    assert await tab.result(job_id) == "awake"
    assert (await tab.job(job_id))["attempts"] == 1


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("cycle", "not_json", "$.self is part of itself"),
        ("date", "not_json", "$.when[0] is a Date"),
        ("large", "payload_too_large", "the output of returns is 1050002 bytes"),
    ],
)
async def test_an_output_that_cannot_be_kept_fails_at_once(tab: Tab, what: str, code: str, said: str) -> None:
    job = await failed(tab, "returns", what)

    assert (job["attempts"], job["errors"][0]["code"]) == (1, code)
    assert said in job["errors"][0]["message"]


async def test_input_is_checked_by_the_schema_of_the_task(tab: Tab) -> None:
    error = await tab.outcome("queue.submit('double', {})")

    assert (error["code"], error["data"]["problems"]) == ("invalid_input", ["input.n: is missing"])


async def test_nothing_is_stored_when_the_last_of_many_inputs_is_not_as_the_task_says(tab: Tab) -> None:
    error = await tab.outcome(
        "queue.submitMany('double', [...Array(600).fill({ n: 1 }), {}], { runId: 'none' })"
    )

    assert (error["code"], error["data"]["problems"]) == ("invalid_input", ["inputs[600].n: is missing"])
    assert await tab.js("queue.query({ runId: 'none', limit: 1 })") == {"jobs": []}


async def test_ids_of_many_jobs_follow_the_order_of_their_inputs(tab: Tab) -> None:
    ids = await tab.js("""
        const inputs = Array.from({ length: 600 }, (_, n) => ({ n, text: 'x'.repeat(n % 7 ? 0 : 20_000) }));
        return (await queue.submitMany('double', inputs, { delay: 60 })).map(({ id }) => id);""")

    assert ids == sorted(ids)


# --- cancel, timeout ---------------------------------------------------------------------------------
async def test_a_cancel_aborts_the_signal(tab: Tab) -> None:
    job_id = await tab.submit("waits", "cancelled")
    await tab.js("untilRunning(given)", job_id)

    assert await tab.js("queue.cancel(given)", job_id) == 1

    assert (await tab.outcome("queue.handle(given).result()", job_id))["code"] == "job_cancelled"
    assert [one["code"] for one in (await tab.job(job_id))["errors"]] == ["job_cancelled"]


async def test_what_ignores_its_signal_is_cancelled_all_the_same(tab: Tab) -> None:
    job_id = await tab.submit("deaf")
    await tab.js("untilRunning(given)", job_id)

    await tab.js("queue.cancel(given)", job_id)

    assert (await tab.outcome("queue.handle(given).result()", job_id))["code"] == "job_cancelled"


async def test_a_timeout_ends_an_attempt_and_the_next_one_follows(tab: Tab) -> None:
    job = await failed(tab, "waits", "late", timeout=0.2, maxAttempts=1)
    deaf = await failed(tab, "deaf", timeout=0.2)

    for one in (job, deaf):
        assert [(error["code"], error["type"]) for error in one["errors"]] == [("timeout", "JobTimeout")]
        assert "timeout of 0.2 s" in one["errors"][0]["message"]


async def test_a_timeout_ends_an_attempt_that_blocks_its_page(tab: Tab) -> None:
    job = await failed(tab, "spins", 2, timeout=0.2)

    assert (job["attempts"], job["errors"][0]["code"]) == (1, "timeout")


async def test_a_deadline_ends_a_job_that_runs(tab: Tab) -> None:
    job_id = await tab.js(
        "(await queue.submit('waits', 'dead', { deadline: new Date(Date.now() + 300) })).id"
    )

    assert (await tab.outcome("queue.handle(given).result()", job_id))["data"]["code"] == "deadline_exceeded"


async def test_a_deadline_ends_a_job_that_waits(tab: Tab) -> None:
    job_id = await tab.js(
        "const parent = await queue.submit('double', { n: 1 }, { delay: 60 });"
        "return (await queue.submit('double', { n: 1 },"
        " { after: [parent], deadline: new Date(Date.now() + 100) })).id"
    )

    assert (await tab.outcome("queue.handle(given).result()", job_id))["data"]["code"] == "deadline_exceeded"


# --- what others see of it -----------------------------------------------------------------------------
async def test_a_lapsed_job_of_a_worker_that_is_gone_comes_back(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=(), url="indexeddb:lapse", lease=1)
    job_id = await tab.js(
        STORE
        + """
        const job = { id: 'gone', namespace: '', queue: 'default', task: 'echo', input: '7' };
        await store.call('add', { jobs: [{ ...job, backoff: '{"first_ms": 600000}' }] });
        const claim = { token: 't', worker: 'a.server', namespaces: [''], queues: null, tasks: ['echo'] };
        await store.call('exchange', { settle: [], claim: { ...claim, limit: 1, lease_ms: 1000 } });
        await store.close();
        await queue.task('echo', (value) => value);
        return 'gone';""",
        [tabs.site.base, "lapse"],
    )

    assert await tab.result(job_id) == 7
    assert [one["code"] for one in (await tab.job(job_id))["errors"]] == ["lease_lapsed"]


async def test_python_reads_what_a_page_tells_of_its_tasks(tab: Tab, tab_site: Site) -> None:
    told = await tab.js(
        STORE
        + """
        const records = {};
        for (const kind of ['task', 'worker']) records[kind] = await store.call('read', { kind });
        await store.close();
        return records;""",
        [tab_site.base, "js"],
    )

    double = next(ManifestEntry(one["value"]) for one in told["task"] if one["key"] == "double")
    assert double.defaults.place == "browser"
    with pytest.raises(InvalidInput, match="input.n: is missing"):
        double.dump_input({})
    async with open_storage("memory:") as storage:
        writes = [RecordWrite("worker", one["key"], None, one["value"]) for one in told["worker"]]
        await storage.write(writes)
        (worker,) = await read_workers(storage)
    assert worker.takes("", "default", "double")


# --- names -------------------------------------------------------------------------------------------
async def test_a_name_is_registered_once(tab: Tab) -> None:
    error = await tab.outcome("queue.task('double', () => 1)")

    assert error["code"] == "duplicate_task"
    assert await tab.run("double", {"n": 1}) == 2


async def test_wrong_options_of_a_task_are_named(tab: Tab) -> None:
    error = await tab.outcome("queue.task('wrong', () => 1, { maxAttempts: 0, retries: 3, timeout: 0 })")

    assert error["code"] == "invalid_input"
    assert [line.split(":")[0] for line in error["data"]["problems"]] == ["maxAttempts", "retries", "timeout"]
    assert (await tab.outcome("queue.task('wrong', 'no function')"))["code"] == "invalid_input"


async def test_a_job_can_be_submitted_before_the_registration_is_told(tab: Tab) -> None:
    result = await tab.js("""
        const registered = queue.task('at.once', () => 'here');
        const handle = await queue.submit('at.once');
        await registered;
        return handle.result();""")

    assert result == "here"
