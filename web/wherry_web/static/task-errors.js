// @ts-check
/** What a task written in JavaScript throws to say what follows, named as in Python. */

import { check, instant, positiveSeconds, seconds } from "./checks.js";
import { WherryError } from "./errors.js";

/** Thrown in a task: run it again, at a time of its choosing. */
export class RetryableError extends WherryError {
  /**
   * @param {string} message
   * @param {{ delay?: number, at?: Date, cause?: unknown }} [when] seconds from now, or an instant; without either the task's backoff says
   * @throws {WherryError} `invalid_input`
   */
  constructor(message, { cause, ...when } = {}) {
    check("RetryableError", when, { delay: seconds, at: instant });
    super("retryable", message, { cause, retryable: true });
    this.name = "RetryableError";
    this.delay = when.delay;
    this.at = when.at;
  }
}

/** Thrown in a task: fail the job at once, whatever attempts are left. */
export class PermanentError extends WherryError {
  /** @param {string} message @param {{ cause?: unknown }} [more] */
  constructor(message, more) {
    super("permanent", message, more);
    this.name = "PermanentError";
  }
}

/** Thrown in a task: run it again later, without being charged an attempt. */
export class Snooze extends WherryError {
  /** @param {number} delay seconds @throws {WherryError} `invalid_input` */
  constructor(delay) {
    check("Snooze", { delay: delay ?? NaN }, { delay: positiveSeconds });
    super("snooze", `not now: again in ${delay} s`, { retryable: true });
    this.name = "Snooze";
    this.delay = delay;
  }
}
