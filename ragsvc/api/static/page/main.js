// The page: its parts are put together, and the address says which view is shown.

import { get, onRefusal } from "./client.js";
import { button, el, fill, note } from "./dom.js";
import { begin, t } from "./language.js";
import { applyTheme, prefer, preference } from "./preferences.js";
import { header } from "./components/header.js";
import { keys } from "./components/shortcuts.js";

// A view is loaded when it is shown first: the page itself is drawn at once.
const VIEWS = {
  ask: () => import("./components/conversation.js"),
  documents: () => import("./components/documents.js"),
  history: () => import("./components/history.js"),
  upload: () => import("./components/uploads.js"),
  jobs: () => import("./components/jobs.js"),
  overview: () => import("./components/overview.js"),
};

/** What the parts share. */
const app = {
  corpora: [],
  corpus: null,
  features: {},
  keyNeeded: false,
  view: "ask",
  argument: "",
  leave: null,
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
    const { open } = await import("./components/source.js");
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

async function show() {
  const [, view = "ask", argument = ""] = location.hash.split("/");
  app.view = view in VIEWS ? view : "ask";
  app.argument = decodeURIComponent(argument);
  app.leave?.();
  app.leave = null;
  const { close } = await import("./components/source.js");
  close();
  header(app);
  const main = document.getElementById("main");
  main.className = `view-${app.view}`;
  document.getElementById("side").hidden = true;
  const words = { ask: "view.ask", documents: "view.documents", history: "view.history", upload: "view.upload" };
  document.title = `${t(words[app.view] ?? `view.${app.view}`)} · ragsvc`;
  try {
    const { draw: drawn } = await VIEWS[app.view]();
    await drawn(app, main);
  } catch (error) {
    app.fail(error);
    fill(main, el("div", { class: "empty" }, el("p", {}, error.message), el("p", {}, error.hint ?? ""),
      button(t("again"), () => show(), { class: "plain" })));
  }
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

applyTheme();
await begin();
onRefusal(login);
keys(app);
window.addEventListener("hashchange", () => { if (app.corpora) show(); });
start().catch(report);
