"""The tasks of the page."""

from __future__ import annotations

from wherry import Context, task


@task(name="text.count", timeout=30.0)
async def count_words(text: str, context: Context) -> dict[str, int]:
    counts: dict[str, int] = {}
    words = text.lower().split()
    for number, word in enumerate(words, 1):
        counts[word] = counts.get(word, 0) + 1
        context.progress(round(100 * number / len(words)), word)
    return counts
