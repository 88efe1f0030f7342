"""How exchanges of several callers become one, and its answer theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

from wherry import entropy
from wherry.errors import StorageUnavailable
from wherry.messages import Claimed, ClaimRequest, Exchanged, Settlement
from wherry.storage.lane import Size
from wherry.storage.protocol import Jobs

_TOKENS_KEPT = 1024
"""A lost reply is asked for again within moments."""


class Exchange(NamedTuple):
    settle: Sequence[Settlement]
    claim: ClaimRequest | None


class _Shared:
    """A claim made for several callers, and who got which job of it."""

    def __init__(self, claims: Sequence[ClaimRequest]) -> None:
        self.claims = claims
        limit = sum(claim.limit for claim in claims)
        self.request = claims[0]._replace(token=entropy.token(16), limit=limit)
        self._owners: dict[str, str] = {}

    def deal(self, jobs: Iterable[Claimed]) -> dict[str, list[Claimed]]:
        """Jobs by the token of the caller to whom they go, the best to the first who asked."""
        jobs = list(jobs)
        if not self._owners:
            left = iter(jobs)
            for claim in self.claims:
                self._owners.update((job.id, claim.token) for job in islice(left, claim.limit))
        dealt: dict[str, list[Claimed]] = {claim.token: [] for claim in self.claims}
        for job in jobs:
            dealt[self._owners[job.id]].append(job)
        return dealt


class Exchanges:
    """Joined exchanges of one storage.

    A claim for several callers has a token of its own.  Which tokens it stands for is remembered,
    so that a caller who repeats a claim gets its share, as the contract has it for every claim.
    """

    def __init__(self, storage: Jobs) -> None:
        self._storage = storage
        self._shared: dict[str, _Shared] = {}

    def size(self, call: Exchange) -> Size:
        rows = len(call.settle) + (call.claim.limit if call.claim else 0)
        return Size(rows, sum(len(each.output or "") + len(each.error or "") for each in call.settle))

    def company(self) -> Callable[[Exchange], bool]:
        """Any settlements, and claims that differ in token and limit alone; a repeated claim none."""
        first: ClaimRequest | None = None
        tokens: set[str] = set()

        def fits(call: Exchange) -> bool:
            nonlocal first
            claim = call.claim
            if claim is None:
                return tokens.isdisjoint(self._shared)
            alike = first is None or claim._replace(token=first.token, limit=first.limit) == first
            fits = alike and claim.token not in tokens and claim.token not in self._shared
            first = first or claim
            tokens.add(claim.token)
            return fits and tokens.isdisjoint(self._shared)

        return fits

    async def send(self, calls: Sequence[Exchange]) -> Sequence[Exchanged]:
        claims = [call.claim for call in calls if call.claim is not None]
        if len(claims) > 1:
            return await self._share(calls, claims)
        claim = claims[0] if claims else None
        if claim is not None and claim.token in self._shared:
            return [await self._repeat(calls[0], self._shared[claim.token])]
        if len(calls) == 1:
            return [await self._storage.exchange(calls[0].settle, claim)]
        answer = await self._storage.exchange(_settlements(calls), claim)
        return _dealt(calls, answer, {claim.token: answer.jobs} if claim else {})

    async def _share(self, calls: Sequence[Exchange], claims: Sequence[ClaimRequest]) -> Sequence[Exchanged]:
        shared = _Shared(claims)
        try:
            answer = await self._storage.exchange(_settlements(calls), shared.request)
        except StorageUnavailable as error:
            if error.outcome_unknown:  # it may have claimed: those who ask again must get that
                self._remember(shared)
            raise
        if answer.jobs:
            self._remember(shared)
        return _dealt(calls, answer, shared.deal(answer.jobs))

    async def _repeat(self, call: Exchange, shared: _Shared) -> Exchanged:
        assert call.claim is not None
        answer = await self._storage.exchange(call.settle, shared.request)
        return answer._replace(jobs=shared.deal(answer.jobs)[call.claim.token])

    def _remember(self, shared: _Shared) -> None:
        for claim in shared.claims:
            self._shared[claim.token] = shared
        while len(self._shared) > _TOKENS_KEPT:
            del self._shared[next(iter(self._shared))]


def _settlements(calls: Sequence[Exchange]) -> list[Settlement]:
    return list(chain.from_iterable(call.settle for call in calls))


def _dealt(
    calls: Sequence[Exchange],
    answer: Exchanged,
    jobs: Mapping[str, Sequence[Claimed]],
) -> list[Exchanged]:
    """Each caller's verdicts, and the jobs of its token."""
    verdicts = iter(answer.verdicts)
    dealt: list[Exchanged] = []
    for settle, claim in calls:
        own = jobs.get(claim.token, ()) if claim else ()
        next_due_in_ms = answer.next_due_in_ms if claim else None
        if claim and answer.jobs and not own:
            # Others got what there was, so the storage did not say when more is due: ask again.
            next_due_in_ms = 0
        dealt.append(Exchanged([next(verdicts) for _ in settle], own, next_due_in_ms))
    return dealt
