// Documents of a corpus: what was read, what was not, and a way to find one.

import { corpusPath, get, remove } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el, fill, note, table } from "../dom.js";
import { number, plural, t, time } from "../language.js";
import { confirmed } from "./dialog.js";
import { openDocument } from "./document.js";

const PAGE = 50;
// What is typed is looked for when the fingers rest.
const REST_MS = 250;

export async function draw(app, main, leaving) {
  if (!app.corpus) { fill(main, el("div", { class: "page" }, el("h1", {}, t("view.documents")), el("p", { class: "empty" }, t("no_corpus")))); return; }
  const corpus = app.corpus;
  const warned = el("input", { type: "checkbox", id: "warned", on: { change: () => load().catch(app.fail) } });
  const sought = el("input", { type: "text", id: "sought", "aria-label": t("find_document"), placeholder: t("find_document"), autocomplete: "off",
    spellcheck: "false", on: { input: () => { clearTimeout(timer); timer = setTimeout(() => load().catch(app.fail), REST_MS); } } });
  const box = el("div", { "aria-live": "polite" });
  let timer = null;
  let latest = 0;
  leaving(() => clearTimeout(timer));
  fill(main, el("div", { class: "page" }, el("h1", {}, t("documents_of", { corpus })),
    el("div", { class: "choices" }, sought, el("label", { class: "check" }, warned, t("only_warnings"))), box));

  async function load(cursor = null, before = []) {
    const turn = (latest += 1);
    const words = sought.value.trim().toLocaleLowerCase();
    const chosen = warned.checked || words;
    const page = chosen ? await matching(words, cursor) : await get(corpusPath(corpus, "/documents"), { limit: PAGE, cursor });
    // Something else was asked for meanwhile.
    if (turn !== latest) return;
    const rows = [...before, ...page.documents];
    const total = app.corpora.find((each) => each.name === corpus)?.documents ?? rows.length;
    fill(box, el("p", { class: "quiet" }, chosen ? plural("documents_shown", rows.length) : t("documents_shown_of", { n: number(rows.length), all: number(Math.max(total, rows.length)) })),
      rows.length ? table(t("documents_of", { corpus }), [t("title"), t("kind"), t("characters"), t("time"), t("warnings")], rows.map(cells))
        : el("p", { class: "empty" }, t(words ? "none_found" : warned.checked ? "no_warnings" : "no_documents")),
      page.next_cursor ? button(t("more"), () => load(page.next_cursor, rows).catch(app.fail), { class: "plain" }) : null);
  }

  /** The service lists all; pages are read until one is full of what is looked for, or there are no more. */
  async function matching(words, cursor) {
    const found = [];
    let next = cursor;
    const wanted = (each) => (!warned.checked || each.warnings.length)
      && (!words || [each.title, each.document_id].some((name) => name.toLocaleLowerCase().includes(words)));
    do {
      const page = await get(corpusPath(corpus, "/documents"), { limit: 1000, cursor: next });
      found.push(...page.documents.filter(wanted));
      next = page.next_cursor;
    } while (next && found.length < PAGE);
    return { documents: found, next_cursor: next };
  }

  function cells(each) {
    const title = button(nodesOf(each.title || each.document_id), () => openDocument(app, corpus, each, drop), { class: "link", dir: "auto" });
    const warnings = each.warnings.length ? el("ul", { class: "warnings" }, each.warnings.map((one) => el("li", { title: one.code }, nodesOf(one.message)))) : "–";
    return [el("div", { class: "named" }, title, el("div", { class: "quiet small", dir: "auto" }, nodesOf(each.document_id))), each.media_type,
      number(each.characters), time(each.ingested_at), warnings];
  }

  async function drop(each) {
    if (!await confirmed(t("delete"), t("delete_document", { name: each.title || each.document_id }), t("delete"), t("cancel"))) return;
    await remove(corpusPath(corpus, "/document"), { id: each.document_id });
    note(t("deleted"));
    await app.reload();
    app.redraw();
  }

  await load();
}
