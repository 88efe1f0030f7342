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
 * @property {string} foundIn the public package that offers it
 * @property {string} summary
 * @property {Partial<Record<ShoreName, number>>} lines the line on each shore that has it
 * @property {string} key its name in lower case
 * @property {string} path all its dotted names in lower case
 */

/** @typedef {Map<string, { offerer: string, names: Set<string> }[]>} Offers */

export class Catalogue {
  /** @type {Record<ShoreName, Map<string, ModuleOutput>>} */
  modules = { tab: new Map(), server: new Map() };
  /** @type {Entry[]} by rank: those that people look for come first */
  entries = [];
  /** Outputs came in that `entries` does not show yet. */
  isBehind = false;

  /**
   * @param {ShoreName} shore
   * @param {ModuleOutput} output
   */
  add(shore, output) {
    this.modules[shore].set(output.module, output);
    this.isBehind = true;
  }

  /** Make the entries from all outputs so far. */
  rebuild() {
    /** @type {Map<string, Entry>} */
    const found = new Map();
    for (const shore of /** @type {ShoreName[]} */ (["server", "tab"])) {
      const offers = findOffers(this.modules[shore]);
      for (const output of this.modules[shore].values()) {
        output.names.forEach((named) => addEntry(found, shore, output.module, named, offers));
      }
    }
    this.entries = [...found.values()].sort(byRank);
    this.isBehind = false;
  }

  /** @param {ShoreName} shore */
  summary(shore) {
    let lines = 0;
    let names = 0;
    for (const output of this.modules[shore].values()) {
      lines += output.lines;
      names += output.names.length;
    }
    return { modules: this.modules[shore].size, lines, names };
  }

  /**
   * The modules with the most lines and the functions with the highest cyclomatic complexity.
   * @param {ShoreName | null} shore null: either
   * @param {number} limit
   * @returns {{ title: string, rows: [string, number][] }[]}
   */
  overview(shore, limit) {
    const outputs = [...new Map([...(shore === "server" ? [] : this.modules.tab), ...(shore === "tab" ? [] : this.modules.server)]).values()];
    /** @param {[string, number][]} rows */
    const top = (rows) => rows.sort((a, b) => b[1] - a[1]).slice(0, limit);
    return [
      { title: "Most lines", rows: top(outputs.map(({ module, lines }) => [module, lines])) },
      { title: "Most complex functions", rows: top(outputs.map(({ module, complexity: { max, max_in } }) => [`${module}.${max_in}`, max])) },
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
    const byScore = [[], [], [], [], []];
    let count = 0;
    for (const entry of terms.length ? this.entries : []) {
      const score = shore && !(shore in entry.lines) ? -1 : worst(entry, terms);
      if (score >= 0) {
        count += 1;
        byScore[score]?.push(entry);
      }
    }
    return { best: byScore.flat().slice(0, limit), count };
  }
}

/**
 * The score of the term that fits worst; -1 when one does not fit.
 * @param {Entry} entry
 * @param {string[]} terms
 */
function worst(entry, terms) {
  let score = terms.length > 1 ? 4 : 0;
  for (const term of terms) {
    const one = fit(entry, term);
    if (one < 0) {
      return -1;
    }
    // Of several terms one is the name and others the module: the name decides.
    score = terms.length > 1 ? Math.min(score, one) : one;
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
 * @param {Map<string, Entry>} found
 * @param {ShoreName} shore
 * @param {string} module
 * @param {Named} named
 * @param {Offers} offers
 */
function addEntry(found, shore, module, named, offers) {
  const id = `${module}:${named.name}:${named.kind}`;
  const known = found.get(id);
  if (known) {
    known.lines[shore] = named.line;
    return;
  }
  const owner = named.name.split(".", 1)[0] ?? named.name;
  const foundIn = findHome(module, owner, offers);
  const { name, kind, summary } = named;
  const path = `${foundIn}.${name} ${module}.${name}`.toLowerCase();
  found.set(id, { name, kind, module, foundIn, summary, lines: { [shore]: named.line }, key: name.toLowerCase(), path });
}

/** @type {Record<string, number>} */
const KIND_RANK = { class: 0, function: 1, constant: 2, method: 3 };

/**
 * @param {Entry} a
 * @param {Entry} b
 */
function byRank(a, b) {
  return (
    Number(a.foundIn.includes("_")) - Number(b.foundIn.includes("_")) ||
    (KIND_RANK[a.kind] ?? 9) - (KIND_RANK[b.kind] ?? 9) ||
    a.name.length - b.name.length ||
    (a.key < b.key ? -1 : Number(a.key > b.key)) ||
    a.foundIn.length - b.foundIn.length
  );
}

/**
 * By module, the public modules that hand its names on; the shortest name first.
 * @param {Map<string, ModuleOutput>} outputs
 */
function findOffers(outputs) {
  /** @type {Offers} */
  const offers = new Map();
  for (const [offerer, { exports }] of outputs) {
    for (const [source, names] of isPublic(offerer) ? exports : []) {
      const known = offers.get(source) ?? [];
      offers.set(source, known);
      known.push({ offerer, names: new Set(names) });
    }
  }
  for (const offerers of offers.values()) {
    offerers.sort((a, b) => a.offerer.length - b.offerer.length || (a.offerer < b.offerer ? -1 : 1));
  }
  return offers;
}

/** @param {string} module */
const isPublic = (module) => !module.split(".").some((part) => part.startsWith("_"));

/**
 * Where people import a name from: a package speaks for its own modules, any public module for a private one.
 * @param {string} module
 * @param {string} name
 * @param {Offers} offers
 */
function findHome(module, name, offers) {
  const isPrivate = !isPublic(module);
  const speaker = offers
    .get(module)
    ?.find(
      ({ offerer, names }) =>
        (isPrivate || module.startsWith(`${offerer}.`)) && (names.has(name) || names.has("*")),
    );
  return speaker?.offerer ?? module;
}
