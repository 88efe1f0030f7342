// @ts-check
/**
 * A cheap check of a value against a JSON Schema, the same as `wherry/schema.py`.
 *
 * What it does not know it lets pass: the task's own types decide before the first run.
 */

/** @typedef {Record<string, any>} Schema */

/** @type {Record<string, (value: unknown) => boolean>} */
const TYPES = {
  null: (value) => value === null,
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isInteger(value) || typeof value === "bigint",
  number: (value) => typeof value === "number" || typeof value === "bigint",
  string: (value) => typeof value === "string",
  array: Array.isArray,
  object: isObject,
};

/** @param {unknown} value @returns {value is Record<string, unknown>} */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What does not fit, as lines `place: reason`; empty when nothing is known to be wrong.
 *
 * @param {unknown} value a plain JSON value
 * @param {Schema} schema
 * @param {string} [path]
 * @returns {string[]}
 */
export function problemsWith(value, schema, path = "input", defs = schema.$defs ?? {}) {
  if (schema.$ref) schema = defs[schema.$ref.replace("#/$defs/", "")] ?? {};
  const { type, anyOf = [] } = schema;
  if (TYPES[type] && !TYPES[type](value)) return [`${path}: should be ${/^[aio]/.test(type) ? "an" : "a"} ${type}`];
  const problems = [];
  if (schema.enum && !schema.enum.includes(value)) problems.push(`${path}: should be one of ${schema.enum.map(text).join(", ")}`);
  if ("const" in schema && value !== schema.const) problems.push(`${path}: should be ${text(schema.const)}`);
  if (anyOf.length && anyOf.every((/** @type {Schema} */ one) => problemsWith(value, one, path, defs).length)) {
    problems.push(`${path}: fits none of the ${anyOf.length} forms it may have`);
  }
  return problems.concat(problemsInside(value, schema, path, defs));
}

/** @param {unknown} value @param {Schema} schema @param {string} path @param {Schema} defs @returns {string[]} */
function problemsInside(value, { required = [], properties = {}, items }, path, defs) {
  if (isObject(value)) {
    const missing = required.filter((/** @type {string} */ name) => !(name in value));
    const given = Object.keys(properties).filter((name) => name in value);
    return [
      ...missing.map((/** @type {string} */ name) => `${path}.${name}: is missing`),
      ...given.flatMap((name) => problemsWith(value[name], properties[name], `${path}.${name}`, defs)),
    ];
  }
  if (!Array.isArray(value) || !isObject(items)) return [];
  return value.flatMap((item, index) => problemsWith(item, items, `${path}[${index}]`, defs));
}

/** @param {unknown} value */
function text(value) {
  return JSON.stringify(value);
}
