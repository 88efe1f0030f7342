"""What the real `Worker` and `Server` make of tasks, whatever storage holds the jobs."""

from __future__ import annotations

import asyncio
from typing import Any

from wherry.client import Client
from wherry.context import Context
from wherry.errors import DuplicateTask, InvalidInput, InvalidOutput
from wherry.loading import load_tasks
from wherry.messages import Claimed, Settlement, Verdict
from wherry.server import Server
from wherry.task import Task, create_task, task
from wherry.testing.conformance.builders import in_time, new_job, row, write
from wherry.testing.conformance.world import World, case
from wherry.testing.overriding import override
from wherry.views import CompletedJob, FailedJob
from wherry.worker import Worker


@task(name="case:double")
async def double(number: int) -> int:
    return number * 2


@task(name="case:plain")
def plain(number: int) -> int:
    return number + 1


@task(name="case:shout")
class Shout:
    """A task can be a class."""

    async def execute(self, input: str, context: Context) -> str:
        return f"{input.upper()} {context.attempt}"


async def run(world: World, *tasks: Task[Any, Any], **options: Any) -> int:
    """Step a worker until nothing is due; how many attempts it ran."""
    worker, ran = Worker(world.storage, tasks, **options), 0
    while claimed := await worker.run_once():
        ran += claimed
    return ran


@case("T1")
async def every_form_of_a_task_runs(world: World) -> None:
    async def only_context(context: Context) -> str:
        return context.job.task

    async def nothing() -> None: ...

    client = Client(world.storage)
    forms = [create_task("only", only_context), create_task("nothing", nothing)]
    jobs = [await client.submit(plain, 1), await client.submit(Shout, "ship")]
    jobs += [await client.submit(form) for form in forms]

    ran = await run(world, plain, Shout, *forms)

    found = [await job for job in jobs]
    assert (ran, found) == (4, [2, "SHIP 1", "only", None]), (ran, found)


@case("T2")
async def an_input_of_another_type_is_refused_with_its_name_and_not_stored(world: World) -> None:
    client: Any = Client(world.storage)

    said = ""
    try:
        await client.submit_many(double, [1, "two"])
    except InvalidInput as error:
        said = str(error)

    assert said.startswith(
        "invalid input for case:double: inputs[1]: number: Input should be a valid integer"
    ), said
    assert await client.size() == 0, await client.peek()


@case("T2")
async def a_stored_input_is_checked_again_before_it_runs(world: World) -> None:
    await world.storage.add([new_job("old", task=double.name, input='"two"')])

    await run(world, double, namespaces=["n"])

    found = await row(world.storage, "old")
    assert (found.state, found.attempt) == ("failed", 1), found
    assert InvalidInput.code in found.errors, found


@case("T2", "R5")
async def an_output_of_another_type_is_not_stored_and_not_tried_again(world: World) -> None:
    async def wrong() -> int:
        return "two"  # pyright: ignore[reportReturnType] - the case

    handle = await Client(world.storage).submit(one := create_task("wrong", wrong))

    await run(world, one)

    found = await handle.job()
    assert isinstance(found, FailedJob), found
    assert (found.error.type, found.attempts) == (InvalidOutput.__name__, 1), found


@case("T3")
async def what_runs_now_is_stored_as_finished_and_a_batch_keeps_its_order(world: World) -> None:
    async def halve(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number // 2

    client, one = Client(world.storage), create_task("halve", halve)
    with client:
        outcomes = await one.batch([8, 3, 2], concurrency=2)
        unstored = await one.now(4, persist=False)

    found = [outcome.output for outcome in outcomes]
    assert (found, unstored.output) == ([4, None, 1], 2), (outcomes, unstored)
    ends = await client.count(by=("state",))
    assert ends == {("completed",): 2, ("failed",): 1}, ends


@case("T4")
async def tasks_are_loaded_by_the_name_of_their_module_and_run_by_their_own(world: World) -> None:
    tasks = load_tasks([__name__])

    handle = await Client(world.storage, tasks=tasks).submit("case:shout", "ship")

    assert [one.name for one in tasks] == ["case:double", "case:plain", "case:shout"], tasks
    assert await run(world, *tasks) == 1, "not run"
    assert await handle == "SHIP 1", await handle.job()


@case("T4")
async def no_two_tasks_of_one_name_are_served(world: World) -> None:
    both = [double, create_task(double.name, plain.fn)]

    for make in (Worker, Server):
        said = ""
        try:
            make(world.storage, both)
        except DuplicateTask as error:
            said = str(error)
        assert double.name in said, (make, said)


@case("T5")
async def a_worker_leaves_what_it_does_not_know_to_one_that_does(world: World) -> None:
    client = Client(world.storage)
    foreign, known = await client.submit(plain, 1, priority=-1), await client.submit(double, 1)

    first = await run(world, double)

    assert (first, await known) == (1, 2), first
    left = await foreign.job()
    assert (left.state, left.attempts) == ("pending", 0), left
    assert await run(world, double, plain) == 1, "left for ever"


@case("T10")
async def one_line_makes_a_task_and_a_test_may_replace_what_it_does(world: World) -> None:
    async def triple(number: int) -> int:
        return number * 3

    client, one = Client(world.storage), create_task("one", plain.fn, queue="quick")
    replaced, own = await client.submit(one, 5), await client.submit(one, 5, delay=1)

    with override(one, triple):
        await run(world, one, queues=["quick"])
    world.clock.advance(1000)
    await run(world, one, queues=["quick"])

    found = [await replaced, await own]
    assert found == [15, 6], found


@case("T11", "T2")
async def a_submit_by_name_gets_defaults_and_checks_from_the_manifest(world: World) -> None:
    async with Server(world.storage, [double.options(queue="quick", priority=7, max_attempts=9)]):
        pass
    async with world.second() as elsewhere:
        client = Client(elsewhere)
        found = await (await client.submit("case:double", 1)).job()
        said = ""
        try:
            await client.submit("case:double", "two")
        except InvalidInput as error:
            said = str(error)

    assert (found.queue, found.priority, found.max_attempts) == ("quick", 7, 9), found
    assert said == "invalid input for case:double: input: should be an integer", said


@case("R1", "Q1", "Q2")
async def a_worker_runs_what_another_opening_submitted(world: World) -> None:
    async with world.second() as elsewhere:
        handle = await Client(elsewhere).submit(double, 4)

    await run(world, double)

    found = await Client(world.storage).get(handle.id)
    assert isinstance(found, CompletedJob), found
    assert found.output == 8, found


@case("R2")
async def a_step_of_a_worker_takes_no_more_than_its_slots(world: World) -> None:
    await Client(world.storage).submit_many(double, range(5))
    worker = Worker(world.storage, [double], concurrency=3)

    taken = [await worker.run_once() for _ in range(3)]

    assert taken == [3, 2, 0], taken


@case("R4", "Q3")
async def a_result_that_comes_after_anothers_is_refused(world: World) -> None:
    async def overtaken(context: Context) -> str:
        end = Settlement(context.job.id, context.job.fence, "fail", error='{"code": "first"}')
        await world.storage.exchange([end], None)
        return "second"

    told: list[Verdict] = []

    def tell(job: Claimed, settlement: Settlement, verdict: Verdict, run_s: float) -> None:
        told.append(verdict)

    handle = await Client(world.storage).submit(one := create_task("overtaken", overtaken))

    await run(world, one, settled=tell)

    found = await row(world.storage, handle.id)
    # It may hear of it by the next renewal already, and then settles nothing.
    assert (found.state, found.output, "ok" in told) == ("failed", None, False), (found, told)


@case("R10")
async def a_stopped_server_hands_its_job_back_uncharged(world: World) -> None:
    entered = asyncio.Event()

    async def endless() -> None:
        entered.set()
        await asyncio.Event().wait()

    one = create_task("endless", endless)
    async with Server(world.storage, [one], shutdown_timeout=0):
        handle = await Client(world.storage).submit(one)
        await in_time(entered.wait())

    found = await handle.job()
    assert (found.state, found.attempts, found.interruptions) == ("pending", 0, 1), found


@case("R16")
async def a_worker_starts_nothing_of_a_paused_queue_until_it_is_resumed(world: World) -> None:
    client = Client(world.storage)
    await client.pause(queue="default")
    await write(world.storage, "unrelated", "{}", expected=None)
    await client.submit(double, 1)

    held, _ = await run(world, double), await client.resume(queue="default")

    assert (held, await run(world, double)) == (0, 1), held
