// Who watches a store from beside, without a queue: what the feed tells of completions, and what executions tell of themselves.

export class Witness {
  /** How often the feed told that a job was completed, by its id. */
  completed = {};
  /** What the task `trace` says when it starts. */
  executions = [];

  /** Follows a store; `all` resolves once so many jobs are completed. */
  static async follow(base, name, total) {
    const { openStore } = await import(`${base}idb.js`);
    const made = new Witness();
    new BroadcastChannel("trace").onmessage = ({ data }) => made.executions.push(data);
    const store = await openStore(name);
    const { cursor } = await store.call("changes", { since: "", limit: 1 });
    made.all = made.#read(store, cursor, total);
    return made;
  }

  async #read(store, cursor, total) {
    let hint = () => undefined;
    let hinted = new Promise((resolve) => (hint = resolve));
    store.listen(() => hint());
    while (Object.keys(this.completed).length < total) {
      await hinted;
      hinted = new Promise((resolve) => (hint = resolve));
      cursor = await this.#catchUp(store, cursor);
    }
  }

  async #catchUp(store, cursor) {
    for (;;) {
      const page = await store.call("changes", { since: cursor, limit: 1000 });
      if (page.resync) throw new Error("the feed was pruned before it was read");
      if (!page.items.length) return page.cursor;
      cursor = page.cursor;
      for (const { kind, job_id: id } of page.items) {
        if (kind === "completed") this.completed[id] = (this.completed[id] ?? 0) + 1;
      }
    }
  }
}
