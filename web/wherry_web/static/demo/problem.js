// @ts-check
// Errors as this page shows them: a code, the cause, a remedy, and a button that copies all of it.

import { button, h } from "./dom.js";

/** An error with what to do about it. */
export class DemoError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ remedy: string, cause?: unknown }} more
   */
  constructor(code, message, { remedy, cause }) {
    super(message, { cause });
    this.code = code;
    this.remedy = remedy;
  }
}

/** @typedef {{ code: string, cause: string, remedy: string }} Problem */

/**
 * Whatever was thrown, as code, cause and remedy.  wherry's own errors say their remedy in the message.
 * @param {unknown} error
 * @returns {Problem}
 */
export function describe(error) {
  if (!(error instanceof Error)) {
    return { code: "unexpected", cause: String(error), remedy: "Reload the page." };
  }
  const { code, remedy } = /** @type {{ code?: unknown, remedy?: unknown }} */ (/** @type {unknown} */ (error));
  return {
    code: typeof code === "string" ? code : error.name,
    cause: error.message,
    remedy: typeof remedy === "string" ? remedy : "",
  };
}

/**
 * The panel for an error.
 * @param {string} title what did not work, in the reader's words
 * @param {unknown} error
 * @param {{ label: string, act: () => unknown }} [next] the one next step
 */
export function problemPanel(title, error, next) {
  const { code, cause, remedy } = describe(error);
  const copy = button("Copy the error", () => void copyText(copy, `${title}\n${code}: ${cause}\n${remedy}`));
  return h(
    "div",
    { class: "problem", role: "alert", "data-code": code },
    h("p", { class: "problem-title" }, title),
    h("code", { class: "problem-code" }, code),
    h("p", { class: "problem-cause" }, cause),
    remedy && h("p", { class: "problem-remedy" }, remedy),
    h("div", { class: "problem-steps" }, next && button(next.label, next.act), copy),
  );
}

/**
 * @param {HTMLButtonElement} control
 * @param {string} text
 */
export async function copyText(control, text) {
  const label = control.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    control.textContent = "Copied";
  } catch {
    control.textContent = "The browser refused to copy";
  }
  setTimeout(() => {
    control.textContent = label;
  }, 2000);
}
