"""What happens to jobs when tabs are reloaded, closed, opened twice or offline, and when code blocks."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest

from tests.web.tab_harness import Tab, Tabs
from tests.web.tab_sites import PAGES

UNTIL_RUNNING = """
    while ((await queue.get(given)).state !== 'running') await new Promise((wake) => setTimeout(wake, 20));
"""

LISTEN = """
    globalThis.ledger = [];
    globalThis.channel = new BroadcastChannel('ledger');
    channel.onmessage = ({ data }) => ledger.push(data);
"""

COMPLETIONS = """
    const last = await queue.submit('echo', 'the last one');
    const seen = new Map();
    for await (const { type, job } of queue.events({ since: given })) {
      if (type === 'complete' && job.id === last.id) break;
      if (type === 'complete' && job.task === 'ledger') seen.set(job.id, (seen.get(job.id) ?? 0) + 1);
    }
    const { jobs } = await queue.query({ task: ['ledger'], limit: 1000 });
    const most = (name) => Math.max(...jobs.map((job) => job[name]));
    return {
      states: await queue.count({ task: ['ledger'] }),
      completions: [...seen.values()].reduce((sum, count) => sum + count, 0),
      outputs: new Set(jobs.map(({ output }) => output)).size,
      attempts: most('attempts'),
      interruptions: most('interruptions'),
    };
"""


async def settled_all(tab: Tab) -> None:
    """Wait until all jobs of the ledger are completed."""
    await tab.js("""
        const { jobs } = await queue.query({ task: ['ledger'], limit: 1000 });
        await Promise.all(jobs.map(({ id }) => queue.handle(id).result()));""")


async def head(tab: Tab) -> str:
    """A cursor behind one event."""
    return await tab.js(
        "const first = eventIs(({ type }) => type === 'added');"
        "await queue.submit('echo', 0); return (await first).cursor;"
    )


# --- reload and close ----------------------------------------------------------------------------------
async def test_a_reload_costs_neither_an_attempt_nor_a_lease(tabs: Tabs) -> None:
    tab = await tabs.open(lease=30)
    job_id = await tab.submit("sleep", 1)
    await tab.js(UNTIL_RUNNING, job_id)

    await tab.page.reload()
    await tabs.attach(tab, lease=30)
    seconds = await tab.js(
        "const before = performance.now(); await queue.handle(given).result();"
        "return (performance.now() - before) / 1000;",
        job_id,
    )

    job = await tab.job(job_id)
    assert (job["state"], job["attempts"], job["interruptions"]) == ("completed", 1, 1)
    assert seconds < 25


async def test_a_closed_tab_hands_over_in_the_middle_of_200_jobs(tabs: Tabs) -> None:
    first, second = await tabs.open(), await tabs.open()
    await first.ready()
    await second.js(LISTEN)
    since = await head(second)
    await second.js("""
        const handles = await queue.submitMany('ledger', Array(200).fill(0.1));
        await Promise.all(handles.slice(0, 60).map((one) => one.result()));""")

    await first.close()
    await settled_all(second)

    assert await second.js(COMPLETIONS, since) == {
        "states": {"completed": 200}, "completions": 200, "outputs": 200, "attempts": 1, "interruptions": 1,
    }  # fmt: skip
    starts: list[str] = await second.js("ledger")
    assert len(starts) == len(set(starts)) > 200 - 60
    assert (await second.js("queue.status()"))["role"] == "leader"


@pytest.mark.long
async def test_two_tabs_never_run_the_same_attempt_twice(tabs: Tabs) -> None:
    witness = await tabs.open(work=False)
    await witness.js(LISTEN)
    one, other = await tabs.open(), await tabs.open()
    await one.ready()

    for tab in (one, other):
        await tab.js("queue.submitMany('ledger', Array(100).fill(0))")
    await settled_all(witness)

    starts: list[str] = await witness.js("ledger")
    assert len(starts) == len(set(starts)) == 200
    roles = [(await tab.js("queue.status()"))["role"] for tab in (witness, one, other)]
    assert sorted(roles) == ["follower", "follower", "leader"]


@pytest.mark.long
async def test_a_newer_build_of_the_app_takes_over_while_it_is_open(tabs: Tabs) -> None:
    older = await tabs.open(lease=1)
    await older.ready()
    unfinished = await older.submit("sleep", 2)
    await older.js(UNTIL_RUNNING, unfinished)
    newer = await tabs.open(tasks=("jobs.py", "more.py"), lease=1)

    assert await newer.run("more", 1) == 2
    await older.js("await statusIs({ outdated: true, python: 'ready' });")
    jobs = [
        await older.job(
            await tab.js("(await queue.submit('echo', 1).then(async (one) => (await one.result(), one))).id")
        )
        for tab in (older, newer)
    ]

    assert await older.js("seen.events") == ["update"]
    assert jobs[0]["worker"] == jobs[1]["worker"]
    assert await older.result(unfinished) == 2
    assert (await older.job(unfinished))["interruptions"] == 0
    await newer.close()
    await older.js("await statusIs({ outdated: false, python: 'ready' });")
    assert await older.run("echo", 2) == 2


@pytest.mark.long
async def test_pages_with_different_tasks_run_their_own(tabs: Tabs) -> None:
    one = await tabs.open()
    other = await tabs.open(tasks=("more.py",))

    assert await other.run("more", 1) == 2
    assert await one.run("echo", 1) == 1
    roles = [(await tab.js("queue.status()"))["role"] for tab in (one, other)]
    assert roles == ["leader", "leader"]


async def test_closing_the_queue_hands_its_jobs_back(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open(work=False)
    await tab.ready()
    job_id = await other.submit("sleep", 60)
    await other.js(UNTIL_RUNNING, job_id)

    await tab.js("queue.close()")

    job = await other.job(job_id)
    assert (job["state"], job["attempts"], job["interruptions"]) == ("pending", 0, 1)
    assert (await tab.outcome("queue.submit('echo', 1)"))["code"] == "storage_unavailable"


@pytest.mark.long
async def test_closing_with_drain_lets_running_jobs_finish(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open(work=False)
    await tab.ready()
    job_id = await other.submit("sleep", 0.5)
    await other.js(UNTIL_RUNNING, job_id)

    await tab.js("queue.close({ drain: 10 })")

    assert (await other.job(job_id))["state"] == "completed"


@pytest.mark.long
async def test_a_killed_python_gives_its_jobs_back_and_comes_again(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open(work=False)
    job_id = await tab.submit("sleep", 1)
    await tab.js(UNTIL_RUNNING, job_id)

    await other.js("queue.debug.killExecutor()")

    assert await other.result(job_id) == 1
    job = await tab.job(job_id)
    assert (job["attempts"], job["interruptions"]) == (1, 1)


# --- code that blocks ------------------------------------------------------------------------------------
async def test_a_task_that_blocks_python_for_three_leases_keeps_its_job(tabs: Tabs) -> None:
    tab = await tabs.open(lease=1)
    job_id = await tab.submit("spin", 3.5)
    waiting = await tab.submit("echo", "beside it")

    assert await tab.result(job_id) == 3.5
    assert await tab.result(waiting) == "beside it"

    for one in (job_id, waiting):
        job = await tab.job(one)
        assert (job["attempts"], job["interruptions"]) == (1, 0)


@pytest.mark.long
async def test_the_status_says_that_python_is_blocked(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open(work=False)
    await tab.ready()
    job_id = await tab.submit("spin", 1)

    for one in (tab, other):
        await one.js("await statusIs({ python: 'blocked' });")
    await tab.result(job_id)

    await other.ready()


async def ended(tab: Tab, task: str, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run a task that blocks for ever beside one that sleeps; the end of both."""
    await tab.ready()
    beside = await tab.submit("sleep", 0.2)
    job_id = await tab.submit(task, **options)
    return await tab.outcome("queue.handle(given).result()", job_id), await tab.job(beside)


async def test_the_timeout_of_a_blocking_loop_ends_it_and_the_next_job_runs(tabs: Tabs) -> None:
    tab = await tabs.open()

    error, beside = await ended(tab, "loop", timeout=1)

    assert (error["code"], error["data"]["code"], error["data"]["type"]) == (
        "job_failed",
        "timeout",
        "JobTimeout",
    )
    assert await tab.run("echo", "next") == "next"
    assert await tab.result(beside["id"]) == 0.2
    assert (await tab.job(beside["id"]))["attempts"] == 1


@pytest.mark.long
async def test_the_timeout_of_a_coroutine_that_blocks_ends_it(tabs: Tabs) -> None:
    tab = await tabs.open()

    error, _ = await ended(tab, "hidden.loop", timeout=1)

    assert (error["code"], error["data"]["code"]) == ("job_failed", "timeout")
    assert await tab.run("echo", "next") == "next"


@pytest.mark.long
async def test_the_deadline_of_a_blocking_loop_ends_it(tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.ready()

    error = await tab.outcome(
        "(await queue.submit('loop', null, { deadline: new Date(Date.now() + 1000) })).result()"
    )

    assert (error["code"], error["data"]["code"]) == ("job_failed", "deadline_exceeded")


async def test_a_blocking_loop_can_be_cancelled_and_the_next_job_runs(tabs: Tabs) -> None:
    tab, other = await tabs.open(), await tabs.open(work=False)
    job_id = await tab.submit("loop")
    await tab.js(UNTIL_RUNNING, job_id)

    took = await other.js(
        """
        const handle = queue.handle(given);
        const before = performance.now();
        await handle.cancel();
        const error = await outcome(handle.result());
        return [error.code, (performance.now() - before) / 1000];""",
        job_id,
    )

    assert took[0] == "job_cancelled"
    assert took[1] < 2
    assert await tab.run("echo", "next") == "next"


@pytest.mark.long
async def test_a_cancel_beside_a_blocking_task_does_not_end_that_one(tabs: Tabs) -> None:
    tab = await tabs.open(concurrency=2)
    await tab.ready()
    cancelled = await tab.submit("sleep", 60)
    await tab.js(UNTIL_RUNNING, cancelled)
    blocking = await tab.submit("spin", 2.5)
    await tab.js(UNTIL_RUNNING, blocking)

    await tab.js("queue.cancel(given)", cancelled)

    assert await tab.result(blocking) == 2.5
    assert (await tab.job(blocking))["interruptions"] == 0
    assert (await tab.outcome("queue.handle(given).result()", cancelled))["code"] == "job_cancelled"


# --- offline -----------------------------------------------------------------------------------------------
@pytest.mark.long
async def test_the_queue_goes_on_when_the_network_is_cut(tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.ready()

    await tabs.context.set_offline(True)

    assert (await tab.js("queue.status()"))["online"] is False
    assert await tab.run("echo", "offline") == "offline"
    second = await tab.submit("loop", timeout=1)
    assert (await tab.outcome("queue.handle(given).result()", second))["code"] == "job_failed"


# --- before Python is up -----------------------------------------------------------------------------------
async def test_the_first_submit_works_before_python_is_up(tabs: Tabs) -> None:
    tab = await tabs.open()

    state = await tab.js("const handle = await queue.submit('echo', 'early'); return handle.result();")

    assert state == "early"
    boots = await tab.js("seen.boots")
    assert [boots[0]["phase"], boots[-1]["phase"]] == ["runtime", "ready"]
    assert max(boot["loaded"] for boot in boots) > 5_000_000


async def test_a_site_that_knows_its_tasks_stores_the_first_submit_at_once(tabs: Tabs) -> None:
    echo = runpy.run_path(str(PAGES / "py" / "jobs.py"))["echo"]
    tab = await tabs.open(known=[json.loads(echo.manifest())])

    job_id, python = await tab.js(
        "const { id } = await queue.submit('echo', 1); return [id, queue.status().python];"
    )

    assert python in ("off", "booting")
    assert (await tab.job(job_id))["state"] == "pending"
    assert await tab.result(job_id) == 1


@pytest.mark.long
async def test_a_tab_without_python_submits_what_another_one_runs(tabs: Tabs) -> None:
    follower = await tabs.open(work=False)
    waiting = follower.page.evaluate(
        "queue.submit('echo', 'from a follower').then((handle) => handle.result())"
    )

    await tabs.open()

    assert await waiting == "from a follower"


async def test_a_known_app_refuses_an_unknown_task_before_python_is_up(tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.ready()
    await tab.page.reload()
    await tabs.attach(tab)

    result = await tab.js(
        "const error = await outcome(queue.submit('ecko', 1)); return [error.code, queue.status().python];"
    )

    assert result in (["task_unknown", "off"], ["task_unknown", "booting"])
