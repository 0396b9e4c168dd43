// Keys that do something, and the list of them.

import { el } from "../dom.js";
import { t } from "../language.js";
import { dialog } from "./dialog.js";
import { close } from "./source.js";

const KEYS = [["/", "key.ask"], ["Enter", "key.send"], ["Shift+Enter", "key.line"], ["Esc", "key.close"],
  ["j / k", "key.citations"], ["n", "key.new"], ["u", "key.upload"], ["?", "key.list"]];

export function list() {
  const rows = KEYS.map(([key, name]) => el("div", { class: "key-row" }, el("dt", {}, el("kbd", {}, key)), el("dd", {}, t(name))));
  dialog(t("shortcuts"), [el("dl", { class: "keys" }, rows)], [[t("close"), "plain", null]]);
}

export function keys(app) {
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      close();
      return;
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const acts = {
      "/": () => { app.view === "ask" ? document.getElementById("question")?.focus() : app.go("ask"); },
      "?": () => list(),
      u: () => app.go("upload"),
      n: () => document.getElementById("new")?.click(),
      j: () => step(1),
      k: () => step(-1),
    };
    if (event.key in acts) { event.preventDefault(); acts[event.key](); }
  });
}

/** Go to the next or the previous marker of all answers. */
function step(by) {
  const markers = [...document.querySelectorAll(".answer .marker")];
  if (!markers.length) return;
  const at = markers.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : markers.length - 1) : (at + by + markers.length) % markers.length;
  markers[next].focus();
}
