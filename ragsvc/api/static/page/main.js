// The page: its parts are put together, and the address says which view is shown.

import { get, onRefusal } from "./client.js";
import { button, el, fill, note } from "./dom.js";
import { begin, t } from "./language.js";
import { applyTheme, prefer, preference } from "./preferences.js";
import { header } from "./components/header.js";
import { keys } from "./components/shortcuts.js";
import { close, open } from "./components/source.js";

// A view is loaded when it is shown first: the page itself is drawn at once.
const VIEWS = {
  ask: () => import("./components/conversation.js"),
  documents: () => import("./components/documents.js"),
  graph: () => import("./components/graph.js"),
  history: () => import("./components/history.js"),
  upload: () => import("./components/uploads.js"),
  jobs: () => import("./components/jobs.js"),
  overview: () => import("./components/overview.js"),
};

/** What to do when the view in hand is left. */
let leave = () => {};

/** What the parts share. */
const app = {
  corpora: [],
  corpus: null,
  features: {},
  keyNeeded: false,
  view: "ask",
  argument: "",
  go(view, argument = "") {
    const wanted = `#/${view}${argument ? `/${encodeURIComponent(argument)}` : ""}`;
    if (location.hash === wanted) show(); else location.hash = wanted;
  },
  choose(corpus) {
    app.corpus = corpus;
    prefer("corpus", corpus);
    draw();
  },
  async reload() {
    app.corpora = (await get("/v1/corpora")).corpora;
    const names = app.corpora.map((each) => each.name);
    const wanted = app.corpus ?? preference("corpus");
    app.corpus = names.includes(wanted) ? wanted : names[0] ?? null;
    header(app);
  },
  /** Open a document version beside the view. */
  async source(request) {
    await open(request);
  },
  redraw: () => draw(),
  fail: (error) => { if (error.name !== "AbortError") report(error); },
};

function report(error) {
  if (error.status !== 401) note([error.message, error.hint].filter(Boolean).join(" — "), "error");
}

async function draw() {
  header(app);
  document.getElementById("skip").textContent = t("skip");
  await show();
}

/** A part of the address, which people write by hand too. */
function decoded(words) {
  try { return decodeURIComponent(words); } catch { return words; }
}

async function show() {
  const [, view = "ask", argument = ""] = location.hash.split("/");
  app.view = Object.hasOwn(VIEWS, view) ? view : "ask";
  app.argument = decoded(argument);
  leave();
  const left = [];
  let gone = false;
  leave = () => { gone = true; left.forEach((act) => act()); };
  // What comes to a view late, after it was left, is undone at once.
  const leaving = (act) => { if (gone) act(); else left.push(act); };
  close();
  header(app);
  const main = document.getElementById("main");
  main.className = `view-${app.view}`;
  document.getElementById("side").hidden = true;
  const words = { ask: "view.ask", documents: "view.documents", history: "view.history", upload: "view.upload" };
  document.title = `${t(words[app.view] ?? `view.${app.view}`)} · ragsvc`;
  try {
    const { draw: drawn } = await VIEWS[app.view]();
    if (gone) return;
    // Each showing has a box of its own: what a slow view still writes is seen by nobody.
    const box = el("div", { class: "view" });
    fill(main, box);
    await drawn(app, box, leaving);
  } catch (error) {
    if (gone) return;
    app.fail(error);
    inTheWay(error, show);
  }
}

/** What went wrong, in place of a view, and the way to try it again. */
function inTheWay(error, again) {
  fill(document.getElementById("main"), el("div", { class: "empty" }, el("p", {}, error.message), el("p", {}, error.hint ?? ""),
    button(t("again"), () => again(), { class: "plain" })));
}

async function login() {
  const { ask } = await import("./components/login.js");
  ask(() => start());
}

async function start() {
  const state = await get("/login");
  app.features = state.features;
  app.keyNeeded = state.key_needed;
  if (state.key_needed && !state.logged_in) { header(app); await login(); return; }
  await app.reload();
  await draw();
  document.body.dataset.ready = "true";
}

/** Start, as often as it takes: a server that is busy or gone is no reason for an empty page. */
function begun() {
  start().catch((error) => {
    report(error);
    if (error.status !== 401) inTheWay(error, begun);
  });
}

applyTheme();
await begin();
onRefusal(login);
keys(app);
window.addEventListener("hashchange", () => { if (app.corpora) show(); });
begun();
