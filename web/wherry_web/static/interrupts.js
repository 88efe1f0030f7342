// @ts-check
/**
 * Memory through which a keeper interrupts code that blocks Python, where the page is cross-origin isolated.
 *
 * Python looks at its first byte between two instructions, takes what it finds there as a signal, and
 * reads in the words behind it which attempt was meant: the signal may come when that one is over.
 */

/** @import { StopReason } from "./keeper-decisions.js" */

const SIGINT = 2;

/** @type {StopReason[]} */
const REASONS = ["cancel", "lost", "timeout", "deadline"];

export class Interrupts {
  #words;

  /** @param {SharedArrayBuffer} [memory] of the other side */
  constructor(memory = new SharedArrayBuffer(12)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** What Pyodide watches. */
  get signal() {
    return new Uint8Array(this.memory, 0, 1);
  }

  /** @param {number | undefined} number of the attempt @param {StopReason} reason */
  raise(number, reason) {
    if (number === undefined) return;
    Atomics.store(this.#words, 1, number);
    Atomics.store(this.#words, 2, REASONS.indexOf(reason));
    Atomics.store(this.#words, 0, SIGINT);
  }

  /** Which attempt was meant, and why. @returns {[number: number, reason: StopReason]} */
  read() {
    return [Atomics.load(this.#words, 1), REASONS[Atomics.load(this.#words, 2)]];
  }
}
