"""Several tabs on one store: claims, hints, upgrades, deletion."""

from __future__ import annotations

import asyncio

from playwright.async_api import BrowserContext, Page

from tests.web.conftest import Site, open_page


async def test_two_tabs_never_claim_the_same_job(context: BrowserContext, page: Page, tab_site: Site) -> None:
    other = await open_page(context, tab_site)
    for tab in (page, other):
        await tab.evaluate("idb.openStore('shared').then((store) => (globalThis.store = store))")
    await page.evaluate("store.call('add', { jobs: Array.from({ length: 500 }, () => newJob()) })")
    claim_all = """async () => {
        const taken = [];
        for (let ids = [0]; ids.length; taken.push(...ids)) ids = await claimIds(store, 7);
        return taken;
    }"""

    here, there = await asyncio.gather(page.evaluate(claim_all), other.evaluate(claim_all))

    assert len(here) + len(there) == 500
    assert len({*here, *there}) == 500
    assert here
    assert there


async def test_a_commit_wakes_listeners_in_other_tabs(
    context: BrowserContext, page: Page, tab_site: Site
) -> None:
    other = await open_page(context, tab_site)
    await page.evaluate("""async () => {
        globalThis.store = await idb.openStore("hints");
        globalThis.heard = 0;
        const { look, done } = once(() => heard === 2);
        globalThis.twice = done;
        globalThis.stop = store.listen(() => { heard += 1; look(); });
        await sleep(0);
    }""")
    at_first = await page.evaluate("heard")

    await other.evaluate("idb.openStore('hints').then((store) => store.call('add', { jobs: [newJob()] }))")
    await page.evaluate("twice")
    await page.evaluate("stop()")
    await page.evaluate("store.call('add', { jobs: [newJob()] })")

    assert at_first == 1
    assert await page.evaluate("heard") == 2


async def test_a_hint_is_fast_and_one_is_given_to_the_own_listener(page: Page) -> None:
    ms = await page.evaluate("""async () => {
        const [store, second] = [await idb.openStore("fast"), await idb.openStore("fast")];
        const wait = async (listener) => {
            let calls = 0;
            const { look, done } = once(() => calls === 2);
            const stop = listener.listen(() => { calls += 1; look(); });
            await sleep(0);
            const added = await store.call("add", { jobs: [newJob()] }).then(() => performance.now());
            await done;
            stop();
            return performance.now() - added;
        };
        const best = async (listener) => {
            const times = [];
            for (let round = 0; round < 5; round += 1) times.push(await wait(listener));
            return Math.min(...times);
        };
        return [await best(store), await best(second)];
    }""")

    assert max(ms) < 50, ms


async def test_a_tab_that_goes_away_leaves_the_store_whole(
    context: BrowserContext, page: Page, tab_site: Site
) -> None:
    other = await open_page(context, tab_site)
    await page.evaluate("idb.openStore('gone').then((store) => (globalThis.store = store))")
    await other.evaluate("""async () => {
        const store = await idb.openStore("gone");
        const hundred = () => Array.from({ length: 100 }, () => newJob());
        // Not awaited: the tab closes in the middle of them.
        for (let at = 0; at < 50; at += 1) store.call("add", { jobs: hundred() });
        await sleep(30);
    }""")
    await other.close()

    jobs, ready = await page.evaluate("""async () => {
        const [[, jobs] = [0, 0]] = await store.call("count", { where: {} });
        return [jobs, (await claimIds(store, 5000)).length];
    }""")

    assert jobs % 100 == 0
    assert ready == jobs


async def test_an_upgrade_by_newer_code_goes_on_or_asks_for_a_reload(page: Page) -> None:
    found = await page.evaluate("""async () => {
        let told;
        const store = await idb.openStore("upgraded", { onclosed: (error) => (told = error.code) });
        const adding = () => store.call("add", { jobs: [newJob()] });
        const add = () => adding().then(([{ verdict }]) => verdict, ({ code }) => code);
        const upgrade = async (version, minWriter) => {
            const db = await rawDatabase("upgraded", version, (db, transaction) => {
                const meta = transaction.objectStore("meta");
                meta.get("meta").onsuccess = ({ target: { result } }) =>
                    meta.put({ ...result, schema: version, min_writer: minWriter }, "meta");
            });
            db.onversionchange = () => db.close();
        };
        await upgrade(2, 1);
        const additive = [await add(), told];
        await upgrade(3, 3);
        return [additive, [await add(), told]];
    }""")

    assert found == [["ok", None], ["reload_needed", "reload_needed"]]


async def test_a_deleted_store_is_told_of_and_stays_deleted(page: Page) -> None:
    told, code, names = await page.evaluate("""async () => {
        let told;
        const store = await idb.openStore("deleted", { onclosed: (error) => (told = error.code) });
        await idb.deleteStore("deleted");
        const code = await codeOf(store.call("add", { jobs: [newJob()] }));
        return [told, code, (await indexedDB.databases()).map(({ name }) => name)];
    }""")

    assert (told, code, names) == ("evicted", "evicted", [])


async def test_a_tab_that_does_not_let_go_is_told_of(page: Page) -> None:
    code = await page.evaluate("""async () => {
        await (await idb.openStore("held")).close();
        await rawDatabase("held");
        return codeOf(idb.deleteStore("held"));
    }""")

    assert code == "blocked_by_tab"
