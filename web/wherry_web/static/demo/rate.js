// @ts-check
// How many jobs are completed a second, over the last minute.

const RATE_WINDOW_S = 60;

/** Counts by second, in a ring. */
export class Rate {
  #ring = new Array(RATE_WINDOW_S).fill(0);
  #second = Math.floor(performance.now() / 1000);

  add() {
    this.#turn();
    this.#ring[this.#second % RATE_WINDOW_S] += 1;
  }

  clear() {
    this.#ring.fill(0);
  }

  now() {
    const last = this.seconds().slice(-4, -1);
    return last.reduce((sum, count) => sum + count, 0) / last.length;
  }

  /** @returns {number[]} */
  seconds() {
    this.#turn();
    return this.#ring.map((_, index) => this.#ring[(this.#second + 1 + index) % RATE_WINDOW_S]);
  }

  #turn() {
    const second = Math.floor(performance.now() / 1000);
    const from = Math.max(this.#second, second - RATE_WINDOW_S);
    for (let passed = from + 1; passed <= second; passed += 1) {
      this.#ring[passed % RATE_WINDOW_S] = 0;
    }
    this.#second = second;
  }
}
