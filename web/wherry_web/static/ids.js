// @ts-check
/** Job ids: UUID version 7 (RFC 9562), so that text order is creation order.  The same as `wherry/ids.py`. */

const COUNTS = 0x1000;
let lastMs = 0;
let count = 0;

/**
 * The next id, 36 characters.
 *
 * Ids of one module grow, even within a millisecond and when the clock steps back: the 12 bits
 * after the time count, the 62 behind them are random, so that ids of different makers never meet.
 */
export function newId() {
  let atMs = Math.max(Date.now(), lastMs);
  count = atMs === lastMs ? count + 1 : 0;
  if (count === COUNTS) [atMs, count] = [atMs + 1, 0];
  lastMs = atMs;
  const tail = crypto.getRandomValues(new Uint8Array(8));
  tail[0] = 0x80 | (tail[0] & 0x3f);
  const time = hex(atMs, 12);
  const random = hexOf(tail);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(count, 3)}-${random.slice(0, 4)}-${random.slice(4)}`;
}

/** Two digits a byte. @param {Uint8Array} bytes */
export function hexOf(bytes) {
  return Array.from(bytes, (byte) => hex(byte, 2)).join("");
}

/** @param {number} value @param {number} digits */
function hex(value, digits) {
  return value.toString(16).padStart(digits, "0");
}
