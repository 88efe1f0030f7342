"""A client of each storage that needs no server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from wherry import (
    Client,
    open_storage,
)


@pytest.fixture(params=["memory:", "sqlite:"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:{tmp_path}/jobs.db" if request.param == "sqlite:" else str(request.param)


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with open_storage(url) as storage:
        yield Client(storage)
