// Scenarios of `remote.js`, each told the server's address and token: `node remote_js.mjs SCENARIO URL TOKEN`.
// What fails throws, and Node then ends with code 1.
import assert from "node:assert/strict";

import { openRemote, RemoteStore } from "../../web/wherry_web/static/remote.js";

const [name, url, token] = process.argv.slice(2);
const getToken = () => token;

/** @param {string} id */
const job = (id, input = "null") => ({ id, namespace: "", queue: "q", task: "t", input });

/** @param {Promise<unknown>} promise */
async function errorOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

const SCENARIOS = {
  async hello() {
    const hello = await new RemoteStore({ url }).hello();
    assert.equal(hello.name, "wherry");
    assert.equal(hello.limits.max_payload, 1_049_600);
    assert.deepEqual(hello.scopes, []);
  },

  async verbs() {
    const store = await openRemote({ url: `${url}/`, getToken: async () => token });
    // An integer beyond 2^53 stays text, whatever JavaScript makes of its own numbers.
    const input = '{"n":9007199254740993,"text":"Zürich \u{1f600}"}';
    assert.deepEqual(await store.call("add", { jobs: [job("a", input)] }), [{ id: "a", verdict: "ok" }]);
    const [row] = JSON.parse(await store.verb("get", '{"ids":["a"]}'));
    assert.equal(row.input, input);
    const { rows, next } = await store.call("query", { where: { states: ["pending"] }, limit: 10 });
    assert.deepEqual([rows.map(({ id }) => id), next], [["a"], null]);
    assert.equal(store.url, url);
    await store.close();
    assert.equal((await errorOf(store.call("get", { ids: [] }))).code, "storage_unavailable");
  },

  async refusals() {
    for (const wrong of [undefined, "wrong"]) {
      const error = await errorOf(openRemote({ url, getToken: () => wrong }));
      assert.deepEqual([error.name, error.code], ["WherryError", "unauthorized"]);
    }
    const failing = await errorOf(openRemote({ url, getToken: () => Promise.reject(new Error("signed out")) }));
    assert.deepEqual([failing.code, failing.message], ["unauthorized", "getToken failed: signed out"]);

    const store = await openRemote({ url, getToken });
    const unknown = await errorOf(store.verb("drop", "{}"));
    assert.equal(unknown.code, "unknown_verb");
    const malformed = await errorOf(store.verb("get", "{"));
    assert.deepEqual([malformed.code, malformed.retryable], ["malformed_request", false]);
    const large = await errorOf(store.call("add", { jobs: [job("b", `"${"x".repeat(1_100_000)}"`)] }));
    assert.equal(large.code, "body_too_large");
    assert.equal(large.data.limit, 200_000);
    assert.deepEqual(await store.call("get", { ids: ["b"] }), []);
  },

  async listening() {
    const store = await openRemote({ url, getToken });
    const { cursor } = await store.call("changes", { since: "", limit: 1 });
    const heard = [];
    const stops = [];
    await new Promise((resolve) => stops.push(store.listen(() => resolve(heard.push("first")))));
    await new Promise((resolve) => stops.push(store.listen(() => resolve(heard.push("second")))));
    assert.equal(heard[0], "first");

    const hint = new Promise((resolve) => stops.push(store.listen(() => heard.includes("added") && resolve(undefined))));
    heard.push("added");
    const other = await openRemote({ url, getToken });
    await other.call("add", { jobs: [job("a")] });
    await hint;
    const { items } = await store.call("changes", { since: cursor, limit: 10 });
    assert.deepEqual(items.map(({ job_id }) => job_id), ["a"]);

    for (const stop of stops) stop();
    await other.close();
    await store.close();
  },

  async "a listener that throws disturbs no other"() {
    process.on("uncaughtException", (error) => assert.equal(error.message, "mine"));
    const store = await openRemote({ url, getToken });
    store.listen(() => {
      throw new Error("mine");
    });
    let count = 0;
    await new Promise((resolve) => store.listen(() => ++count === 1 && resolve(undefined)));
    const added = store.call("add", { jobs: [job("a")] });
    await new Promise((resolve) => store.listen(() => count > 1 && resolve(undefined)));
    await added;
    await store.close();
  },

  async away() {
    const started = performance.now();
    const error = await errorOf(openRemote({ url: "http://127.0.0.1:1", getToken }));
    assert.deepEqual([error.code, error.retryable, error.data.outcome_unknown], ["storage_unavailable", true, false]);
    assert.ok(performance.now() - started > 1000, "it tried again");
  },

  async "no store"() {
    const error = await errorOf(openRemote({ url: `${url}/nothing`, getToken }));
    assert.equal(error.code, "not_found");
  },
};

await SCENARIOS[name]();
console.log("done");
