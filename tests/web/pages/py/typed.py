"""A task whose annotations need pydantic."""

from __future__ import annotations

from wherry import task


@task(name="text.count")
async def count_words(text: str) -> int:
    return len(text.split())
