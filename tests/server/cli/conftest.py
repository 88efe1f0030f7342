"""A store that knows the example tasks, and the command line in this process."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.server.cli.command import Wherry, prepare, working


@pytest.fixture
def wherry(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Wherry:
    monkeypatch.delenv("WHERRY_STORAGE", raising=False)
    monkeypatch.delenv("WHERRY_TOKEN", raising=False)
    return Wherry(capsys)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store whose manifest knows the example tasks."""
    found = f"sqlite:{tmp_path}/jobs.db"
    prepare(found)
    return found


@pytest.fixture
def worked(url: str) -> Generator[str]:
    """The same with a worker at it."""
    with working(url):
        yield url
