"""The door of the JavaScript API: what is wrong is refused with its place, before anything is stored."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.web.conftest import Site
from tests.web.tab_harness import Tab, Tabs


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tab(chromium: Browser, tab_site: Site) -> AsyncGenerator[Tab]:
    """One tab for all tests here, with tasks of its own."""
    context = await chromium.new_context()
    tab = await Tabs(context, tab_site).open(tasks=(), url="indexeddb:door")
    await tab.js("queue.task('echo', (value) => value)")
    yield tab
    await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def exact(chromium: Browser, tab_site: Site) -> AsyncGenerator[Tab]:
    """A tab whose queue knows integers of any size."""
    context = await chromium.new_context()
    tab = await Tabs(context, tab_site).open(tasks=(), url="indexeddb:exact", bigint=True)
    await tab.js("queue.task('echo', (value) => value)")
    await tab.js("queue.task('next', ({ n }) => ({ n: n + 1n, kind: typeof n }))")
    yield tab
    await context.close()


# --- input that is no JSON ----------------------------------------------------------------------------
NOT_JSON = {
    "a cycle": ("const one = { a: [] }; one.a.push(one); value = one;", "$.a[0]", "part of itself"),
    "a function": ("value = { rows: [{ at: () => 1 }] };", "$.rows[0].at", "a function"),
    "a bigint": ("value = { big: 10n };", "$.big", "a bigint"),
    "undefined": ("value = { a: undefined };", "$.a", "undefined"),
    "undefined alone": ("value = undefined;", "$", "undefined"),
    "a hole": ("value = [1, , 2];", "$[1]", "undefined"),
    "a symbol": ("value = [Symbol('x')];", "$[0]", "a symbol"),
    "a key that is a symbol": ("value = { a: { [Symbol('x')]: 1 } };", "$.a[Symbol(x)]", "named by a symbol"),
    "a Blob": ("value = [new Blob(['x'])];", "$[0]", "a Blob"),
    "a File": ("value = { file: new File([], 'a') };", "$.file", "a File"),
    "bytes": ("value = { 'raw bytes': new Uint8Array(2) };", '$["raw bytes"]', "an Uint8Array"),
    "a Date": ("value = { at: new Date() };", "$.at", "a Date"),
    "a Map": ("value = new Map();", "$", "a Map"),
    "a Set": ("value = { tags: new Set() };", "$.tags", "a Set"),
    "a promise": ("value = { then: [Promise.resolve(1)] };", "$.then[0]", "a Promise"),
    "an instance": ("class Boat { name = 'a' }; value = { boat: new Boat() };", "$.boat", "a Boat"),
    "an object with toJSON": ("value = { money: { toJSON: () => 1 } };", "$.money", "an Object"),
    "an element": ("value = [document.body];", "$[0]", "a HTMLBodyElement"),
    "not a number": ("value = { x: NaN };", "$.x", "NaN"),
    "an infinity": ("value = { x: [-Infinity] };", "$.x[0]", "-Infinity"),
    "half a pair": ("value = { x: '\\ud800' };", "$.x", "text with half a surrogate pair"),
    "half a pair in a name": ("value = { '\\udc00': 1 };", '$["\\udc00"]', "text with half a surrogate pair"),
    "a getter that throws": ("value = { get x() { throw new Error('no'); } };", "$.x", "undefined"),
    "too many levels": (
        "value = []; for (let i = 0; i < 600; i += 1) value = [value];",
        None,
        "nested too deep",
    ),
}


@pytest.mark.parametrize(("make", "path", "found"), NOT_JSON.values(), ids=NOT_JSON)
async def test_input_that_json_cannot_hold_is_refused_with_its_place(
    tab: Tab, make: str, path: str | None, found: str
) -> None:
    error = await tab.js(f"let value; {make} return outcome(queue.submit('echo', value));")

    assert (error["code"], error["data"]["found"]) == ("not_json", found)
    assert path in (None, error["data"]["path"])
    assert await tab.js("queue.query({ limit: 1 })") == {"jobs": []}


async def test_plain_objects_of_any_kind_are_taken(tab: Tab) -> None:
    given = await tab.js("""
        const bare = Object.assign(Object.create(null), JSON.parse('{"__proto__":"own"}'), { 'a b': [{}] });
        const twice = { n: 1 };
        const frame = document.body.appendChild(document.createElement('iframe'));
        const foreign = new frame.contentWindow.Object();
        foreign.list = new frame.contentWindow.Array(1).fill(true);
        const handle = await queue.submit('echo', [bare, twice, twice, foreign, Object.freeze([-0, 1e21])]);
        return handle.resultText();""")

    assert given == '[{"__proto__":"own","a b":[{}]},{"n":1},{"n":1},{"list":[true]},[0,1e+21]]'
    await tab.js("queue.remove({ task: 'echo' })")


async def test_input_is_taken_as_it_is_at_the_call(tab: Tab) -> None:
    results = await tab.js("""
        const buffer = { n: 0 };
        const submits = [];
        for (; buffer.n < 3; buffer.n += 1) submits.push(queue.submit('echo', buffer, { tags: ['buffer'] }));
        const handles = await Promise.all(submits);
        return Promise.all(handles.map((one) => one.result()));""")

    assert results == [{"n": 0}, {"n": 1}, {"n": 2}]
    await tab.js("queue.remove({ tag: 'buffer' })")


async def test_nothing_is_stored_when_one_of_many_inputs_is_wrong(tab: Tab) -> None:
    error = await tab.outcome("queue.submitMany('echo', [1, 2, { at: new Date() }])")
    large = await tab.outcome("queue.submitMany('echo', [1, 'x'.repeat(1_049_600)])")

    assert (error["code"], error["data"]["path"]) == ("not_json", "$[2].at")
    assert (large["code"], large["message"].split(" is ")[0]) == ("payload_too_large", "inputs[1] of echo")
    assert await tab.js("queue.query({ limit: 1 })") == {"jobs": []}


async def test_a_payload_over_the_limit_is_refused_with_its_size(tab: Tab) -> None:
    error = await tab.outcome("queue.submit('echo', 'x'.repeat(1_049_600))")

    assert error["code"] == "payload_too_large"
    assert error["data"] == {"size": 1_049_602, "limit": 1_049_600}


# --- integers of any size -----------------------------------------------------------------------------
async def test_integers_beyond_doubles_are_exact_when_asked_for(exact: Tab) -> None:
    found = await exact.js("""
        const handle = await queue.submit('next', { n: 2n ** 80n });
        const { n, kind } = await handle.result();
        const { input } = await handle.job();
        return [String(n), kind, String(input.n), await handle.resultText()];""")

    assert found == [str(2**80 + 1), "bigint", str(2**80), f'{{"n":{2**80 + 1},"kind":"bigint"}}']


async def test_other_numbers_stay_numbers(exact: Tab) -> None:
    text = '["1234567890123456789",9007199254740991,0.12345678901234567,-1.5,{"12345678901234567":1e25}]'

    types = await exact.js(
        "const handle = await queue.submit('echo', [...JSON.parse(given), 7n]);"
        "return (await handle.result()).map((one) => typeof one)",
        text,
    )

    assert types == ["string", "number", "number", "number", "object", "number"]


async def test_the_same_integer_is_the_same_input_however_it_is_written(exact: Tab) -> None:
    same = await exact.js("""
        const options = { unique: { within: 60 } };
        const first = await queue.submit('echo', { n: 5n }, options);
        const second = await queue.submit('echo', { n: 5 }, options);
        return [second.duplicateOf === first.id, first.duplicateOf ?? null];""")

    assert same == [True, None]


# --- options ------------------------------------------------------------------------------------------
async def test_wrong_options_are_all_named(tab: Tab) -> None:
    error = await tab.outcome(
        "queue.submit('echo', 1, { delay: -1, priority: 1.5, runAt: 'now', prioritty: 1, after: [{ id: 1 }],"
        " unique: { until: 'dawn' }, deadline: new Date(NaN), timeout: 0, tags: 'a', maxAttempts: 10n,"
        " toString: 1 })"
    )

    assert error["code"] == "invalid_input"
    assert [line.split(":")[0] for line in error["data"]["problems"]] == [
        "delay", "delay", "priority", "runAt", "prioritty", "after", "unique", "deadline", "timeout", "tags",
        "maxAttempts", "toString",
    ]  # fmt: skip


WRONG_CALLS = (
    "queue.submit()",
    "queue.submit(Symbol(), 1)",
    "queue.submit('echo', 1, null)",
    "queue.submit('echo', 1, [])",
    "queue.submitMany('echo', 'inputs')",
    "queue.submitMany('echo', [1, 2], { id: 'one' })",
    "queue.get()",
    "queue.get('')",
    "queue.handle(7)",
    "queue.why(null)",
    "queue.query({ state: ['done'] })",
    "queue.query({ limit: 0 })",
    "queue.count({}, 'tag')",
    "queue.cancel()",
    "queue.cancel(null)",
    "queue.cancel('')",
    "queue.cancel({ limit: 3 })",
    "queue.retry({ states: ['failed'] })",
    "queue.pause('a/b')",
    "queue.pause({})",
    "queue.pause({ queue: 'a', task: 'b' })",
    "queue.events({ since: 7 })",
    "queue.events({ signal: 'stop' })",
    "queue.on('dawn', () => 1)",
    "queue.on('status')",
    "queue.handle('x').onProgress()",
    "queue.handle('x').result({ signal: 1 })",
    "queue.close({ drain: -1 })",
    "queue.task()",
    "wherry.open()",
    "wherry.open({ url: 'sqlite:x' })",
    "wherry.open({ url: 'indexeddb:a', bigint: 1 })",
)


@pytest.mark.parametrize("call", WRONG_CALLS)
async def test_a_wrong_call_is_refused(tab: Tab, call: str) -> None:
    error = await tab.outcome(f"await {call}")

    assert error["code"] == "invalid_input", error


async def test_a_filter_whose_value_went_missing_changes_nothing(tab: Tab) -> None:
    job_id = await tab.submit("echo", 1, delay=60)

    error = await tab.outcome("queue.cancel({ runId: undefined })")

    assert error["code"] == "invalid_input"
    assert (await tab.job(job_id))["state"] == "pending"
    assert await tab.js("queue.cancel(given)", job_id) == 1
    await tab.js("queue.remove(given)", job_id)


# --- tasks that are not there -------------------------------------------------------------------------
async def test_an_unknown_task_is_refused_with_the_one_that_was_meant(tab: Tab) -> None:
    error = await tab.outcome("queue.submit('ehco', 1)")

    assert error["code"] == "task_unknown"
    assert 'did you mean "echo"?' in error["message"]
