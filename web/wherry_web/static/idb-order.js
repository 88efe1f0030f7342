// @ts-check
/** Lines of jobs with one ordering key: each stands behind the last unfinished one before it. */

import { answer } from "./idb-schema.js";

/** @import { Work } from "./idb-work.js" */
/** @import { Stored } from "./messages.js" */
/** @typedef {{ key: string, id: string }} Tail the last unfinished job of a key */

/** Who is the last of which line. */
export class Lines {
  /** @type {Map<string, string>} */
  #tails = new Map();

  /** @param {Work} work */
  constructor(work) {
    this.work = work;
    this.store = work.transaction.objectStore("tails");
  }

  /** Reads the ends of lines, and the jobs that stand there. @param {(string | null | undefined)[]} keys */
  async load(keys) {
    const named = [...new Set(keys.flatMap((key) => key ?? []))];
    /** @type {(Tail | undefined)[]} */
    const found = await Promise.all(named.map((key) => answer(this.store.get(key))));
    const tails = found.flatMap((tail) => tail ?? []);
    for (const { key, id } of tails) this.#tails.set(key, id);
    await this.work.load(tails.map(({ id }) => id));
  }

  /** Puts a job at the end of its line, if it is in one. @param {Stored} job */
  join(job) {
    if (job.ordering_key == null) return;
    const ahead = this.#tails.get(job.ordering_key);
    this.#end(job.ordering_key, job.id);
    if (ahead === undefined) return;
    job.behind = ahead;
    job.waiting_for = (job.waiting_for ?? 0) + 1;
    job._.waits = [...new Set([...(job._.waits ?? []), ahead])];
    const other = /** @type {Stored} */ (this.work.job(ahead));
    if (other._.waited) return;
    other._.waited = true;
    this.work.save(other);
  }

  /** An ended job is the end of its line no more: whoever it stands behind is, if anybody. @param {Stored} job */
  async leave(job) {
    if (job.ordering_key == null) return;
    /** @type {Tail | undefined} */
    const tail = await answer(this.store.get(job.ordering_key));
    if (tail?.id !== job.id) return;
    if (job.behind == null) this.store.delete(job.ordering_key);
    else this.#end(job.ordering_key, job.behind);
  }

  /** @param {string} key @param {string} id */
  #end(key, id) {
    this.#tails.set(key, id);
    this.store.put({ key, id });
  }
}

/**
 * The next in line waits for whoever the ended one stood behind, if anybody.
 *
 * @param {Stored} waiting @param {Stored} ended
 */
export function closeUp(waiting, ended) {
  if (waiting.behind !== ended.id) return;
  waiting.behind = ended.behind;
  if (ended.behind == null) waiting.waiting_for = (waiting.waiting_for ?? 0) - 1;
  else waiting._.waits = [...new Set([...(waiting._.waits ?? []), ended.behind])];
}
