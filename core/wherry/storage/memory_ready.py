"""The due jobs of one lane of the memory storage, by rank."""

from __future__ import annotations

import heapq
from collections import deque

Item = tuple[int, str]
"""Rank and id of a job."""


class Ready:
    """A priority queue whose items nearly always come in order.

    Those that do stand in a line, put in and taken out in constant time; the rest are in a heap.
    Items go stale: one counts only while its job is due and of that rank.
    """

    def __init__(self) -> None:
        self._line: deque[Item] = deque()
        self._heap: list[Item] = []

    def __bool__(self) -> bool:
        return bool(self._line or self._heap)

    def push(self, item: Item) -> None:
        if not self._line or item > self._line[-1]:
            self._line.append(item)
        else:
            heapq.heappush(self._heap, item)

    @property
    def best(self) -> Item:
        """The lowest item; there must be one."""
        if not self._heap or (self._line and self._line[0] < self._heap[0]):
            return self._line[0]
        return self._heap[0]

    def pop(self) -> Item | None:
        """Take out the lowest item; None when there is none."""
        line, heap = self._line, self._heap
        if line and not (heap and heap[0] < line[0]):
            return line.popleft()
        return heapq.heappop(heap) if heap else None
