"""How fast jobs live in a tab: submitted, run and finished, one by one and in bulk, in one tab and in two.

Read the ratios (x): absolute numbers are those of a shared machine on one day.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, Page

from bench._page import RAW_EXPLAINED, RAW_PUTS, browsing

RUNS = 5
SLOTS = 100
JOBS = 2_000
MODULE = """import time
from wherry import task
@task(name="no_op")
async def no_op(x):
    return x
@task(name="stamp")
async def stamp(x):
    return time.time() * 1000
"""

OPEN = """async ([store, options]) => {
  const { open } = await import("/site/wherry.js");
  globalThis.queue = await open({ url: `indexeddb:${store}`, ...options });
}"""
READY = "async () => { await (await queue.submit('no_op', 0)).result(); }"
SUBMIT_ALL = """async (jobs) => {
  const began = performance.now();
  await queue.submitMany("no_op", Array.from({ length: jobs }, (_, number) => number));
  return jobs * 1000 / (performance.now() - began);
}"""
SUBMIT_EACH = """async (jobs) => {
  const began = performance.now();
  for (let number = 0; number < jobs; number++) await queue.submit("no_op", number);
  return jobs * 1000 / (performance.now() - began);
}"""
WHOLE_LIFE = """async (jobs) => {
  const began = performance.now();
  const handles = await queue.submitMany("no_op", Array.from({ length: jobs }, (_, number) => number));
  await Promise.all(handles.map((handle) => handle.result()));
  return jobs * 1000 / (performance.now() - began);
}"""
WAKE_UPS = """async (jobs) => {
  const took = [];
  for (let number = 0; number < jobs; number++) {
    const sent = performance.timeOrigin + performance.now();
    took.push((await (await queue.submit("stamp", 0)).result()) - sent);
  }
  return took;
}"""
FRAMES = """async (jobs) => {
  const handles = await queue.submitMany("no_op", Array.from({ length: jobs }, (_, number) => number));
  const frames = [];
  let going = true;
  const frame = (at) => (frames.push(at), going && requestAnimationFrame(frame));
  requestAnimationFrame(frame);
  await handles.at(-1).result();
  going = false;
  return frames.slice(1).map((at, index) => at - frames[index]);
}"""


class Bench:
    """Opens tabs of one new profile."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser, self._url = browser, url
        self._stores = 0

    def context(self) -> BrowserContext:
        return self._browser.new_context()

    def tab(self, context: BrowserContext, store: str, *, work: bool = True) -> Page:
        page = context.new_page()
        page.goto(f"{self._url}blank.html")
        options = {"tasks": [f"{self._url}jobs.py"], "concurrency": SLOTS, "work": work}
        page.evaluate(OPEN, [store, options])
        return page

    def ratios(self, ask: Callable[[BrowserContext, str], tuple[float, float]]) -> tuple[float, float]:
        """Median rate, and median ratio to the raw puts; one profile, a store a run."""
        context = self.context()
        rates: list[float] = []
        ratios: list[float] = []
        for run in range(RUNS):
            rate, puts = ask(context, f"run {run}")
            rates.append(rate)
            ratios.append(rate / puts)
        context.close()
        return statistics.median(rates), statistics.median(ratios)

    # --- questions ---------------------------------------------------------------------------------
    def whole_life(self, context: BrowserContext, store: str) -> tuple[float, float]:
        page = self.tab(context, store)
        page.evaluate(READY)
        puts = page.evaluate(RAW_PUTS)
        rate = page.evaluate(WHOLE_LIFE, JOBS)
        page.close()
        return rate, puts

    def two_tabs(self, context: BrowserContext, store: str) -> tuple[float, float]:
        """Half of the jobs from each of two tabs, at the same time."""
        pages = [self.tab(context, store) for _ in range(2)]
        for page in pages:
            page.evaluate(READY)
        puts = pages[0].evaluate(RAW_PUTS)
        for page in pages:
            page.evaluate(f"(jobs) => {{ globalThis.life = ({WHOLE_LIFE})(jobs); }}", JOBS // 2)
        rates = [page.evaluate("() => life") for page in pages]
        for page in pages:
            page.close()
        return 2 * min(rates), puts

    def bulk(self, context: BrowserContext, store: str) -> tuple[float, float]:
        return self.submits(context, store, SUBMIT_ALL, 10_000)

    def one_by_one(self, context: BrowserContext, store: str) -> tuple[float, float]:
        return self.submits(context, store, SUBMIT_EACH, 500)

    def submits(self, context: BrowserContext, store: str, code: str, jobs: int) -> tuple[float, float]:
        """Nobody works meanwhile; the manifest comes from a tab that has worked before."""
        worker = self.tab(context, store)
        worker.evaluate(READY)
        worker.evaluate("() => queue.close()")
        worker.close()
        page = self.tab(context, store, work=False)
        puts = page.evaluate(RAW_PUTS)
        rate = page.evaluate(code, jobs)
        page.close()
        return rate, puts


def tell_rates(bench: Bench) -> None:
    questions = {
        f"whole life of {JOBS:,} jobs, {SLOTS} slots": bench.whole_life,
        "the same, half of them from each of two tabs": bench.two_tabs,
        "submit 10,000 in bulk": bench.bulk,
        "submit one by one": bench.one_by_one,
    }
    for name, ask in questions.items():
        rate, ratio = bench.ratios(ask)
        print(f"{name:46} {rate:>8,.0f}/s {ratio:>7.3f} x", flush=True)


def tell(what: str, took_ms: list[float]) -> None:
    p50, p99 = statistics.median(took_ms), statistics.quantiles(took_ms, n=100)[98]
    print(f"{what:46} p50 {p50:>5.1f} ms   p99 {p99:>5.1f} ms", flush=True)


def tell_waking(bench: Bench) -> None:
    context = bench.context()
    leader = bench.tab(context, "waking")
    leader.evaluate(READY)
    other = bench.tab(context, "waking")
    other.evaluate(READY)
    took = other.evaluate(WAKE_UPS, 200)
    context.close()
    tell("submit in another tab to handler start", took)


def tell_frames(bench: Bench) -> None:
    context = bench.context()
    page = bench.tab(context, "frames")
    page.evaluate(READY)
    frames = page.evaluate(FRAMES, 5_000)
    context.close()
    tell("frames of the page while 5,000 jobs run", frames)


def main() -> None:
    print(f"medians of {RUNS}; {RAW_EXPLAINED}")
    with browsing({"jobs.py": MODULE}) as (browser, url):
        bench = Bench(browser, url)
        tell_rates(bench)
        tell_waking(bench)
        tell_frames(bench)


if __name__ == "__main__":
    main()
