"""Firefox and WebKit on the built site.  Run by `build.py test --browsers`, and by nothing else.

Chromium has the whole of tests/web; here each engine runs the storage's conformance suite and the main flows.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browsers.driver import Engine
from tests.browsers.firefox import firefox
from tests.browsers.webkit import webkit
from tests.web.conftest import site_folder, tab_site
from tools import engines

__all__ = ["site_folder", "tab_site"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all, because the connections to the browsers live on it."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


def installed(name: str, program: str | None) -> str:
    assert program is not None, f"{name} is not here: run these tests by `build.py test --browsers`"
    return program


def launch(name: str) -> AbstractAsyncContextManager[Engine]:
    """An engine by its name."""
    if name == "firefox":
        return firefox(installed("Firefox", engines.firefox()))
    return webkit(
        installed("WebKitWebDriver", engines.webkit_driver()),
        installed("MiniBrowser", engines.minibrowser()),
        installed("Xvfb", engines.screen()),
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=["firefox", "webkit"])
async def engine(request: pytest.FixtureRequest) -> AsyncGenerator[Engine]:
    async with launch(request.param) as running:
        yield running
