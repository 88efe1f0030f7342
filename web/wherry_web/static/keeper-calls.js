// @ts-check
/** Questions from keeper to keeper: does somebody stand for this?  That a lock is held proves nothing, an answer does. */

/** A keeper that lives answers within this: nothing blocks its thread. */
const PONG_MS = 2_000;

export class Calls {
  #channel;
  /** @type {Map<string, Set<(answered: boolean) => void>>} */
  #asked = new Map();

  /** @param {BroadcastChannel} channel of all keepers of a store @param {(of: string) => boolean} stands whether this one answers */
  constructor(channel, stands) {
    this.#channel = channel;
    channel.addEventListener("message", ({ data: { type, of } }) => {
      if (type === "ping" && stands(of)) channel.postMessage({ type: "pong", of });
      if (type === "pong") for (const done of [...(this.#asked.get(of) ?? [])]) done(true);
    });
  }

  /**
   * Whether another keeper stands for something.
   *
   * @param {string} of `leader:HASH`, `visible:HASH` or `worker:NAME`
   * @param {number} [waitMs]
   * @returns {Promise<boolean>} true as well when this thread was frozen meanwhile: then nothing is known
   */
  answers(of, waitMs = PONG_MS) {
    const waiting = this.#asked.get(of) ?? new Set();
    const startedMs = performance.now();
    return new Promise((resolve) => {
      const done = (/** @type {boolean} */ answered) => {
        waiting.delete(done);
        resolve(answered);
      };
      this.#asked.set(of, waiting.add(done));
      setTimeout(() => done(performance.now() - startedMs > waitMs + PONG_MS), waitMs);
      this.#channel.postMessage({ type: "ping", of });
    });
  }
}
