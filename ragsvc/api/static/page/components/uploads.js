// Files dragged in or picked: they go to a corpus, and the job tells how it goes.

import { corpusPath, post } from "../client.js";
import { button, el, fill, labelled } from "../dom.js";
import { bytes, plural, t } from "../language.js";
import { follow } from "./jobs.js";

// As the service takes them; it refuses the rest with a hint.
const MAX_FILES = 10000;
const NAME = "[a-z0-9][a-z0-9._\\-]{0,63}";

let chosen = new Map();

export async function draw(app, main, leaving) {
  const list = el("div", { class: "picked" });
  const progress = el("div", { class: "job-box", "aria-live": "polite" });
  const corpus = el("input", { id: "target", type: "text", list: "corpora", required: true, pattern: NAME, value: app.corpus ?? "",
    autocomplete: "off", spellcheck: "false", placeholder: t("corpus_hint") });
  const names = el("datalist", { id: "corpora" }, app.corpora.map((each) => el("option", { value: each.name })));
  const files = el("input", { type: "file", id: "files", multiple: true, class: "unseen", tabindex: "-1", "aria-label": t("pick_files"), on: { change: (event) => take([...event.target.files]) } });
  const folder = el("input", { type: "file", id: "folder", webkitdirectory: true, class: "unseen", tabindex: "-1", "aria-label": t("pick_folder"), on: { change: (event) => take([...event.target.files]) } });
  const send = el("button", { type: "submit", class: "primary", id: "upload" }, t("upload"));
  const zone = el("div", { class: "zone" }, el("p", { class: "zone-head" }, t("drop")), el("p", { class: "quiet" }, t("drop_more")),
    el("div", { class: "choices" }, button(t("pick_files"), () => files.click(), { class: "plain" }), button(t("pick_folder"), () => folder.click(), { class: "plain" })), files, folder);
  const form = el("form", { class: "panel", on: { submit: (event) => { event.preventDefault(); submit().catch(app.fail); } } },
    zone, list, labelled(t("to_corpus"), corpus), el("p", { class: "quiet" }, t("corpus_help")), names, send);
  fill(main, el("div", { class: "page" }, el("h1", {}, t("view.upload")), form, progress));

  for (const event of ["dragenter", "dragover"]) {
    zone.addEventListener(event, (dragged) => { dragged.preventDefault(); zone.classList.add("over"); });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    dropped(event.dataTransfer).then(take).catch(app.fail);
  });
  paint();

  function take(found) {
    for (const file of found) {
      const name = nameOf(file);
      // What systems leave in folders is no content; the service would list it as skipped.
      if (name) chosen.set(name, file);
    }
    files.value = folder.value = "";
    paint();
  }

  function paint() {
    const size = [...chosen.values()].reduce((sum, file) => sum + file.size, 0);
    send.disabled = !chosen.size;
    if (!chosen.size) { fill(list); return; }
    const shown = [...chosen.keys()].slice(0, 8);
    fill(list, el("p", {}, plural("files_n", chosen.size), ` · ${bytes(size)} `, button(t("clear"), () => { chosen = new Map(); paint(); }, { class: "plain small" })),
      el("ul", {}, shown.map((name) => el("li", { dir: "auto" }, name)), chosen.size > shown.length ? el("li", { class: "quiet" }, plural("more_n", chosen.size - shown.length)) : null));
  }

  async function submit() {
    if (chosen.size > MAX_FILES) throw new Error(t("too_many", { n: MAX_FILES }));
    const target = corpus.value.trim();
    const body = new FormData();
    for (const [name, file] of chosen) body.append("files", file, name);
    send.disabled = true;
    fill(progress, el("p", { class: "state" }, t("sending")));
    let job;
    try {
      job = await post(corpusPath(target, "/documents"), body);
    } catch (error) {
      fill(progress);
      send.disabled = false;
      throw error;
    }
    chosen = new Map();
    paint();
    leaving(follow(app, progress, job, async () => { app.corpus = target; await app.reload(); }));
  }
}

function nameOf(file) {
  return file.path || file.webkitRelativePath || file.name;
}

/** Files of a drop, those of folders with their paths. */
async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...data.files];
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, prefix, found) {
  const path = prefix + entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
    file.path = path;
    found.push(file);
    return;
  }
  const reader = entry.createReader();
  // Browsers give a hundred at a time.
  for (;;) {
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return;
    for (const each of some) await walk(each, `${path}/`, found);
  }
}
