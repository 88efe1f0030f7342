// @ts-check
// Colours for a few lines of Python or JavaScript: one pass, one expression a language.

import { h } from "./dom.js";

const STRING = String.raw`"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'`;
const TEMPLATE = "`(?:[^`\\\\]|\\\\.)*`";
const PYTHON_WORDS =
  "and as assert async await break class continue def del elif else except finally for from if import in is lambda " +
  "not or pass raise return try while with yield None True False match case";
const SCRIPT_WORDS =
  "async await break case catch class const continue else export finally for from function if import in let new of " +
  "return throw try while null true false undefined";

/** @param {string} words */
const anyOf = (words) => String.raw`\b(?:${words.replaceAll(" ", "|")})\b`;

/**
 * @param {string} comment
 * @param {string} string
 * @param {string} words
 */
const grammar = (comment, string, words) =>
  new RegExp(
    String.raw`(?<comment>${comment})|(?<string>[rbfu]?(?:${string}))|(?<name>@[\w.]+)|(?<word>${anyOf(words)})|(?<number>\b\d[\d_.]*\b)`,
    "g",
  );

const GRAMMARS = {
  python: grammar("#[^\\n]*", STRING, PYTHON_WORDS),
  javascript: grammar(String.raw`//[^\n]*|/\*[\s\S]*?\*/`, `${STRING}|${TEMPLATE}`, SCRIPT_WORDS),
};

/**
 * @param {string} source
 * @param {keyof typeof GRAMMARS} language
 * @returns {(Node | string)[]} text nodes and spans, never markup
 */
export function highlight(source, language) {
  /** @type {(Node | string)[]} */
  const parts = [];
  let end = 0;
  for (const match of source.matchAll(GRAMMARS[language])) {
    const kind = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined)?.[0] ?? "";
    parts.push(source.slice(end, match.index), h("span", { class: `code-${kind}` }, match[0]));
    end = match.index + match[0].length;
  }
  return [...parts, source.slice(end)];
}
