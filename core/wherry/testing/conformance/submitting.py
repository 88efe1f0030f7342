"""What the real `Client` submits and what its handles give, whatever storage holds the jobs."""

from __future__ import annotations

import asyncio
from typing import Any

from wherry.client import Client
from wherry.context import Context
from wherry.errors import JobCancelled, JobDisabled, JobNotFound, NotJson
from wherry.ids import short_ids
from wherry.messages import Filter
from wherry.task import create_task
from wherry.testing.conformance.builders import in_time
from wherry.testing.conformance.trying import fail
from wherry.testing.conformance.working import double, run
from wherry.testing.conformance.world import World, case
from wherry.uniqueness import until_done, within


async def echo(value: Any) -> Any:
    return value


async def raised(world: World, job_id: str) -> BaseException | None:
    """What those who wait for a job get."""
    try:
        await in_time(Client(world.storage).wait_for(job_id))
    except Exception as error:
        return error
    return None


@case("T9")
async def ids_sort_by_submit_and_short_ones_tell_jobs_apart(world: World) -> None:
    client = Client(world.storage)
    handles = await client.submit_many(double, range(30))
    handles.append(await client.submit(double, 30))

    ids = [handle.id for handle in handles]

    assert ids == sorted(ids), ids
    found, _ = await client.query(Filter(oldest_first=True))
    assert [job.input for job in found] == list(range(31)), found
    alike = [(await client.submit(double, 1, id=f"{name}-0123456789")).id for name in "ab"]
    shorts = short_ids([*ids, *alike])
    assert len(set(shorts.values())) == 33, shorts
    assert all(whole.endswith(short) for whole, short in shorts.items()), shorts


@case("T8")
async def values_come_back_from_a_handler_as_they_went_in(world: World) -> None:
    client, one = Client(world.storage), create_task("echo", echo)
    values: list[Any] = [False, 0, "", None, 2**60, "Fähre \u2028 日本", {"a": [1.5, {}]}]
    handles = await client.submit_many(one, values)

    await run(world, one)

    found = [await handle for handle in handles]
    assert list(map(repr, found)) == list(map(repr, values)), found
    said = ""
    try:
        await client.submit(one, {"a": [float("nan")]})
    except NotJson as error:
        said = error.path
    assert said == "$.a[0]", said


@case("C2")
async def a_submit_stores_what_it_was_told(world: World) -> None:
    client = Client(world.storage)
    parent = await client.submit(double, 0)
    options: dict[str, Any] = {"priority": -3, "timeout": 1.5, "max_attempts": 7, "run_id": "r"}

    handle = await client.submit(double, 1, tags=["a", "b"], after=[parent], id="own", **options)

    job: Any = await handle.job()
    assert (handle.id, job.priority, job.timeout, job.max_attempts) == ("own", -3, 1.5, 7), job
    assert (job.run_id, job.tags, job.after, job.state) == ("r", ("a", "b"), (parent.id,), "blocked"), job


@case("C3")
async def a_handle_gives_the_result_however_often_it_is_awaited(world: World) -> None:
    handle = await Client(world.storage).submit(double, 2)
    waiting = asyncio.ensure_future(handle.result())
    elsewhere = Client(world.storage).handle(handle.id, double)

    await run(world, double)

    found = [await in_time(waiting), await handle, await elsewhere.result()]
    assert found == [4, 4, 4], found


@case("C3", "R7")
async def a_handle_cancels_its_job_once(world: World) -> None:
    handle = await Client(world.storage).submit(double, 2)

    asked = [await handle.cancel(), await handle.cancel()]

    assert asked == [True, False], asked
    assert await run(world, double) == 0, "a cancelled job ran"
    assert isinstance(error := await raised(world, handle.id), JobCancelled), error


@case("C4")
async def every_other_end_raises_what_it_was(world: World) -> None:
    client = Client(world.storage)
    failed, disabled = await client.submit(fail, "no line", max_attempts=1), await client.submit(double, 1)
    await client.disable(disabled.id)

    await run(world, fail, double)

    own = await raised(world, failed.id)
    assert (type(own), str(own)) == (OSError, "no line"), own
    assert isinstance(error := await raised(world, disabled.id), JobDisabled), error
    assert isinstance(error := await raised(world, "nobody"), JobNotFound), error


@case("C5")
async def jobs_are_found_by_run_and_state_and_outputs_by_input(world: World) -> None:
    client = Client(world.storage)
    await client.submit_many(double, [1, 2], run_id="r")
    await client.submit(double, 3, delay=60)

    await run(world, double)

    assert [job.input for job in await client.get_run("r")] == [1, 2], await client.get_run("r")
    sizes = [await client.size(), await client.size("completed"), await client.size("pending")]
    assert sizes == [3, 2, 1], sizes
    assert [job.input for job in await client.peek()] == [3], await client.peek()
    outputs = [await client.output_for(double, 2), await client.output_for(double, 3)]
    assert outputs == [4, None], outputs


@case("C7")
async def a_client_sees_its_own_namespace_only_unless_it_asks_for_all(world: World) -> None:
    mine, theirs = Client(world.storage), Client(world.storage, namespace="other")
    everybody = Client(world.storage, namespaces="*")
    job = await theirs.submit(double, 1)

    sizes = [await client.size() for client in (mine, theirs, everybody)]

    assert sizes == [0, 1, 1], sizes
    assert isinstance(error := await raised(world, job.id), JobNotFound), error
    assert (await everybody.get(job.id)).namespace == "other", "not seen"


@case("C8")
async def a_failed_job_is_put_back_by_hand_with_its_history(world: World) -> None:
    client = Client(world.storage)
    handle = await client.submit(fail, "no line", max_attempts=1)
    await run(world, fail)

    assert await client.retry(handle.id), await handle.job()
    assert await run(world, fail) == 1, await handle.job()

    found = await handle.job()
    assert [error.attempt for error in found.errors] == [1, 2], found


@case("U1", "Q9")
async def a_duplicate_is_a_handle_on_the_job_that_stands(world: World) -> None:
    client = Client(world.storage)
    async with world.second() as elsewhere:
        other = Client(elsewhere)
        submits = [one.submit(double, 1, unique="key") for one in (client, other, client, other)]
        handles = await asyncio.gather(*submits)

        assert len({handle.id for handle in handles}) == 1, handles
        new = [handle for handle in handles if handle.duplicate_of is None]
        assert len(new) == 1, handles
    await run(world, double)
    assert (await client.submit(double, 1, unique="key")).duplicate_of is None, "held after its end"


@case("U1")
async def inputs_that_mean_the_same_are_one_job(world: World) -> None:
    client, one = Client(world.storage), create_task("echo", echo, unique=until_done())
    first = await client.submit(one, {"a": 1, "b": "ü"})

    same, another = await client.submit(one, {"b": "ü", "a": 1.0}), await client.submit(one, {"a": 1})

    assert (same.duplicate_of, another.duplicate_of) == (first.id, None), (same, another)


@case("U1")
async def one_in_a_period_holds_whatever_becomes_of_it(world: World) -> None:
    client = Client(world.storage)
    first = await client.submit(double, 1, unique=within(60))
    await run(world, double)
    world.clock.advance(59_999)
    second = await client.submit(double, 1, unique=within(60))
    world.clock.advance(1)
    third = await client.submit(double, 1, unique=within(60))

    assert (second.duplicate_of, third.duplicate_of) == (first.id, None), (second, third)


@case("Q7")
async def jobs_of_one_key_run_one_at_a_time_in_the_order_of_submit(world: World) -> None:
    started: list[int] = []
    active: set[int] = set()
    met: list[set[int]] = []

    async def ordered(number: int, context: Context) -> None:
        started.append(number)
        active.add(number)
        met.append(set(active))
        await context.progress(50)  # a turn, in which another could start
        active.discard(number)

    client, one = Client(world.storage), create_task("ordered", ordered, ordering_key="account")
    for number in range(5):
        await client.submit(one, number, priority=-number)

    await run(world, one, concurrency=4)

    assert started == [0, 1, 2, 3, 4], started
    assert all(len(each) == 1 for each in met), met
