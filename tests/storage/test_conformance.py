"""The conformance cases over every storage: `test_conformance[STORAGE-CASE]`."""

from __future__ import annotations

import pytest

from tests.storage.harness import HARNESSES
from wherry.testing.conformance import CASES


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("storage", HARNESSES)
async def test_conformance(storage: str, name: str) -> None:
    async with HARNESSES[storage]() as world:
        await CASES[name].run(world)
