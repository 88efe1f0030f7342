"""Tasks written in JavaScript: tabs are closed and reloaded, Python runs beside them, queues are closed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.tab_harness import Tab, Tabs

HOLD = """
    globalThis.ended = new Promise((resolve) => { globalThis.end = resolve; });
    globalThis.aborted = [];
    await queue.task('hold', async (value, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason.code));
      await ended;
      return [value, document.title];
    });
"""


async def holding(tabs: Tabs, title: str, **options: Any) -> Tab:
    """A tab with the task `hold`, whose attempts end when its `end()` is called."""
    tab = await tabs.open(tasks=(), **options)
    await tab.js("document.title = given; return null", title)
    await tab.js(HOLD)
    return tab


async def test_a_closed_tab_gives_its_jobs_back_at_once(tabs: Tabs) -> None:
    first = await holding(tabs, "first", lease=600)
    job_id = await first.submit("hold", 1)
    await first.js("untilRunning(given)", job_id)
    second = await holding(tabs, "second", lease=600)
    await second.js("end();")

    await first.close()

    assert await second.result(job_id) == [1, "second"]
    job = await second.job(job_id)
    assert (job["attempts"], job["interruptions"]) == (1, 1)


@pytest.mark.long
async def test_every_job_ends_once_while_tabs_come_and_go(tabs: Tabs) -> None:
    code = """
        await queue.task('slow', async (n) => {
          await new Promise((wake) => setTimeout(wake, 30));
          return [n, crypto.randomUUID()];
        });"""
    watching, first = [await tabs.open(tasks=(), work=work, lease=600) for work in (False, True)]
    await watching.js("""
        globalThis.completed = [];
        globalThis.following = (async () => {
          for await (const { type, job } of queue.events()) {
            if (type === 'complete') completed.push(job.id);
            if (completed.length === 120) return;
          }
        })();""")
    await first.js(code)
    await watching.js(code)
    await watching.js("globalThis.handles = await queue.submitMany('slow', [...Array(120).keys()]);")

    for count in (20, 60):
        await watching.js("await Promise.all(handles.slice(0, given).map((one) => one.result()));", count)
        second = await tabs.open(tasks=(), lease=600)
        await second.js(code)
        await first.close()
        first = second
    outputs = await watching.js("Promise.all(handles.map((one) => one.result()))")
    await watching.js("await following;")

    assert [n for n, _ in outputs] == list(range(120))
    assert len({chance for _, chance in outputs}) == 120
    assert await watching.js("new Set(completed).size === 120 && completed.length") == 120
    jobs = (await watching.js("queue.query({ task: 'slow', limit: 1000 })"))["jobs"]
    assert {job["attempts"] for job in jobs} == {1}


@pytest.mark.long
async def test_a_reloaded_page_takes_its_jobs_up_again(tabs: Tabs) -> None:
    tab = await holding(tabs, "before", lease=600)
    job_id = await tab.submit("hold", 1)
    await tab.js("untilRunning(given)", job_id)

    await tab.page.reload()
    await tabs.attach(tab, tasks=(), lease=600)
    await tab.js(HOLD + "end(); document.title = 'after';")

    assert await tab.result(job_id) == [1, "after"]
    assert (await tab.job(job_id))["attempts"] == 1


async def test_a_page_that_submits_only_leaves_its_tasks_to_others(tabs: Tabs) -> None:
    idle = await holding(tabs, "idle", work=False)
    await idle.js("end();")
    job_id = await idle.submit("hold", 2)
    assert "Nothing tells that it can run" in await idle.js("queue.why(given)", job_id)

    working = await holding(tabs, "working")
    await working.js("end();")

    assert await idle.result(job_id) == [2, "working"]


@pytest.mark.long
async def test_a_closed_queue_hands_back_what_runs(tabs: Tabs) -> None:
    tab = await holding(tabs, "one")
    job_id = await tab.submit("hold", 1)
    await tab.js("untilRunning(given)", job_id)

    assert await tab.js("await queue.close(); return aborted") == ["interrupted"]

    await tabs.attach(tab, tasks=())
    job = await tab.job(job_id)
    assert (job["state"], job["attempts"], job["interruptions"]) == ("pending", 0, 1)


@pytest.mark.long
async def test_a_queue_that_drains_lets_its_jobs_end(tabs: Tabs) -> None:
    tab = await holding(tabs, "one")
    job_id = await tab.submit("hold", 1)
    await tab.js("untilRunning(given)", job_id)

    await tab.js("setTimeout(end, 100); await queue.close({ drain: 30 });")

    await tabs.attach(tab, tasks=())
    assert (await tab.job(job_id))["output"] == [1, "one"]


async def test_an_attempt_whose_lease_was_taken_is_refused(tabs: Tabs) -> None:
    tab = await holding(tabs, "slow")
    job_id = await tab.submit("hold", 1)
    await tab.js("untilRunning(given)", job_id)

    await tab.js("queue.disable(given)", job_id)
    await tab.js("while (!aborted.length) await new Promise((wake) => setTimeout(wake, 10)); end();")

    assert await tab.js("aborted") == ["lease_lost"]
    assert (await tab.outcome("queue.handle(given).result()", job_id))["code"] == "job_disabled"


@pytest.mark.long
async def test_a_paused_queue_goes_on_when_it_is_resumed(tabs: Tabs) -> None:
    tab = await holding(tabs, "one")
    await tab.js("end(); await queue.pause('default');")
    job_id = await tab.submit("hold", 1)
    assert await tab.js("queue.why(given)", job_id) == (
        'Its queue "default" is paused: `queue.resume({queue: "default"})`.'
    )
    assert [one["queue"] for one in await tab.js("queue.paused()")] == ["default"]

    assert await tab.js("queue.resume({ queue: 'default' })") is True
    assert await tab.result(job_id) == [1, "one"]
    assert await tab.js("queue.resume('default')") is False


# --- beside Python -------------------------------------------------------------------------------------
@pytest.mark.long
async def test_python_and_javascript_run_their_own_in_one_store(tabs: Tabs) -> None:
    tab = await tabs.open()
    await tab.js("queue.task('js.echo', (value) => ['js', value])")
    results = await tab.js("""
        const names = ['js.echo', 'echo', 'js.echo', 'echo'];
        const handles = await Promise.all(names.map((name, index) => queue.submit(name, index)));
        return Promise.all(handles.map((one) => one.result()));""")

    assert results == [["js", 0], 1, ["js", 2], 3]

    error = await tab.outcome("queue.task('echo', () => 'mine')")
    assert error["code"] == "duplicate_task"
    assert "written in Python" in error["message"]
    assert await tab.run("echo", "still Python's") == "still Python's"

    # One in Python follows one in JavaScript.
    await tab.js("await queue.task('fails', () => { throw new wherry.PermanentError('aground'); });")
    found = await tab.js("""
        const parent = await queue.submit('fails');
        const after = (onFailure) => queue.submit('echo', 1, { after: [{ id: parent.id, onFailure }] });
        const runs = await (await after('run')).result();
        const fails = await outcome((await after('fail')).result());
        const ends = await outcome((await after('cancel')).result());
        return [runs, fails.data.code, ends.code];""")

    assert found == [1, "parent_failed", "job_cancelled"]
