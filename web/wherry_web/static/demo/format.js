// @ts-check
// Numbers and times as people read them.  Pure.

const GROUPED = new Intl.NumberFormat("en-GB");
const INSTANT = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", dateStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** @param {number} count */
export const number = (count) => GROUPED.format(count);

/**
 * "1 job", "12 jobs".
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/**
 * A duration: 41 ms, 3.2 s, 4 min.
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 1000) {
    return `${Math.max(0, Math.round(ms))} ms`;
  }
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}

/**
 * A size: 812 B, 1.2 kB, 8.3 MB.
 * @param {number} bytes
 */
export function size(bytes) {
  if (bytes < 1000) {
    return `${bytes} B`;
  }
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/**
 * A value of a table: at most four significant digits, grouped.
 * @param {number} value
 */
export function figure(value) {
  return Number.isInteger(value) ? GROUPED.format(value) : value.toLocaleString("en-GB", { maximumSignificantDigits: 4 });
}

/** @param {Date} at */
export const clock = (at) => CLOCK.format(at);

/**
 * The exact instant with its zone, for titles.
 * @param {Date} at
 */
export const instant = (at) => `${INSTANT.format(at)} ${Intl.DateTimeFormat().resolvedOptions().timeZone}`;

/**
 * "CPython 3.11.7", "Python 3.14.2 in WebAssembly".
 * @param {string} version
 * @param {string} implementation
 */
export const pythonName = (version, implementation) =>
  implementation === "Pyodide" ? `Python ${version} in WebAssembly` : `${implementation} ${version}`;
