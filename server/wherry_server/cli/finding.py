"""Finds a job by its id, or by the beginning or ending of one."""

from __future__ import annotations

from wherry import Filter, InvalidInput, JobNotFound
from wherry.job import JobRow
from wherry.storage.protocol import Storage

_WHOLE = 36
_SHORTEST = 4
_PAGE = 1000
_MOST = 50_000
"""Jobs looked through, newest first, before a part of an id counts as unknown."""
_NAMED = 5


async def find_job(storage: Storage, part: str) -> JobRow:
    """The one job whose id is `part`, or begins or ends with it.

    Raises: `JobNotFound`; `InvalidInput` when the part is too short or fits several jobs.
    """
    row = (await storage.get([part])).get(part)
    if row is not None:
        return row
    if len(part) >= _WHOLE:
        raise JobNotFound(part)
    if len(part) < _SHORTEST:
        raise InvalidInput(
            "the job's id", [f"{part!r} is too short; give at least {_SHORTEST} characters of it"]
        )
    found = await _fitting(storage, part.lower())
    if not found:
        raise JobNotFound(part)
    if len(found) > 1:
        named = ", ".join(row.id for row in found[:_NAMED])
        more = " and more" if len(found) > _NAMED else ""
        raise InvalidInput("the job's id", [f"{part!r} fits several jobs ({named}{more}); give more of it"])
    return found[0]


async def _fitting(storage: Storage, part: str) -> list[JobRow]:
    found: list[JobRow] = []
    cursor: str | None = None
    for _ in range(_MOST // _PAGE):
        rows, cursor = await storage.query(Filter(), limit=_PAGE, cursor=cursor)
        found += [row for row in rows if row.id.startswith(part) or row.id.endswith(part)]
        if cursor is None or len(found) > _NAMED:
            break
    return found
