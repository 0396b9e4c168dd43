// Documents of a corpus: what was read, what was not, their texts and their versions.

import { corpusPath, get, remove } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el, fill, labelled, note, table } from "../dom.js";
import { number, plural, t, time } from "../language.js";
import { confirmed } from "./dialog.js";

const PAGE = 50;
const MAX_VERSIONS = 20;

export async function draw(app, main) {
  if (!app.corpus) { fill(main, el("div", { class: "page" }, el("h1", {}, t("view.documents")), el("p", { class: "empty" }, t("no_corpus")))); return; }
  const warned = el("input", { type: "checkbox", id: "warned", on: { change: () => load().catch(app.fail) } });
  const box = el("div", { "aria-live": "polite" });
  const corpus = app.corpus;
  fill(main, el("div", { class: "page" }, el("h1", {}, t("documents_of", { corpus })),
    el("label", { class: "check" }, warned, t("only_warnings")), box));

  async function load(cursor = null, before = []) {
    const page = warned.checked ? await withWarnings(cursor) : await get(corpusPath(corpus, "/documents"), { limit: PAGE, cursor });
    const rows = [...before, ...page.documents];
    fill(box, el("p", { class: "quiet" }, plural("documents_shown", rows.length)),
      rows.length ? table(t("documents_of", { corpus }), [t("title"), t("kind"), t("characters"), t("time"), t("warnings")], rows.map(cells))
        : el("p", { class: "empty" }, t(warned.checked ? "no_warnings" : "no_documents")),
      page.next_cursor ? button(t("more"), () => load(page.next_cursor, rows).catch(app.fail), { class: "plain" }) : null);
  }

  /** The service lists all; pages are read until one is full of those with warnings, or there are no more. */
  async function withWarnings(cursor) {
    const found = [];
    let next = cursor;
    do {
      const page = await get(corpusPath(corpus, "/documents"), { limit: 1000, cursor: next });
      found.push(...page.documents.filter((each) => each.warnings.length));
      next = page.next_cursor;
    } while (next && found.length < PAGE);
    return { documents: found, next_cursor: next };
  }

  function cells(each) {
    const title = button(nodesOf(each.title || each.document_id), () => show(each), { class: "link", dir: "auto" });
    const warnings = each.warnings.length ? el("ul", { class: "warnings" }, each.warnings.map((one) => el("li", { title: one.code }, nodesOf(one.message)))) : "–";
    return [el("div", {}, title, el("div", { class: "quiet small", dir: "auto" }, nodesOf(each.document_id))), each.media_type,
      number(each.characters), time(each.ingested_at), warnings];
  }

  function show(each) {
    const more = el("section", { class: "beside" });
    const metadata = Object.entries(each.metadata ?? {});
    fill(more, metadata.length ? [el("h3", {}, t("metadata")), el("dl", { class: "pairs" }, metadata.map(([name, value]) =>
      el("div", {}, el("dt", {}, nodesOf(name)), el("dd", { dir: "auto" }, nodesOf(typeof value === "string" ? value : JSON.stringify(value))))))] : null,
    el("div", { class: "choices" }, button(t("versions"), () => versions(each, more).catch(app.fail), { class: "plain" }),
      button(t("delete"), () => drop(each).catch(app.fail), { class: "plain danger-words" })));
    app.source({ ...each, spans: [], more }).catch(app.fail);
  }

  async function drop(each) {
    if (!await confirmed(t("delete"), t("delete_document", { name: each.title || each.document_id }), t("delete"), t("cancel"))) return;
    await remove(corpusPath(corpus, "/document"), { id: each.document_id });
    note(t("deleted"));
    await app.reload();
    app.redraw();
  }

  /** Versions of before, from commit to commit: each document says which commit made its version live. */
  async function versions(live, box) {
    const found = [live];
    const commits = (await get(corpusPath(corpus, "/commits"), { limit: 1000 })).commits.filter((each) => !each.collected);
    let older = live;
    while (older && found.length < MAX_VERSIONS) {
      const before = commits.find((each) => each.commit < older.commit);
      older = before ? await get(corpusPath(corpus, "/document"), { id: live.document_id, at: before.commit }).catch(absent) : null;
      if (older) found.push(older);
    }
    const list = found.map((each) => el("li", {}, button(t("version_at", { version: each.version.slice(0, 8), time: time(each.ingested_at), commit: each.commit }), () =>
      app.source({ ...each, spans: [], more: box }).catch(app.fail), { class: "link" })));
    box.querySelector(".versions")?.remove();
    box.append(el("ol", { class: "versions", "aria-label": t("versions") }, list));
  }
  await load();
}

/** There was no such document then, or what was then is collected. */
function absent(error) {
  if (error.status === 404 || error.status === 410) return null;
  throw error;
}
