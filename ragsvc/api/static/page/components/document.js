// One document in the pane beside the list: its text, its chunks, its versions and what changed between them.

import { corpusPath, get, post } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el } from "../dom.js";
import { lineDifference } from "../difference.js";
import { number, plural, t, time } from "../language.js";

const MAX_CHUNKS = 200;
const MAX_VERSIONS = 20;
// Longer texts than this, in code points, are not compared in a browser.
const MAX_COMPARED = 500_000;
const CONTEXT = 3;
const MAX_ROWS = 3000;

/** Open a document. drop: what deletes it; null where nothing does. */
export function openDocument(app, corpus, live, drop) {
  const metadata = Object.entries(live.metadata ?? {});

  function tools(shown) {
    const choice = (name, action) => button(t(name), () => action(), { class: "plain small", "aria-pressed": String(shown === name) });
    return el("section", { class: "document-tools" },
      el("div", { class: "choices" }, choice("text", text), choice("chunks", chunks), choice("versions", versions),
        drop && button(t("delete"), () => drop(live).catch(app.fail), { class: "plain small danger-words" })),
      metadata.length ? el("details", { open: metadata.length <= 6 }, el("summary", {}, t("metadata")), el("div", { class: "metadata", tabindex: "0", role: "region", "aria-label": t("metadata") },
        el("dl", { class: "pairs" }, metadata.map(([name, value]) =>
          el("div", {}, el("dt", {}, nodesOf(name)), el("dd", { dir: "auto" }, nodesOf(typeof value === "string" ? value : JSON.stringify(value)))))))) : null);
  }

  const show = (shown, request) => app.source({ ...live, spans: [], more: tools(shown), ...request }).catch(app.fail);
  const text = (request = {}) => show("text", request);

  /** As search has them: the service tells a document's chunks by what they say. */
  function chunks() {
    return show("chunks", { content: async () => {
      const filter = { _id: live.document_id };
      const { hits } = await post("/v1/search", { corpus, query: (live.title || live.document_id).slice(0, 500), mode: "dense", k: MAX_CHUNKS, filter });
      const found = hits.sort((one, two) => one.start - two.start);
      return [el("p", { class: "quiet" }, plural("chunks_n", found.length), found.length === MAX_CHUNKS ? ` ${t("chunks_first")}` : ""),
        el("ol", { class: "chunks" }, found.map((each) => el("li", {}, button([
          el("span", { class: "source-title", dir: "auto" }, nodesOf(each.headings.join(" › ") || live.title),
            el("span", { class: "page-number" }, each.page ? `${t("page", { n: each.page })}, ` : "", t("characters_of", { start: number(each.start), end: number(each.end) }))),
          el("span", { class: "source-quote", dir: "auto" }, nodesOf(each.text.slice(0, 400)))],
        () => text({ ...live, page: each.page, spans: [each] }), { class: "source-row" }))))];
    } });
  }

  function versions() {
    return show("versions", { content: async () => {
      const found = await versionsOf(corpus, live);
      return el("ol", { class: "versions", "aria-label": t("versions") }, found.map((each, at) => {
        const older = found[at + 1];
        const words = t("version_at", { version: each.version.slice(0, 8), time: time(each.ingested_at), commit: each.commit });
        return el("li", {}, button(words, () => text(each), { class: "link" }),
          older ? button(t("what_changed"), () => compare(older, each), { class: "plain small", "aria-label": t("what_changed_at", { commit: each.commit }) })
            : el("span", { class: "quiet small" }, t("version_first")));
      }));
    } });
  }

  function compare(older, newer) {
    return show("versions", { version: newer.version, content: () => changes(corpus, older, newer, versions) });
  }
  return text();
}

/** The versions that a document had, latest first: each tells which commit made it live, and was so until then. */
async function versionsOf(corpus, live) {
  const found = [live];
  const { commits } = await get(corpusPath(corpus, "/commits"), { limit: 1000 });
  const kept = commits.filter((each) => !each.collected);
  let older = live;
  while (older && found.length < MAX_VERSIONS) {
    const before = kept.find((each) => each.commit < older.commit);
    older = before ? await get(corpusPath(corpus, "/document"), { id: live.document_id, at: before.commit }).catch(absent) : null;
    if (older) found.push(older);
  }
  return found;
}

/** There was no such document then, or what was then is collected. */
function absent(error) {
  if (error.status === 404 || error.status === 410) return null;
  throw error;
}

async function changes(corpus, older, newer, back) {
  const head = el("p", { class: "choices" }, button(`← ${t("versions")}`, back, { class: "plain small" }),
    el("span", { class: "quiet small" }, t("compared", { older: older.version.slice(0, 8), newer: newer.version.slice(0, 8) })));
  if (older.version === newer.version) return [head, el("p", {}, t("compared_same"))];
  if (Math.max(older.characters, newer.characters) > MAX_COMPARED) return [head, el("p", {}, t("compared_too_long"))];
  const of = (each) => get(corpusPath(corpus, "/text"), { document_id: each.document_id, version: each.version });
  const [before, after] = await Promise.all([of(older), of(newer)]);
  const rows = lineDifference(before.text, after.text);
  const many = (kind) => rows.filter((each) => each.kind === kind).length;
  const shown = shortened(rows);
  return [head, el("p", {}, plural("lines_added", many("added")), ", ", plural("lines_removed", many("removed"))),
    el("div", { class: "difference", tabindex: "0", role: "region", "aria-label": t("what_changed") }, shown.slice(0, MAX_ROWS)),
    shown.length > MAX_ROWS ? el("p", { class: "quiet" }, plural("more_n", shown.length - MAX_ROWS)) : null];
}

/** Rows as elements; of what stayed the same only some lines around a change. */
function shortened(rows) {
  const near = new Set();
  rows.forEach((each, at) => {
    if (each.kind !== "same") for (let by = -CONTEXT; by <= CONTEXT; by += 1) near.add(at + by);
  });
  const found = [];
  let left = 0;
  const tell = () => { if (left) found.push(el("p", { class: "skipped quiet small" }, plural("lines_same", left))); left = 0; };
  rows.forEach((each, at) => {
    if (!near.has(at)) { left += 1; return; }
    tell();
    found.push(line(each));
  });
  tell();
  return found;
}

function line({ kind, parts }) {
  const words = parts.map(([piece, changed]) => (changed ? el("span", { class: "changed" }, nodesOf(piece)) : nodesOf(piece)));
  return el({ same: "div", removed: "del", added: "ins" }[kind], { class: `line ${kind}`, dir: "auto" }, words);
}
