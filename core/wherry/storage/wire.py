"""The storage verbs as text: one JSON object in, one JSON value out.

HTTP carries it, and the JavaScript stores `idb.js` and `remote.js` speak it, so a Python caller
reaches all of them through `WireStorage`.  Tuples are JSON objects by field name; fields equal to their
default may be left out; unknown fields are ignored.  Payloads stay JSON text inside JSON
strings, so integers beyond 2**53 pass through JavaScript unharmed.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, cast

from wherry.errors import MalformedRequest, NotJson, StorageError
from wherry.job import JobRow
from wherry.messages import (
    Added,
    Alteration,
    Changes,
    ClaimRequest,
    Counts,
    Cursor,
    Exchanged,
    Filter,
    Lease,
    NewJob,
    Record,
    RecordWrite,
    Report,
    Settlement,
    Signal,
    Verdict,
)
from wherry.storage.protocol import CountBy
from wherry.storage.shapes import REQUIRED, Field, Misfit, Shape, field, read_fields, shape, write_fields


class Page(NamedTuple):
    """What `query` answers on the wire."""

    rows: Sequence[JobRow]
    next: str | None


class Verb(NamedTuple):
    """One verb: its parameters, its answer on the wire as an annotation, and how that is made."""

    name: str
    parameters: tuple[Field, ...]
    answer: Any
    result: Shape

    def write_arguments(self, **arguments: Any) -> str:
        """One JSON object.  Raises `NotJson` if a number is not finite."""
        return _dump(write_fields(self.parameters, arguments))

    def read_arguments(self, text: str) -> dict[str, Any]:
        """Keyword arguments of the storage's method.  Raises `MalformedRequest`, the place named."""
        try:
            return read_fields(self.parameters, load(text))
        except Misfit as misfit:
            raise MalformedRequest(f"{self.name}: {misfit}") from None

    def write_result(self, value: Any) -> str:
        """One JSON value."""
        return _dump(self.result.to_json(value))

    def read_result(self, text: str) -> Any:
        """What the storage's method returns.  Raises `StorageError` if the text is something else."""
        try:
            return self.result.read(load(text))
        except Misfit as misfit:
            raise StorageError(
                f"the store's answer to {self.name} is not what it should be: {misfit}"
            ) from None


PROTOCOL = 1
"""Version of this form; a reader ignores what it does not know, so it grows only when that would do harm."""


def load(text: str) -> Any:
    """Parse JSON, strictly: no NaN, no unbounded nesting.  Raises `Misfit`."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except Misfit:
        raise
    except RecursionError:
        raise Misfit("is nested too deeply") from None
    except ValueError as error:
        raise Misfit(f"is not JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise Misfit(f"is not JSON: {name} is not a JSON number")


def payload_problem(text: str) -> str | None:
    """Why a payload is no JSON text, or None; numbers are not converted, however long they are."""
    try:
        _GRAMMAR.decode(text)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _no_number(_: str) -> None:
    return None


_GRAMMAR = json.JSONDecoder(parse_constant=_no_constant, parse_int=_no_number, parse_float=_no_number)


def _dump(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise NotJson("$", "a number that is not finite") from None


def _through(inner: Shape, read: Callable[[Any], Any], write: Callable[[Any], Any]) -> Shape:
    """A shape whose value in Python is made from another that has a JSON form."""

    def from_json(value: object) -> Any:
        return read(inner.read(value))

    def to_json(value: Any) -> object:
        return inner.to_json(write(value))

    return Shape(from_json, to_json)


def _by_id(rows: Sequence[JobRow]) -> dict[str, JobRow]:
    return {row.id: row for row in rows}


def _values(rows: Mapping[str, JobRow]) -> list[JobRow]:
    return list(rows.values())


def _page(page: tuple[Sequence[JobRow], str | None]) -> Page:
    return Page(*page)


def _items(counts: Counts) -> list[tuple[tuple[str, ...], int]]:
    return list(counts.items())


def _verb(name: str, answer: Any, result: Shape | None = None, **parameters: Any) -> Verb:
    """Parameters as annotation, or (annotation, default)."""
    fields = tuple(_parameter(*pair) for pair in parameters.items())
    return Verb(name, fields, answer, result or shape(answer))


def _parameter(name: str, given: Any) -> Field:
    hint, default = cast("tuple[Any, Any]", given) if type(given) is tuple else (given, REQUIRED)
    return field(name, hint, default)


_ROWS = Sequence[JobRow]
_COUNTED = Sequence[tuple[tuple[str, ...], int]]

VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        _verb("add", Sequence[Added], jobs=Sequence[NewJob], records=(Sequence[RecordWrite], ())),
        _verb("exchange", Exchanged, settle=Sequence[Settlement], claim=(ClaimRequest | None, None)),
        _verb("renew", Sequence[Verdict], leases=Sequence[Lease], lease_ms=int),
        _verb("report", Sequence[Verdict], reports=Sequence[Report]),
        _verb("signal", Sequence[Verdict], signals=Sequence[Signal]),
        _verb("get", _ROWS, _through(shape(_ROWS), _by_id, _values), ids=Sequence[str]),
        _verb(
            "query",
            Page,
            _through(shape(Page), tuple, _page),
            where=Filter,
            limit=int,
            cursor=(str | None, None),
        ),
        _verb(
            "count",
            _COUNTED,
            _through(shape(_COUNTED), dict, _items),
            where=Filter,
            by=(Sequence[CountBy], ()),
        ),
        _verb("alter", Sequence[str], where=Filter, change=Alteration, limit=int),
        _verb("changes", Changes, since=str, limit=int),
        _verb("read", Sequence[Record], kind=str, prefix=(str, "")),
        _verb("write", bool, writes=Sequence[RecordWrite]),
    )
}
"""The twelve verbs that are one call and one answer; `listen` and `fork` are the transport's."""


class WireStorage(ABC):
    """A storage whose verbs are text, carried out by `_call`.

    A subclass adds `url`, `capabilities`, `listen`, `fork`, `__aenter__` and `__aexit__`.
    """

    @abstractmethod
    async def _call(self, verb: str, text: str) -> str:
        """Carry out one verb; errors are WherryError."""

    async def _do(self, name: str, **arguments: Any) -> Any:
        verb = VERBS[name]
        return verb.read_result(await self._call(name, verb.write_arguments(**arguments)))

    async def add(self, jobs: Sequence[NewJob], *, records: Sequence[RecordWrite] = ()) -> Sequence[Added]:
        return await self._do("add", jobs=jobs, records=records)

    async def exchange(self, settle: Sequence[Settlement], claim: ClaimRequest | None) -> Exchanged:
        return await self._do("exchange", settle=settle, claim=claim)

    async def renew(self, leases: Sequence[Lease], *, lease_ms: int) -> Sequence[Verdict]:
        return await self._do("renew", leases=leases, lease_ms=lease_ms)

    async def report(self, reports: Sequence[Report]) -> Sequence[Verdict]:
        return await self._do("report", reports=reports)

    async def signal(self, signals: Sequence[Signal]) -> Sequence[Verdict]:
        return await self._do("signal", signals=signals)

    async def get(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        return await self._do("get", ids=ids)

    async def query(
        self, where: Filter, *, limit: int, cursor: str | None = None
    ) -> tuple[Sequence[JobRow], str | None]:
        return await self._do("query", where=where, limit=limit, cursor=cursor)

    async def count(self, where: Filter, *, by: Sequence[CountBy] = ()) -> Counts:
        return await self._do("count", where=where, by=by)

    async def alter(self, where: Filter, change: Alteration, *, limit: int) -> Sequence[str]:
        return await self._do("alter", where=where, change=change, limit=limit)

    async def changes(self, since: Cursor, *, limit: int) -> Changes:
        return await self._do("changes", since=since, limit=limit)

    async def read(self, kind: str, *, prefix: str = "") -> Sequence[Record]:
        return await self._do("read", kind=kind, prefix=prefix)

    async def write(self, writes: Sequence[RecordWrite]) -> bool:
        return await self._do("write", writes=writes)
