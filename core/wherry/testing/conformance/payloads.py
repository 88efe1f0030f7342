"""Payloads come back as they went in, byte for byte (T8)."""

from __future__ import annotations

from wherry.messages import RecordWrite, Report, Signal
from wherry.testing.conformance.builders import (
    added_and_claimed,
    claim,
    claim_one,
    new_job,
    read,
    row,
    settle,
    settlement,
)
from wherry.testing.conformance.world import World, case

MIB = 2**20

PAYLOADS = {
    "null": "null",
    "false": "false",
    "zero": "0",
    "minus zero": "-0.0",
    "empty text": '""',
    "empty list": "[]",
    "empty object": "{}",
    "large integer": str(2**80),
    "beyond 2**53": str(2**53 + 1),
    "many digits": "0.1000000000000000055511151231257827",
    "large exponent": "1E400",
    "non-ASCII": '"Zürich, 東京, \U0001f600, e\u0301"',
    "escaped non-ASCII": '"Z\\u00fcrich \\ud83d\\ude00"',
    "half a surrogate pair": '"\\ud800"',
    "escaped NUL": '"a\\u0000b"',
    "line separators": '"\u2028 \u2029 \x85 \x7f \ufeff"',
    "quotes": '"it\'s a \\"quote\\" and a \\\\"',
    "spaces": ' { "b" : 1 ,\t"a" : [ 1 , 2 ] } ',
    "same name twice": '{"a":1,"a":2}',
    "nested": "[" * 60 + "]" * 60,
}


@case("T8")
async def inputs_come_back_as_they_went_in(world: World) -> None:
    await world.storage.add([new_job(name, input=text) for name, text in PAYLOADS.items()])

    jobs = await claim(world.storage, limit=99)

    assert {job.id: job.input for job in jobs} == PAYLOADS, jobs
    rows = await world.storage.get(list(PAYLOADS))
    assert {name: found.input for name, found in rows.items()} == PAYLOADS, rows


@case("T8")
async def outputs_come_back_as_they_went_in(world: World) -> None:
    await world.storage.add([new_job(name) for name in PAYLOADS])
    jobs = await claim(world.storage, limit=99)

    await world.storage.exchange([settlement(job, "complete", output=PAYLOADS[job.id]) for job in jobs], None)

    rows = await world.storage.get(list(PAYLOADS))
    assert {name: found.output for name, found in rows.items()} == PAYLOADS, rows


@case("T8", "R14")
async def details_of_progress_come_back_as_they_went_in(world: World) -> None:
    job = await added_and_claimed(world.storage, "a")
    for name, text in PAYLOADS.items():
        await world.storage.report([Report("a", job.fence, details=text)])

        found = await row(world.storage, "a")
        assert found.details == text, (name, found.details)


@case("T8", "R6")
async def errors_come_back_as_they_went_in(world: World) -> None:
    wanted = [text for text in PAYLOADS.values() if text.startswith('"')]
    await added_and_claimed(world.storage, "a")
    for text in wanted:
        await settle(world.storage, await row(world.storage, "a"), "retry", error=text)
        await claim_one(world.storage)

    errors = (await row(world.storage, "a")).errors

    assert errors.removesuffix("\n").split("\n") == wanted, repr(errors)


@case("T8", "R14", "V2")
async def records_come_back_as_they_went_in(world: World) -> None:
    await world.storage.write([RecordWrite("k", name, 0, text) for name, text in PAYLOADS.items()])
    job = await added_and_claimed(world.storage, "a")
    await world.storage.report(
        [Report("a", job.fence, step=item, logs=(item[1],)) for item in PAYLOADS.items()]
    )
    await world.storage.signal([Signal("a", name, text, "1") for name, text in PAYLOADS.items()])

    found = {
        kind: {key: value for key, _, value in await read(world.storage, kind)}
        for kind in ("k", "step", "signal")
    }

    assert found["k"] == PAYLOADS, found["k"]
    assert found["step"] == {f"a/{name}": text for name, text in PAYLOADS.items()}, found["step"]
    assert found["signal"] == {f"a/{name}/1": text for name, text in PAYLOADS.items()}, found["signal"]
    assert [value for _, _, value in await read(world.storage, "log")] == list(PAYLOADS.values()), "log lines"


@case("T8")
async def a_payload_of_a_mebibyte_comes_back(world: World) -> None:
    text = '"' + "x" * (MIB - 2) + "ü" + '"'
    assert len(text.encode()) <= world.storage.capabilities.max_payload, world.storage.capabilities
    await world.storage.add([new_job("a", input=text)])

    job = await claim_one(world.storage)
    await settle(world.storage, job, "complete", output=text)

    found = await row(world.storage, "a")
    sizes = len(job.input), len(found.input), len(found.output or "")
    assert (job.input == text, found.input == text, found.output == text) == (True, True, True), sizes


@case("T8", "T6")
async def names_come_back_as_they_went_in(world: World) -> None:
    names = ("Zürich", "東京", "\U0001f600", "e\u0301", "it's", 'a"b', "a\\b", "a\u2028b", " a ", "A", "a")
    await world.storage.add(
        [new_job(text, queue=text, namespace=text, run_id=text, tags=(text, "a")) for text in names]
    )

    rows = await world.storage.get(names)
    claimed = await claim(world.storage, limit=99, namespaces=names, queues=names, worker="Zoë")

    assert set(rows) == set(names), rows
    for text, found in rows.items():
        same = found.id, found.queue, found.namespace, found.run_id
        assert (same, found.tags) == ((text,) * 4, (text, "a")), found
    assert {(job.id, job.queue, job.namespace) for job in claimed} == {(text,) * 3 for text in names}, claimed
    assert (await row(world.storage, "a")).worker == "Zoë", await row(world.storage, "a")
