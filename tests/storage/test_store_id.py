"""SYNC: a store has a random id of its own, which outlives every opening of it."""

from __future__ import annotations

from pathlib import Path

from wherry import open_storage


async def test_a_file_keeps_its_id_and_another_has_another(tmp_path: Path) -> None:
    ids: list[str | None] = []
    for name in ("one.db", "one.db", "two.db"):
        async with open_storage(f"sqlite:{tmp_path}/{name}") as storage:
            ids.append(storage.store_id)
            async with storage.fork() as fork:
                assert fork.store_id == storage.store_id

    assert ids[0] is not None
    assert ids[0] == ids[1] != ids[2]


async def test_every_memory_store_is_another() -> None:
    async with open_storage("memory:") as one, open_storage("memory:") as two:
        assert one.store_id != two.store_id
