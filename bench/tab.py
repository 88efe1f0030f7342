"""How long a tab takes from opening the queue to its first finished job, with and without pydantic.

Warm: the browser has seen the site before, as on a second visit.  Medians of five pages in Chromium,
beside the same page's awaited raw IndexedDB `put`s, so that the machine's speed on the day can be judged.
"""

from __future__ import annotations

import statistics

from playwright.sync_api import Browser

from bench._page import RAW_PUTS, browsing

RUNS = 5
AIM_MS = {"without pydantic": 800, "with pydantic": 1200}
HEAD = "from wherry import task\n@task(name='first')\n"
MODULES = {
    "without pydantic": f"{HEAD}async def first(x):\n    return x\n",
    "with pydantic": f"{HEAD}async def first(x: int) -> int:\n    return x\n",
}

FIRST_JOB = """async ([store, module]) => {
  const began = performance.now();
  const { open } = await import("/site/wherry.js");
  const queue = await open({ url: `indexeddb:${store}`, tasks: [module] });
  await (await queue.submit("first", 1)).result();
  const took = performance.now() - began;
  await queue.close();
  return took;
}"""


def measure(browser: Browser, url: str, kind: str) -> tuple[float, float]:
    """Median milliseconds to the first job, and raw puts a second."""
    context = browser.new_context()
    took: list[float] = []
    puts: list[float] = []
    module = f"{url}{kind.replace(' ', '_')}.py"
    for run in range(RUNS + 1):
        page = context.new_page()
        page.goto(f"{url}blank.html")
        took.append(page.evaluate(FIRST_JOB, [f"{kind} {run}", module]))
        puts.append(page.evaluate(RAW_PUTS))
        page.close()
    context.close()
    return statistics.median(took[1:]), statistics.median(puts)


def main() -> None:
    files = {f"{kind.replace(' ', '_')}.py": source for kind, source in MODULES.items()}
    print(f"start to first job done, warm, medians of {RUNS}")
    with browsing(files) as (browser, url):
        for kind, aim_ms in AIM_MS.items():
            took_ms, puts = measure(browser, url, kind)
            print(f"{kind:18} {took_ms:>7,.0f} ms  (aim {aim_ms:,} ms; {puts:,.0f} raw puts a second)")


if __name__ == "__main__":
    main()
