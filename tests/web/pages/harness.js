// What the tests call in their pages: the modules under test by name, and Python in a worker.

/** Imports `idb` of a build, and `canonical` as it is written, for a build has it among others; both become globals. */
globalThis.load = async (base) => {
  const [idb, canonical] = await Promise.all([`${base}idb.js`, "../-static/canonical.js"].map((address) => import(address)));
  Object.assign(globalThis, { idb, canonical });
};

/** Starts Python in a worker; resolves when wherry is imported there. */
globalThis.startPython = async (options) => {
  const worker = new Worker(new URL("python-worker.js", import.meta.url), { type: "module" });
  const waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  };
  globalThis.python = (name, ...values) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ id: last, name, values });
    });
  await globalThis.python("start", options);
};

/** The code of the error that a promise rejects with; undefined if it does not. */
globalThis.codeOf = (promise) => promise.then(() => undefined, (error) => error.code ?? error.name);

globalThis.sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The code of the error that a function throws. */
globalThis.codeOfCall = (call) => {
  try {
    call();
  } catch (error) {
    return error.code ?? error.name;
  }
};

/** A job as a submitter makes it; `fields` are those of NewJob. */
globalThis.newJob = (fields = {}) => ({ id: canonical.newId(), namespace: "n", queue: "q", task: "t", input: "null", ...fields });

/** A claim by a worker that knows the task `t`; `fields` are those of ClaimRequest. */
globalThis.asking = (limit, fields = {}) => ({
  token: canonical.newId(), worker: "w", namespaces: ["n"], queues: null, tasks: ["t"], limit, lease_ms: 30_000, ...fields,
});

/** Claims and returns the ids. */
globalThis.claimIds = async (store, limit, fields) =>
  (await store.call("exchange", { settle: [], claim: asking(limit, fields) })).jobs.map(({ id }) => id);

/** Resolves when `check` is true, which is looked at on every call of the returned function. */
globalThis.once = (check) => {
  let look;
  const done = new Promise((resolve) => (look = () => check() && resolve()));
  return { look, done };
};

/** The database of a store, opened without wherry. */
globalThis.rawDatabase = (name, version, upgrade = () => {}) =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(`wherry:${name}`, version);
    request.onupgradeneeded = () => upgrade(request.result, request.transaction);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
