"""What the check plays on the page, in order.  Each play returns a few words on what it saw."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from wherry_server.demo.stage import Missed, Stage

Play = Callable[[Stage], Awaitable[str]]

LEAST_MODULES = 500
_CANARY = "kittiwake-7c1f"
"""A word that no request may carry: it stands only in the file that must not leave the tab."""
_CSV = "port,day,depth\nWick,2026-01-02,3.5\nAith,2026-01-01,4.5\n" + f"{_CANARY},2026-01-03,6\n"

_SERVER_S, _PYTHON_S, _INDEX_S = 30.0, 180.0, 420.0
_WAIT_JOB_S = 8.0


async def page_opens(stage: Stage) -> str:
    await stage.see("shore-server", '[data-state="online"]', within_s=_SERVER_S)
    return "the server's shore is online"


async def server_indexes(stage: Stage) -> str:
    await stage.click("index-server")
    return await _indexed(stage, "server")


async def server_is_searched(stage: Stage) -> str:
    return await _searched(stage, "server")


async def killed_worker_is_replaced(stage: Stage) -> str:
    await stage.click("kill-worker")
    card = '[data-shore="server"][data-task="wait"]'
    # Lease, a look of the sweeper, backoff, the job itself from its beginning.
    await stage.see("job", f'{card}[data-state="completed"]', within_s=60 + _WAIT_JOB_S)
    rows = await stage.server_jobs(tasks=["wait"], states=["completed"])
    attempts = [row.attempt for row in rows]
    if attempts != [2]:
        raise Missed(f"one accepted result on attempt 2 was expected, not on {attempts}")
    restarts = stage.demo.crew.status()["restarts"]
    return f"attempt 2 by the next worker, one accepted result, {restarts} restart"


async def python_starts(stage: Stage) -> str:
    await stage.see("shore-tab", '[data-state="ready"]', within_s=_PYTHON_S)
    return "in the tab"


async def tab_indexes(stage: Stage) -> str:
    await stage.click("index-tab")
    return await _indexed(stage, "tab")


async def tab_is_searched(stage: Stage) -> str:
    return await _searched(stage, "tab")


async def file_stays(stage: Stage) -> str:
    files = [{"name": "ports.csv", "mimeType": "text/csv", "buffer": _CSV.encode()}]
    await stage.by("file-input").first.set_input_files(files)  # pyright: ignore[reportArgumentType] - a FilePayload
    await stage.see("file-result", '[data-kind="csv"][data-rows="3"]', within_s=30)
    if any(_CANARY.encode() in body for body in stage.watch.sent):
        raise Missed("a request carried the file's text: it left the tab")
    rows = await stage.server_jobs(tasks=["file.statistics"])
    if rows:
        raise Missed("the server has a job with the file")
    return f"3 rows; none of {len(stage.watch.sent)} requests carried it"


async def reload_costs_nothing(stage: Stage) -> str:
    job = await _crossing(stage)
    await stage.page.reload()
    card = f'[data-job="{job}"]'
    await stage.see("job", f'{card}[data-state="completed"]', within_s=_PYTHON_S)
    attempt = await stage.by("job", card).first.get_attribute("data-attempt")
    if attempt != "1":
        raise Missed(f"the reload was charged: the job completed on attempt {attempt}")
    return "the same job completed on attempt 1"


async def offline_goes_on(stage: Stage) -> str:
    await stage.see("shore-tab", '[data-state="ready"]', within_s=_PYTHON_S)
    stage.watch.offline = True
    await stage.context.set_offline(True)
    try:
        job = await _crossing(stage)
        await stage.see("job", f'[data-job="{job}"][data-state="completed"]', within_s=60)
    finally:
        await stage.context.set_offline(False)
    await stage.see("shore-server", '[data-state="online"]:not([data-stale])', within_s=60)
    stage.watch.offline = False
    return "a job completed without a network; the server's shore came back"


async def second_tab_shares(stage: Stage) -> str:
    other = await stage.context.new_page()
    stage.watch.follow(other)
    await other.goto(stage.demo.address)
    await stage.see("shore-tab", '[data-state="ready"]', within_s=_PYTHON_S, page=other)
    job = await _crossing(stage)
    card = f'[data-job="{job}"]'
    await stage.see("job", card, within_s=30, page=other)
    await stage.see("job", f'{card}[data-state="completed"]', within_s=60, page=other)
    attempt = await stage.by("job", card, other).first.get_attribute("data-attempt")
    await other.close()
    if attempt != "1":
        raise Missed(f"the job ran on attempt {attempt}")
    return "both show the job; it ran once"


async def nothing_went_wrong(stage: Stage) -> str:
    await stage.see("shore-server", '[data-state="online"]:not([data-stale])', within_s=_SERVER_S)
    errors = [*stage.watch.errors, *await stage.told_errors()]
    if errors:
        raise Missed("; ".join(errors)[:2000])
    return "no error in the console, none shown, no policy violated"


PLAYS: tuple[tuple[str, Play], ...] = (
    ("the page opens", page_opens),
    ("server: index", server_indexes),
    ("server: search", server_is_searched),
    ("server: worker killed", killed_worker_is_replaced),
    ("tab: Python starts", python_starts),
    ("tab: index", tab_indexes),
    ("tab: search", tab_is_searched),
    ("tab: a file stays", file_stays),
    ("tab: reload", reload_costs_nothing),
    ("tab: offline", offline_goes_on),
    ("tab: a second one", second_tab_shares),
    ("errors", nothing_went_wrong),
)


# --- parts ---------------------------------------------------------------------------------------
async def _indexed(stage: Stage, shore: str) -> str:
    progress = f"progress-{shore}"

    async def finished() -> bool:
        total = await stage.number(progress, "total")
        return total >= LEAST_MODULES and await stage.number(progress, "done") >= total

    await stage.until(finished, f"finished index of at least {LEAST_MODULES} modules", within_s=_INDEX_S)
    failed = await stage.number(progress, "failed")
    if failed:
        raise Missed(f"{failed} modules failed")
    return f"{await stage.number(progress, 'done')} modules, one job each"


async def _searched(stage: Stage, shore: str) -> str:
    await stage.by("search").first.fill("TaskGroup")
    where = f'[data-name="TaskGroup"][data-found-in="asyncio"][data-shore~="{shore}"]'
    await stage.see("result", where, within_s=30)
    await stage.by("search").first.fill("")
    return "TaskGroup is found in asyncio"


async def _crossing(stage: Stage) -> str:
    """Submit `wait` in the tab; its id, once it runs."""
    card = '[data-shore="tab"][data-task="wait"]'
    before = {await one.get_attribute("data-job") for one in await stage.by("job", card).all()}
    await stage.click("cross-tab")
    found: list[str] = []

    async def runs() -> bool:
        for one in await stage.by("job", f'{card}[data-state="running"]').all():
            job = await one.get_attribute("data-job")
            if job and job not in before:
                found.append(job)
        return bool(found)

    await stage.until(runs, "a new wait job that runs in the tab", within_s=60)
    return found[0]


# --- looks ---------------------------------------------------------------------------------------
WIDTHS = (390, 1280)


async def shoot(stage: Stage, folder: Path) -> str:
    """Screenshots in both themes at each width; nothing may be wider than the screen."""
    wide: list[str] = []
    for scheme in ("light", "dark"):
        await stage.page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            await stage.page.set_viewport_size({"width": width, "height": 900})
            await stage.page.screenshot(path=folder / f"{scheme}-{width}.png", full_page=True)
            over = await stage.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            if over > 0:
                wide.append(f"{scheme} {width}: {json.dumps(over)} px too wide")
    if wide:
        raise Missed("; ".join(wide))
    return f"{2 * len(WIDTHS)} in {folder}"
