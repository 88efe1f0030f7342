"""How long a tab takes from opening the queue to its first finished job, with and without pydantic.

Warm: a second visit to the same page by a profile that has seen it for some seconds.  Medians of five pages
in Chromium, beside what Python alone takes to start in the same page and the page's awaited raw IndexedDB
`put`s, so that the machine's speed on the day can be judged.
"""

from __future__ import annotations

import statistics

from playwright.sync_api import BrowserContext

from bench._page import RAW_PUTS, visiting

RUNS = 5
STAY_S = 5
"""The browser keeps what it compiled when it has time to."""
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


PYTHON = """async () => {
  const { build } = await (await fetch("/site/manifest.json")).json();
  const runtime = new URL(`/site/${build}/runtime/`, location.href).href;
  const began = performance.now();
  const { loadPyodide } = await import(`${runtime}pyodide.mjs`);
  await loadPyodide({ indexURL: runtime });
  return performance.now() - began;
}"""


class Visits:
    """Visits of one profile, page after page."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._context, self._url = context, url

    def visit(self, code: str, given: object = None, stay_s: float = 0) -> tuple[float, float]:
        """What the code took, and raw puts a second."""
        page = self._context.new_page()
        page.goto(f"{self._url}blank.html")
        took_ms = page.evaluate(code, given)
        puts = page.evaluate(RAW_PUTS)
        page.wait_for_timeout(stay_s * 1000)
        page.close()
        return took_ms, puts

    def first_job(self, kind: str, stay_s: float = 0) -> tuple[float, float]:
        return self.visit(FIRST_JOB, [kind, f"{self._url}{kind.replace(' ', '_')}.py"], stay_s)


def medians(visits: list[tuple[float, float]]) -> tuple[float, float]:
    took_ms, puts = zip(*visits, strict=True)
    return statistics.median(took_ms), statistics.median(puts)


def main() -> None:
    files = {f"{kind.replace(' ', '_')}.py": source for kind, source in MODULES.items()}
    print(f"start to first job done, warm, medians of {RUNS}")
    with visiting(files) as (context, url):
        visits = Visits(context, url)
        for kind, aim_ms in AIM_MS.items():
            visits.first_job(kind, STAY_S)
            took_ms, puts = medians([visits.first_job(kind) for _ in range(RUNS)])
            print(f"{kind:18} {took_ms:>7,.0f} ms  (aim {aim_ms:,} ms; {puts:,.0f} raw puts a second)")
        took_ms, puts = medians([visits.visit(PYTHON) for _ in range(RUNS)])
        print(f"{'Python alone':18} {took_ms:>7,.0f} ms  ({puts:,.0f} raw puts a second)")


if __name__ == "__main__":
    main()
