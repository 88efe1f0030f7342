"""Lanes: namespace, queue and task as one integer, remembered from transaction to transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import NamedTuple

from wherry.messages import ClaimRequest
from wherry.storage.sqlite.statements import sql


class Lane(NamedTuple):
    namespace: str
    queue: str
    task: str


class Lanes:
    """The lanes of a store.  They are only ever added, so this copy can be behind but never wrong."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.forget()

    def forget(self) -> None:
        """After a rollback: a lane learned in it may not be there."""
        self._numbers: dict[Lane, int] = {}
        self._names: dict[int, Lane] = {}
        self._last = 0
        self._claims: dict[tuple[object, ...], tuple[int, ...]] = {}

    def refresh(self) -> None:
        """Learn what other processes have added."""
        rows = self._db.execute(sql("lanes"), {"after": self._last}).fetchall()
        for number, *names in json.loads(rows[0][0]):
            self._learn(number, Lane(*names))

    def number(self, lane: Lane) -> int:
        """The lane's number; a new one at its first job, so only in a write."""
        if lane not in self._numbers:
            self.refresh()
        if lane not in self._numbers:
            self._db.execute(sql("add_lane"), (self._last + 1, *lane))
            self._learn(self._last + 1, lane)
        return self._numbers[lane]

    def name(self, number: int) -> Lane:
        if number not in self._names:
            self.refresh()
        return self._names[number]

    def told(self, number: int) -> tuple[str, str]:
        """Namespace and `queue/task`, as changes name a lane."""
        namespace, queue, task = self.name(number)
        return namespace, f"{queue}/{task}"

    def matching(
        self,
        namespaces: Collection[str] | None,
        queues: Collection[str] | None,
        tasks: Collection[str] | None,
    ) -> list[int]:
        """Numbers of the lanes known here that are in all three; None stands for every one."""
        return [
            number
            for number, (namespace, queue, task) in self._names.items()
            if (namespaces is None or namespace in namespaces)
            and (queues is None or queue in queues)
            and (tasks is None or task in tasks)
        ]

    def of_claim(self, claim: ClaimRequest, *, newest: int | None, paused: list[str]) -> tuple[int, ...]:
        """Numbers of the lanes that a claim may take from.

        Args:
            newest: the store's highest lane.
            paused: keys of pause records.
        """
        if newest is not None and newest > self._last:
            self.refresh()
        asked = (claim.namespaces, claim.queues, claim.tasks, self._last, *paused)
        if asked not in self._claims:
            if len(self._claims) > 64:
                self._claims.clear()
            lanes = self.matching(claim.namespaces, claim.queues, claim.tasks)
            self._claims[asked] = tuple(number for number in lanes if not self._is_paused(number, paused))
        return self._claims[asked]

    def _is_paused(self, number: int, paused: list[str]) -> bool:
        namespace, queue, task = self._names[number]
        return f"{namespace}/queue/{queue}" in paused or f"{namespace}/task/{task}" in paused

    def _learn(self, number: int, lane: Lane) -> None:
        self._numbers[lane] = number
        self._names[number] = lane
        self._last = max(self._last, number)
