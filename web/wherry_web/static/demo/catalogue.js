// @ts-check
// The searchable index, made from the outputs of the index jobs of both shores.  Pure.

/** @typedef {import("./shore.js").ShoreName} ShoreName */
/** @typedef {{ name: string, kind: string, line: number, summary: string, complexity?: number }} Named */
/**
 * What `library.index` returns.
 * @typedef {object} ModuleOutput
 * @property {string} module
 * @property {boolean} package
 * @property {string} summary
 * @property {number} lines
 * @property {{ sum: number, max: number, max_in: string | null }} complexity
 * @property {Named[]} names
 * @property {[string, string[]][]} exports names that it hands on: from which module, which
 */
/**
 * One name of the index; the same name of both shores is one entry.
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} kind
 * @property {string} module where it is defined
 * @property {string} foundIn the public module that people import it from
 * @property {string} summary
 * @property {Partial<Record<ShoreName, number>>} lines the line on each shore that has it
 * @property {string} key its name in lower case
 * @property {string} path all its dotted names in lower case
 * @property {number} rank lower for what people look for more often
 */

/** @type {Record<string, number>} */
const KINDS = { class: 0, function: 1, constant: 2, method: 3 };
const SCORES = 5;

export class Catalogue {
  /** @type {Record<ShoreName, Map<string, ModuleOutput>>} */
  modules = { tab: new Map(), server: new Map() };
  /** @type {Entry[]} by rank */
  entries = [];
  /** Entries by module, then by kind and name. @type {Map<string, Map<string, Entry>>} */
  #byModule = new Map();
  /** By module, who hands its names on, and which names. @type {Map<string, Map<string, Set<string>>>} */
  #offers = new Map();
  /** @type {[ShoreName, ModuleOutput][]} */
  #waiting = [];

  /** Outputs came in that `entries` does not show yet. */
  get isBehind() {
    return this.#waiting.length > 0;
  }

  /**
   * @param {ShoreName} shore
   * @param {ModuleOutput} output
   */
  add(shore, output) {
    this.modules[shore].set(output.module, output);
    this.#waiting.push([shore, output]);
  }

  /** Bring the entries up to date.  Costs what is new, and one sort of what is nearly sorted. */
  rebuild() {
    /** @type {Set<string>} */
    const touched = new Set();
    for (const [shore, output] of this.#waiting) {
      this.#takeNames(shore, output);
      touched.add(output.module);
      for (const [source, names] of isPublic(output.module) ? output.exports : []) {
        this.#takeOffer(output.module, source, names);
        touched.add(source);
      }
    }
    this.#waiting = [];
    for (const module of touched) {
      this.#byModule.get(module)?.forEach((entry) => this.#place(entry));
    }
    this.entries.sort(byRank);
  }

  /**
   * @param {ShoreName} shore
   * @param {ModuleOutput} output
   */
  #takeNames(shore, { module, names }) {
    const known = this.#byModule.get(module) ?? new Map();
    this.#byModule.set(module, known);
    for (const { name, kind, summary, line } of names) {
      const id = `${kind} ${name}`;
      const entry = known.get(id) ?? { name, kind, module, foundIn: module, summary, lines: {}, key: name.toLowerCase(), path: "", rank: 0 };
      entry.lines[shore] = line;
      if (!known.has(id)) {
        known.set(id, entry);
        this.entries.push(entry);
      }
    }
  }

  /**
   * @param {string} offerer
   * @param {string} source
   * @param {string[]} names
   */
  #takeOffer(offerer, source, names) {
    const offerers = this.#offers.get(source) ?? new Map();
    this.#offers.set(source, offerers.set(offerer, new Set(names)));
  }

  /** @param {Entry} entry */
  #place(entry) {
    const { name, module, kind } = entry;
    entry.foundIn = this.#findHome(module, name.split(".", 1)[0] ?? name);
    entry.path = `${entry.foundIn}.${name} ${module}.${name}`.toLowerCase();
    entry.rank = (isPublic(entry.foundIn) ? 0 : 1e6) + (KINDS[kind] ?? 9) * 1e5 + name.length;
  }

  /**
   * Where people import a name from: a package speaks for its own modules, any public module for a private one;
   * of several the shortest.
   * @param {string} module
   * @param {string} name
   */
  #findHome(module, name) {
    const isPrivate = !isPublic(module);
    const speakers = [...(this.#offers.get(module) ?? [])].filter(
      ([offerer, names]) => (isPrivate || module.startsWith(`${offerer}.`)) && (names.has(name) || names.has("*")),
    );
    return speakers.map(([offerer]) => offerer).sort((a, b) => a.length - b.length || (a < b ? -1 : 1))[0] ?? module;
  }

  /**
   * The modules with the most lines and the functions with the highest cyclomatic complexity.
   * @param {ShoreName | null} shore null: either
   * @param {number} limit
   * @returns {{ title: string, rows: [string, number][] }[]}
   */
  overview(shore, limit) {
    const { tab, server } = this.modules;
    const outputs = [...(shore ? this.modules[shore] : new Map([...tab, ...server])).values()];
    /** @param {[string, number][]} rows */
    const top = (rows) => rows.sort((a, b) => b[1] - a[1]).slice(0, limit);
    return [
      { title: "Most lines", rows: top(outputs.map(({ module, lines }) => [module, lines])) },
      {
        title: "Most complex functions",
        rows: top(outputs.map(({ module, complexity: { max, max_in } }) => [`${module}.${max_in}`, max])),
      },
    ];
  }

  /**
   * The best entries for what was typed.  Terms are parted by blanks; every one must match.
   * @param {string} query
   * @param {ShoreName | null} shore only names of this shore
   * @param {number} limit
   * @returns {{ best: Entry[], count: number }}
   */
  search(query, shore, limit) {
    const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
    /** @type {Entry[][]} */
    const byScore = Array.from({ length: SCORES }, () => []);
    let count = 0;
    for (const entry of terms.length ? this.entries : []) {
      const score = shore && !(shore in entry.lines) ? -1 : scoreOf(entry, terms);
      if (score >= 0) {
        count += 1;
        byScore[score]?.push(entry);
      }
    }
    return { best: byScore.flat().slice(0, limit), count };
  }
}

/**
 * The score of the term that fits best, for of several one is the name and others the module; -1 when one fits nowhere.
 * @param {Entry} entry
 * @param {string[]} terms
 */
function scoreOf(entry, terms) {
  let score = SCORES - 1;
  for (const term of terms) {
    const one = fit(entry, term);
    if (one < 0) {
      return -1;
    }
    score = Math.min(score, one);
  }
  return score;
}

/**
 * 0 the name itself, 1 its beginning, 2 the beginning of a part, 3 within it, 4 within the path, -1 nowhere.
 * @param {Entry} entry
 * @param {string} term
 */
function fit(entry, term) {
  const at = entry.key.indexOf(term);
  if (at < 0) {
    return entry.path.includes(term) ? 4 : -1;
  }
  if (at === 0) {
    return entry.key.length === term.length ? 0 : 1;
  }
  const before = entry.key[at - 1];
  return before === "." || before === "_" ? 2 : 3;
}

/**
 * @param {Entry} a
 * @param {Entry} b
 */
const byRank = (a, b) => a.rank - b.rank || (a.key < b.key ? -1 : a.key > b.key ? 1 : a.foundIn.length - b.foundIn.length);

/** No part of its name begins with an underscore. @param {string} module */
const isPublic = (module) => !module.startsWith("_") && !module.includes("._");
