"""Lines of jobs with one ordering key: an edge from each to the one behind it, and the last one's number."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from wherry.storage.sqlite.transaction import Transaction, to_json

LINE_PLACE = -2
"""The place of an edge between two jobs of a line."""


class Lines:
    """The ends of some lines; jobs that join are stored together by `store`."""

    def __init__(self, tx: Transaction, keys: Collection[str]) -> None:
        self._tx = tx
        self._tails: dict[str, int] = dict(tx.list("tails", {"keys": to_json(list(keys))})) if keys else {}
        self._moved: dict[str, int] = {}
        self._edges: list[tuple[object, ...]] = []

    def join(self, key: str, seq: int) -> bool:
        """Put a job at the end; whether there is anybody in front."""
        ahead = self._tails.get(key)
        self._tails[key] = self._moved[key] = seq
        if ahead is not None:
            self._edges.append((ahead, seq, LINE_PLACE, "run"))
        return ahead is not None

    def store(self) -> None:
        self._tx.insert("put_tails", list(self._moved.items()))
        self._tx.insert("add_edges", self._edges)


def leave_line(tx: Transaction, seq: int) -> None:
    """An ended job lets the next one close up; who was in front alone leaves that to its edges."""
    ahead, is_tail = tx.list("place_in_line", {"seq": seq})
    place = {"seq": seq, "ahead": ahead}
    if ahead is not None:
        tx.run("leave_line", {"seq": seq})
        tx.run("move_tail" if is_tail else "close_up", place)
    elif is_tail:
        tx.run("drop_tail", {"seq": seq})


def line_up_again(tx: Transaction, seqs: Sequence[int]) -> None:
    """Jobs that were put back, in this order, go to the ends of their lines."""
    listed = {"seqs": to_json(seqs)}
    # They may have ended before their parents did, who free them no more.
    tx.run("drop_edges_of", listed)
    keys: dict[int, str] = dict(tx.list("ordering_keys", listed))
    if not keys:
        return
    lines = Lines(tx, set(keys.values()))
    held_back = [seq for seq in seqs if seq in keys and lines.join(keys[seq], seq)]
    lines.store()
    tx.run("hold_back", {"seqs": to_json(held_back)})
