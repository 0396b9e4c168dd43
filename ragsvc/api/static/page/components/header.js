// The bar on top: where one is, which corpus is asked, and how the page looks.

import { post } from "../client.js";
import { button, el, fill } from "../dom.js";
import { choose, language, LANGUAGES, number, t } from "../language.js";
import { keepDraft, nextTheme, theme } from "../preferences.js";
import { list } from "./shortcuts.js";

const VIEWS = ["ask", "documents", "graph", "history", "upload", "jobs", "overview"];

export function header(app) {
  const top = document.getElementById("top");
  const focused = document.activeElement?.id;
  fill(top,
    el("a", { class: "brand", href: "#/ask" }, el("span", { class: "brand-mark", "aria-hidden": "true" }, "[1]"), el("span", { class: "brand-word" }, "ragsvc")),
    corpora(app),
    el("nav", { class: "tabs", "aria-label": t("views") }, VIEWS.map((view) => tab(app, view))),
    el("div", { class: "tools" }, themeButton(app), languages(app),
      button("?", () => list(), { class: "tool", "aria-label": t("shortcuts"), title: t("shortcuts") }),
      app.keyNeeded ? button(t("logout"), () => leave(), { class: "tool wide" }) : null));
  // On a phone the views are wider than the screen.
  top.querySelector(".tabs a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  // Drawn anew under the keyboard of somebody: the focus stays where it was.
  if (focused && top.querySelector(`#${CSS.escape(focused)}`)) document.getElementById(focused).focus();
}

function tab(app, view) {
  const current = app.view === view ? "page" : null;
  return el("a", { href: `#/${view}`, "aria-current": current, id: `tab-${view}` }, t(`view.${view}`));
}

function corpora(app) {
  const options = app.corpora.map((each) =>
    el("option", { value: each.name, selected: each.name === app.corpus }, `${each.name} (${number(each.documents)})`));
  if (!options.length) options.push(el("option", { value: "" }, t("no_corpus")));
  const select = el("select", { id: "corpus", "aria-label": t("corpus"), disabled: !app.corpora.length,
    on: { change: (event) => app.choose(event.target.value) } }, options);
  return el("div", { class: "corpus" }, select);
}

function themeButton(app) {
  const words = t(`theme.${theme()}`);
  const sign = { auto: "◐", light: "○", dark: "●" }[theme()];
  return button(sign, () => { nextTheme(); header(app); }, { id: "theme", class: "tool", "aria-label": words, title: words });
}

function languages(app) {
  const options = Object.entries(LANGUAGES).map(([code, name]) =>
    el("option", { value: code, selected: code === language(), lang: code }, name));
  return el("select", { id: "language", class: "tool wide", "aria-label": t("language"),
    on: { change: async (event) => { await choose(event.target.value); app.redraw(); } } }, options);
}

async function leave() {
  await post("/logout");
  keepDraft(null);
  // What was read goes with the key.
  location.replace("/");
}
