"""`idb.js` itself: opening, closing, what it refuses, what it keeps."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page

from tests.web.conftest import Site

QUOTA = 400_000
"""Bytes: room for the database itself and a few jobs."""


async def test_text_goes_in_and_out(page: Page) -> None:
    answers = await page.evaluate("""async () => {
        const store = await idb.openStore("texts");
        const job = newJob({ id: "a", input: '{"big":9007199254740993}' });
        const added = await store.verb("add", JSON.stringify({ jobs: [job] }));
        const [row] = JSON.parse(await store.verb("get", JSON.stringify({ ids: ["a"] })));
        return [added, row.input];
    }""")

    assert answers == ['[{"id":"a","verdict":"ok"}]', '{"big":9007199254740993}']


async def test_what_is_no_call_is_refused(page: Page) -> None:
    codes = await page.evaluate("""async () => {
        const store = await idb.openStore("refusals");
        return Promise.all([
            codeOf(store.verb("fetch", "{}")),
            codeOf(store.verb("toString", "{}")),
            codeOf(store.verb("get", "{")),
            codeOf(store.call("add", { jobs: [newJob({ gates: [{ key: "k", capacity: 1 }] })] })),
        ]);
    }""")

    assert codes == ["malformed_request", "malformed_request", "malformed_request", "unsupported_by_storage"]


async def test_unknown_fields_are_not_stored(page: Page) -> None:
    row = await page.evaluate("""async () => {
        const store = await idb.openStore("fields");
        const job = newJob({ id: "a", hidden: true, later_version: 1, _: { rank: 1 } });
        await store.call("add", { jobs: [job] });
        return (await store.call("get", { ids: ["a"] }))[0];
    }""")

    assert {"hidden", "later_version", "_"}.isdisjoint(row)


async def test_a_closed_store_refuses_but_finishes_what_it_began(page: Page) -> None:
    adding, after, found = await page.evaluate("""async () => {
        const store = await idb.openStore("closing");
        const adding = store.call("add", { jobs: [newJob({ id: "a" })] });
        const closing = store.close();
        const after = await codeOf(store.call("get", { ids: ["a"] }));
        await closing;
        const again = await idb.openStore("closing");
        return [(await adding)[0].verdict, after, (await again.call("get", { ids: ["a"] })).length];
    }""")

    assert (adding, after, found) == ("ok", "storage_unavailable", 1)


async def test_a_full_disk_is_told_and_nothing_is_stored(context: BrowserContext, page: Page) -> None:
    session = await context.new_cdp_session(page)
    origin = await page.evaluate("location.origin")
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": QUOTA})

    code, stored = await page.evaluate("""async () => {
        globalThis.store = await idb.openStore("full");
        // The browser compresses, so it is noise, one mebibyte in all.
        const bytes = () => Array.from(crypto.getRandomValues(new Uint8Array(65536)));
        const noise = () => bytes().map((byte) => String.fromCharCode(35 + (byte % 56))).join("");
        globalThis.large = Array.from({ length: 16 }, () => newJob({ input: `"${noise()}"` }));
        const code = await codeOf(store.call("add", { jobs: large }));
        return [code, (await store.call("query", { where: {}, limit: 9 })).rows.length];
    }""")
    await session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    verdicts = await page.evaluate("""async () => {
        await store.close();
        const again = await idb.openStore("full");
        return (await again.call("add", { jobs: large })).map(({ verdict }) => verdict);
    }""")

    assert (code, stored) == ("quota", 0)
    assert verdicts == ["ok"] * 16


async def test_a_page_without_storage_is_told(page: Page, tab_site: Site) -> None:
    code = await page.evaluate(
        """(base) => new Promise((resolve) => {
            addEventListener("message", ({ data }) => resolve(data), { once: true });
            const frame = document.createElement("iframe");
            frame.sandbox = "allow-scripts";
            frame.srcdoc = `<script type="module">
                const { openStore } = await import("${base}idb.js");
                parent.postMessage(await openStore("x").then(() => "opened", (error) => error.code), "*");
            </` + "script>";
            document.body.append(frame);
        })""",
        tab_site.base,
    )

    assert code == "storage_blocked"


@pytest.mark.parametrize(("min_writer", "outcome"), [(1, None), (99, "schema_too_new")])
async def test_a_newer_store_says_whether_older_code_may_write(
    page: Page, min_writer: int, outcome: str | None
) -> None:
    found = await page.evaluate(
        """async (minWriter) => {
            await (await idb.openStore("newer")).close();
            const db = await rawDatabase("newer", 99, (_, transaction) => {
                const meta = transaction.objectStore("meta");
                meta.get("meta").onsuccess = ({ target: { result } }) =>
                    meta.put({ ...result, schema: 99, min_writer: minWriter }, "meta");
            });
            db.close();
            return idb.openStore("newer").then(() => [null, null], ({ code, data }) => [code, data]);
        }""",
        min_writer,
    )

    facts = {"place": "indexeddb:newer", "found": 99, "known": 1} if outcome else None
    assert found == [outcome, facts]


async def test_a_database_of_someone_else_is_left_as_it_is(page: Page) -> None:
    code, stores = await page.evaluate("""async () => {
        (await rawDatabase("other", 1, (db) => db.createObjectStore("theirs"))).close();
        const code = await codeOf(idb.openStore("other"));
        return [code, [...(await rawDatabase("other")).objectStoreNames]];
    }""")

    assert (code, stores) == ("not_a_store", ["theirs"])


async def test_a_follower_that_lags_behind_the_feed_must_read_again(page: Page) -> None:
    resyncs = await page.evaluate("""async () => {
        const store = await idb.openStore("feed", { feedKeeps: 10 });
        const start = (await store.call("changes", { since: "", limit: 1 })).cursor;
        const add = async (count) => {
            for (let at = 0; at < count; at += 1) await store.call("add", { jobs: [newJob()] });
        };
        await add(250);
        const recent = (await store.call("changes", { since: "", limit: 1 })).cursor;
        await add(7);
        const read = (since) => store.call("changes", { since, limit: 100 });
        return [(await read(start)).resync, (await read(recent)).resync, (await read(recent)).items.length];
    }""")

    assert resyncs == [True, False, 7]


async def test_a_claim_over_many_lanes_takes_the_best_and_forgets_the_empty(page: Page) -> None:
    found = await page.evaluate("""async () => {
        const store = await idb.openStore("lanes");
        const jobs = Array.from({ length: 400 }, (_, at) =>
            newJob({ id: String(at).padStart(3, "0"), queue: `q${at % 40}`, priority: (at * 7) % 10 }));
        await store.call("add", { jobs });
        const isBetter = (a, b) => a.priority - b.priority || (a.id < b.id ? -1 : 1);
        const best = [...jobs].sort(isBetter).map(({ id }) => id);
        const claimed = [];
        for (let ids = [0]; ids.length; claimed.push(...ids)) ids = await claimIds(store, 37);
        const db = await rawDatabase("lanes");
        const left = await new Promise((resolve) => {
            const request = db.transaction("lanes").objectStore("lanes").count();
            request.onsuccess = () => resolve(request.result);
        });
        await store.call("add", { jobs: [newJob({ id: "new", queue: "q7" })] });
        return [JSON.stringify(claimed) === JSON.stringify(best), left, await claimIds(store, 1)];
    }""")

    assert found == [True, 0, ["new"]]


async def test_a_strict_store_stores_as_well(page: Page) -> None:
    verdict = await page.evaluate("""async () => {
        const store = await idb.openStore("strict", { durability: "strict" });
        return (await store.call("add", { jobs: [newJob()] }))[0].verdict;
    }""")

    assert verdict == "ok"


async def test_jobs_are_read_by_id_wherever_they_lie(page: Page) -> None:
    near, far, absent = await page.evaluate("""async () => {
        const store = await idb.openStore("spread");
        const jobs = Array.from({ length: 60 }, () => newJob());
        await store.call("add", { jobs });
        const all = jobs.map(({ id }) => id);
        const ask = async (ids) => (await store.call("get", { ids })).map(({ id }) => all.indexOf(id));
        const spread = all.filter((_, index) => index % 6 === 0).reverse();
        const odd = [...all.slice(0, 10), "none", all[0]];
        return [await ask(all.slice(20, 30)), await ask(spread), await ask(odd)];
    }""")

    assert near == list(range(20, 30))
    assert far == list(range(54, -1, -6))
    assert absent == list(range(10))


async def test_of_jobs_added_at_once_one_that_is_there_is_told_and_the_rest_are_stored(page: Page) -> None:
    verdicts, states = await page.evaluate("""async () => {
        const store = await idb.openStore("twice");
        await store.call("add", { jobs: [newJob({ id: "b", input: '"first"' })] });
        const added = await store.call("add", { jobs: ["a", "b", "c", "c"].map((id) => newJob({ id })) });
        const rows = await store.call("get", { ids: ["a", "b", "c"] });
        return [added.map(({ verdict }) => verdict), rows.map(({ id, input }) => `${id} ${input}`)];
    }""")

    assert verdicts == ["ok", "duplicate", "ok", "duplicate"]
    assert states == ["a null", 'b "first"', "c null"]
