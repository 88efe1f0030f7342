// @ts-check
// Elements from plain calls.  Text only ever becomes text nodes: what a job says is not trusted.

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | null | undefined>} Attributes */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an HTML element.
 * @template {keyof HTMLElementTagNameMap} N
 * @param {N} name
 * @param {Attributes} [attributes] `true` sets an empty attribute; `false`, null and undefined set none
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[N]}
 */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/**
 * Make an SVG element.
 * @template {keyof SVGElementTagNameMap} N
 * @param {N} name
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[N]}
 */
export function s(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Attributes} attributes
 * @param {Child[]} children
 * @returns {E}
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    setAttribute(element, name, value);
  }
  element.append(...children.filter(isPresent));
  return element;
}

/** @type {(child: Child) => child is Node | string} */
const isPresent = (child) => child !== null && child !== undefined && child !== false;

/**
 * Write an attribute only if it changes.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) {
    element.setAttribute(name, text);
  }
}

/**
 * Write a text only if it changes: an equal write would still cost layout and repeat live regions.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/**
 * The element of the page with this id.
 * @template {Element} E
 * @param {string} id
 * @param {abstract new (...parameters: never[]) => E} type
 * @returns {E}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) {
    throw new Error(`The page has no ${type.name} with the id ${id}.`);
  }
  return found;
}

/**
 * A button that says what happens.
 * @param {string} label
 * @param {() => unknown} act
 * @param {Attributes} [attributes]
 */
export function button(label, act, attributes = {}) {
  const made = h("button", { type: "button", class: "button", ...attributes }, label);
  made.addEventListener("click", () => act());
  return made;
}
