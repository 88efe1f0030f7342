// @ts-check
// Puts the page together: two shores, one index, a file, the code, and the few controls over them.

import { Catalogue } from "./catalogue.js";
import { CodeView, SCRIPT, codeBlock } from "./code-view.js";
import { Controls } from "./controls.js";
import { Crossing } from "./crossing.js";
import { byId } from "./dom.js";
import { FileView } from "./file-view.js";
import { IndexView } from "./index-view.js";
import { Notices } from "./notices.js";
import { ServerSide } from "./server-side.js";
import { Door, takeToken } from "./session.js";
import { Shore } from "./shore.js";
import { ShoreView } from "./shore-view.js";
import { TabSide } from "./tab-side.js";
import { bindTheme } from "./theme.js";
import { SERVER_WORDS, TAB_WORDS } from "./words.js";

const TURN_MS = 250;

const token = takeToken();
const door = new Door(globalThis.fetch.bind(globalThis));
// wherry.js calls the page's fetch too: shutting the door takes the whole page offline.
globalThis.fetch = door.fetch;

const notices = new Notices(byId("notices", HTMLElement));
const catalogue = new Catalogue();
const shores = { tab: new Shore("tab", take), server: new Shore("server", take) };
const tabSide = new TabSide(shores.tab);
const serverSide = new ServerSide(shores.server, door, token, {
  heard: (site) => void tabSide.arrange(site),
  informed: ({ tasks }) => code.show(tasks),
});

/** @type {import("./shore.js").TakeOutput} */
function take(shore, output) {
  catalogue.add(shore, /** @type {import("./catalogue.js").ModuleOutput} */ (/** @type {unknown} */ (output)));
}

const code = new CodeView();
const index = new IndexView(
  catalogue,
  () => controls.indexBoth(),
  (shore, module) => shores[shore].ledger.byLabel(module),
);
/** @type {Record<import("./shore.js").ShoreName, Crossing>} */
const crossings = {
  tab: new Crossing(shores.tab, () => tabSide.kill()),
  server: new Crossing(shores.server, () => serverSide.kill(crossings.server.jobId)),
};
const views = {
  tab: new ShoreView(shores.tab, crossings.tab, TAB_WORDS, actionsOf("tab")),
  server: new ShoreView(shores.server, crossings.server, SERVER_WORDS, actionsOf("server")),
};
const file = new FileView(shores.tab, () => code.choose("file.statistics"));
const controls = new Controls(shores, door, token, notices, () => void serverSide.watch());

/**
 * @param {import("./shore.js").ShoreName} name
 * @returns {import("./shore-view.js").Actions}
 */
function actionsOf(name) {
  const shore = shores[name];
  /** @param {() => Promise<unknown>} act @param {string} what */
  const guarded = (act, what) => () => notices.guard(act, what);
  return {
    index: guarded(() => shore.index(), "The index was not started"),
    cross: guarded(() => crossings[name].start(), "The job was not submitted"),
    kill: guarded(() => crossings[name].kill(), "The worker was not killed"),
    cancel: guarded(() => shore.cancel(), "The jobs were not cancelled"),
    putBack: guarded(() => shore.putBack(), "The jobs were not put back"),
    retry: () => void serverSide.watch(),
  };
}

function turn() {
  views.tab.render(tabSide.pill, tabSide.boot);
  views.server.render(serverSide.pill, null);
  const ledgers = [shores.tab.ledger, shores.server.ledger];
  const unfinished = ledgers.reduce((sum, ledger) => sum + ledger.inFlight, 0);
  index.render({ loaded: shores.tab.loaded || shores.server.loaded, unfinished });
  controls.render();
  if (shores.server.problem) {
    code.fail(shores.server.problem);
  }
}

byId("shores", HTMLElement).replaceChildren(views.tab.element, views.server.element);
byId("finds", HTMLElement).replaceChildren(index.element, file.element);
byId("sources", HTMLElement).replaceChildren(code.element);
byId("script", HTMLElement).replaceChildren(codeBlock(SCRIPT, "javascript", "The JavaScript that submits a job"));
bindTheme(byId("theme", HTMLButtonElement));
void serverSide.watch();
turn();
setInterval(turn, TURN_MS);
