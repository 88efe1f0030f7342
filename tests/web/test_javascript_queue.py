"""What a queue in a page can do with jobs: find, change, pause, explain, follow.  No Python runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest_asyncio
from playwright.async_api import Browser

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(chromium: Browser, tab_site: Site) -> AsyncGenerator[Tab]:
    context = await chromium.new_context()
    tab = await Tabs(context, tab_site).open(tasks=(), url="indexeddb:queue")
    await tab.js("""
        await queue.task('echo', (value) => value);
        await queue.task('once', (value) => value, { unique: { within: 60 } });
        await queue.task('until.open', () => gate);
        await queue.task('fail', () => { throw new wherry.PermanentError('aground'); });
        globalThis.gate = new Promise((resolve) => { globalThis.openGate = resolve; });""")
    yield tab
    await context.close()


ABORT_ERROR = 20
"""The number that browsers give it."""


# --- uniqueness --------------------------------------------------------------------------------------
async def test_a_key_can_be_held_until_the_job_starts(tab: Tab) -> None:
    same = await tab.js("""
        const unique = { until: 'started', key: 'k' };
        const first = await queue.submit('echo', 1, { unique, delay: 0.2 });
        const second = await queue.submit('echo', 2, { unique });
        await first.result();
        const third = await queue.submit('echo', 3, { unique });
        return [second.duplicateOf === first.id, third.duplicateOf ?? null];""")

    assert same == [True, None]


async def test_the_policy_of_a_task_holds_unless_a_submit_says_otherwise(tab: Tab) -> None:
    same = await tab.js("""
        const first = await queue.submit('once', { a: 1, b: 2 });
        await first.result();
        const second = await queue.submit('once', { b: 2, a: 1 });
        const other = await queue.submit('once', { b: 3 });
        const free = await queue.submit('once', { b: 2, a: 1 }, { unique: null });
        const standing = [second, other, free].map(({ duplicateOf }) => duplicateOf ?? null);
        return [second.id === first.id, standing[0] === first.id, ...standing.slice(1)];""")

    assert same == [True, True, None, None]


# --- find and change ---------------------------------------------------------------------------------
async def test_filters_take_one_or_several_values(tab: Tab) -> None:
    await tab.js("queue.submitMany('echo', [1, 2], { runId: 'found', delay: 60 })")

    one = await tab.js("queue.count({ runId: 'found', state: 'pending', task: 'echo' }, 'task')")
    several = await tab.js("queue.count({ runId: 'found', state: ['pending', 'failed'], queue: 'default' })")

    assert (one, several) == ({"echo": 2}, {"pending": 2})
    assert await tab.js("queue.disable({ runId: 'found' })") == 2
    assert await tab.js("queue.count({ runId: 'found' })") == {"disabled": 2}
    assert await tab.js("queue.remove({ runId: 'found' })") == 2


async def test_a_job_that_fails_again_is_put_back_once(tab: Tab) -> None:
    await tab.js("""
        const handles = await queue.submitMany('fail', [1, 2, 3], { runId: 'again' });
        await Promise.all(handles.map((one) => outcome(one.result())));""")

    assert await tab.js("queue.retry({ runId: 'again', state: 'failed' })") == 3


async def test_a_queue_tells_what_can_be_done_with_it(tab: Tab) -> None:
    assert set(await tab.js("[...queue.capabilities]")) >= {"submit", "operate", "tasks", "offline"}


# --- why ---------------------------------------------------------------------------------------------
async def test_a_job_is_explained(tab: Tab) -> None:
    told = await tab.js("""
        const later = await queue.submit('echo', 1, { runAt: new Date('2100-01-01T00:00:00Z') });
        const child = await queue.submit('echo', 1, { after: [later] });
        const next = await queue.submit('echo', 1, { orderingKey: 'k', delay: 60 });
        const behind = await queue.submit('echo', 1, { orderingKey: 'k' });
        const failed = await queue.submit('fail');
        await outcome(failed.result());
        const running = await queue.submit('until.open');
        await untilRunning(running.id);
        const told = {};
        for (const [name, { id }] of Object.entries({ later, child, behind, failed, running })) {
          const said = (await queue.why(id)).replaceAll(later.id, 'LATER');
          told[name] = said.replaceAll(next.id, 'NEXT').replaceAll(failed.id, 'FAILED');
        }
        openGate('open');
        await running.result();
        told.completed = await queue.why(running.id);
        await queue.cancel({ state: ['pending', 'blocked'] });
        return told;""")

    assert told["later"] == "It is scheduled for 2100-01-01 00:00:00 UTC."
    assert told["child"] == "It waits for 1 job (LATER (pending)) to finish first."
    assert told["behind"] == 'It comes after NEXT (pending), the one before it of the ordering key "k".'
    assert told["failed"].endswith(
        'on attempt 1 of 4 with PermanentError: aground: `queue.retry("FAILED")` puts it back.'
    )
    assert told["running"].startswith("It is running since 2")
    assert told["running"].endswith(", attempt 1 of 4.")
    assert told["completed"].startswith("It completed at 2")


async def test_why_knows_only_jobs_that_are_stored(tab: Tab) -> None:
    assert (await tab.outcome("queue.why('nowhere')"))["code"] == "job_not_found"
    assert (await tab.outcome("queue.logs('nowhere')"))["code"] == "job_not_found"


# --- follow, close -----------------------------------------------------------------------------------
async def test_events_end_with_their_signal(tab: Tab) -> None:
    found = await tab.js("""
        const controller = new AbortController();
        const seen = [];
        const following = (async () => {
          for await (const { type } of queue.events({ signal: controller.signal })) {
            seen.push(type);
            if (type === 'complete') controller.abort();
          }
        })();
        await queue.submit('echo', 1);
        const error = await outcome(following);
        return [seen, error.code];""")

    assert found == [["added", "start", "complete"], ABORT_ERROR]


async def test_a_queue_is_closed_at_the_end_of_its_block(tabs: Tabs) -> None:
    tab = await tabs.open(tasks=())

    errors = await tab.js("""
        await queue[Symbol.asyncDispose]();
        return Promise.all([queue.count(), queue.task('late', () => 1)].map(outcome));""")

    assert [one["code"] for one in errors] == ["storage_unavailable"] * 2
