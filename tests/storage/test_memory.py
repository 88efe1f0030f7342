"""Memory: what only many transactions show."""

from __future__ import annotations

from wherry.messages import Change, Cursor
from wherry.storage.memory_book import FEED_BATCHES, FeedLog


def change(number: int) -> Change:
    return Change(f"{number}", "", "added", 1, "q/t")


def test_a_reader_behind_the_pruned_feed_is_told_to_read_state_again() -> None:
    feed = FeedLog()
    start = feed.read(Cursor(""), 1).cursor
    for number in range(FEED_BATCHES):
        feed.append([change(number)])
    kept = feed.read(start, 1)
    feed.append([change(FEED_BATCHES)])

    late = feed.read(start, 10)
    oldest = feed.read(kept.cursor, 2)

    assert [one.job_id for one in kept.items] == ["0"]
    assert (late.items, late.resync, late.cursor) == ((), True, feed.read(Cursor(""), 1).cursor)
    assert ([one.job_id for one in oldest.items], oldest.resync) == (["1", "2"], False)
