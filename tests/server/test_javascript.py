"""The server as JavaScript sees it, and Python in a browser: `remote.js` and `http_fetch` in Node."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from tests.server.conftest import ALL, TOKENS, Site
from tests.server.loopback import loopback
from tools import node
from wherry_server import Limits, create_app

HERE = Path(__file__).parent
CORE = HERE.parents[1] / "core"
SCENARIOS = re.findall(r'^  async "?([\w ]+?)"?\(\) {', (HERE / "remote_js.mjs").read_text(), re.MULTILINE)


async def run(script: str, *arguments: str) -> None:
    """Run a script of this folder to its end; a failed one shows what it said."""
    process = await asyncio.create_subprocess_exec(
        str(node.find()),
        str(HERE / script),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
    )
    try:
        async with asyncio.timeout(120):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
        pytest.fail(f"it did not end; it said:\n{said.decode()}")
    assert process.returncode == 0, said.decode()
    assert said.decode().rstrip().endswith("done")


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_remote_js(site: Site, scenario: str) -> None:
    await run("remote_js.mjs", scenario, site.url, ALL)


async def test_python_in_a_browser_speaks_by_fetch(site: Site) -> None:
    app = create_app(site.storage, tokens=TOKENS, limits=Limits(heartbeat_s=0.2))
    with loopback().mounted(app) as url:
        await run("fetch_in_node.mjs", str(CORE), url, ALL)
