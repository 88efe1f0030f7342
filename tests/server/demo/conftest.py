"""One demo for each test module: its worker is a process and takes a second to start."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.server.demo.live import Live, live, make_site
from wherry_server.demo.site import Site


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Generator[Live]:
    site: Path = make_site(tmp_path_factory.mktemp("site"))
    with live(Site(site, expected=True), tmp_path_factory.mktemp("data")) as found:
        yield found
