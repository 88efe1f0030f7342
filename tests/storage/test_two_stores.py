"""Two stores of one kind know nothing of each other."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from tests.storage.harness import HARNESSES
from wherry.messages import Cursor
from wherry.testing.conformance import World, add


@pytest.mark.parametrize("storage", HARNESSES)
async def test_a_cursor_of_another_store_asks_to_read_state_again(storage: str) -> None:
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(HARNESSES[storage]()) for _ in range(2)]
        await add_some(one)
        await add_some(two)
        theirs = (await one.storage.changes(Cursor(""), limit=1)).cursor

        page = await two.storage.changes(theirs, limit=10)

        assert (list(page.items), page.resync) == ([], True)
        assert page.cursor == (await two.storage.changes(Cursor(""), limit=1)).cursor


@pytest.mark.parametrize("storage", HARNESSES)
async def test_jobs_of_one_store_are_not_in_another(storage: str) -> None:
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(HARNESSES[storage]()) for _ in range(2)]
        await add_some(one)

        assert await two.storage.get(["a", "b"]) == {}


async def add_some(world: World) -> None:
    assert await add(world.storage, "a", "b") == ["ok", "ok"]
