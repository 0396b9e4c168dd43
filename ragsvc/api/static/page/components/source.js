// The document beside the answer: the very characters that a statement stands on are marked and scrolled to.

import { corpusPath, get } from "../client.js";
import { hides, nodesOf, unitsOf } from "../characters.js";
import { button, el, fill, note } from "../dom.js";
import { number, plural, t } from "../language.js";
import { whereabouts } from "./places.js";

// Code points around the spans that are fetched at once: a novel is read a piece at a time.
const AROUND = 12000;

let came = null;
let latest = 0;

export function close() {
  const pane = document.getElementById("source");
  latest += 1;
  if (pane.hidden) return;
  pane.hidden = true;
  document.body.classList.remove("with-source");
  pane.replaceChildren();
  // Back to the marker from which it was opened.
  if (came?.isConnected) came.focus();
  came = null;
}

/**
 * Open a version. spans: what is marked; faint: what else of it is cited; others: what to look at besides; more: what
 * stands above the text; content: a function that gives nodes to show instead of the text.
 */
export async function open(request) {
  const pane = document.getElementById("source");
  const within = !pane.hidden;
  if (!within) came = document.activeElement;
  const turn = (latest += 1);
  pane.hidden = false;
  document.body.classList.add("with-source");
  pane.setAttribute("aria-label", t("source"));
  fill(pane, head(request), request.more ?? null, el("p", { class: "state" }, t("loading")));
  const spans = request.spans ?? [];
  let drawn = null;
  const first = spans.length ? Math.min(...spans.map((each) => each.start)) : 0;
  const last = spans.length ? Math.max(...spans.map((each) => each.end)) : 0;
  let piece;
  let content;
  try {
    if (request.content) content = await request.content();
    const live = await liveDocument(request);
    // Of a version of before the length is not told: it is read to its end.
    request = { ...request, length: live?.version === request.version ? live.characters : null, changed: live?.version !== request.version };
    if (!content) piece = await text(request, Math.max(0, first - AROUND), last + AROUND);
    // What is kept of an answer does not say where the original has its quotes; the document does.
    if (piece?.places?.length) request = { ...request, spans: await Promise.all(spans.map((each) => placed(request, each))) };
    const places = (request.spans ?? []).flatMap((each) => each.places ?? []);
    if (places.some((each) => each.bbox)) drawn = (await import("./sheets.js")).sheets(places);
  } catch (error) {
    if (turn === latest) fill(pane, head(request), request.more ?? null, el("p", { class: "state wrong", role: "alert" }, [error.message, error.hint].filter(Boolean).join(" — ")));
    return;
  }
  // Another one was opened meanwhile, or this one closed.
  if (turn !== latest) return;
  if (content) fill(pane, head(request), request.more ?? null, content);
  else show(pane, request, piece, drawn);
  // Who chose something else within the pane stays where that was.
  const stay = within ? pane.querySelector('[aria-pressed="true"]') : null;
  (stay ?? pane.querySelector("#source-title")).focus({ preventScroll: true });
}

/** The document as it is now; null when it is gone. */
async function liveDocument(request) {
  try {
    return await get(corpusPath(request.corpus, "/document"), { id: request.document_id });
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function text(request, start, wanted) {
  const end = request.length === null ? null : Math.min(wanted, request.length);
  return get(corpusPath(request.corpus, "/text"), { document_id: request.document_id, version: request.version, start, end });
}

async function placed(request, span) {
  return span.places ? span : { ...span, places: (await text(request, span.start, span.end)).places };
}

function head(request) {
  const title = request.title || request.document_id;
  return el("div", { class: "source-head" },
    el("div", {},
      el("h2", { id: "source-title", tabindex: "-1", dir: "auto" }, nodesOf(title)),
      el("p", { class: "quiet", dir: "auto" }, nodesOf(request.source && request.source !== title ? request.source : request.document_id)),
      el("p", { class: "facts" }, facts(request))),
    button("×", () => close(), { class: "tool", "aria-label": t("close"), title: `${t("close")} (Esc)` }));
}

function facts(request) {
  const found = [];
  const where = whereabouts(request);
  if (where) found.push(el("span", { class: "chip" }, where));
  for (const span of request.spans ?? []) found.push(el("span", { class: "chip" }, t("characters_of", { start: number(span.start), end: number(span.end) })));
  found.push(el("span", { class: "chip", title: request.version }, t("version", { version: request.version.slice(0, 8) })));
  if (request.changed) found.push(el("span", { class: "flag" }, t("changed_since")));
  if (request.hidden) found.push(el("span", { class: "flag" }, t("hidden_signs")));
  return found;
}

function show(pane, request, piece, drawn) {
  const body = el("div", { class: "source-text", dir: "auto", tabindex: "0", role: "region", "aria-label": t("text") });
  let { start, end } = piece;
  let held = piece.text;
  const earlier = button(t("earlier"), () => extend(true).catch(complain), { class: "plain small" });
  const later = button(t("later"), () => extend(false).catch(complain), { class: "plain small" });
  const flagged = el("p", { class: "flag block" }, t("hidden_signs_more"));

  function paint() {
    fill(body, pieces(held, start, request));
    flagged.hidden = !hides(held);
    earlier.hidden = start === 0;
    later.hidden = request.length === null || end >= request.length;
  }

  function complain(error) { note(error.message, "error"); }

  async function extend(back) {
    const more = back ? await text({ ...request, length: start }, Math.max(0, start - AROUND), start) : await text(request, end, end + AROUND);
    const height = body.scrollHeight;
    if (back) { held = more.text + held; start = more.start; } else { held += more.text; end = more.end; }
    paint();
    if (back) pane.scrollTop += body.scrollHeight - height;
  }

  fill(pane, head(request), request.more ?? null, drawn, flagged, earlier, body, later, beside(request.others));
  paint();
  const mark = body.querySelector("mark.exact");
  if (mark) mark.scrollIntoView({ block: "center" }); else pane.scrollTop = 0;
}

/** The text as nodes; spans count code points of the version, `start` is where the text begins in it. */
function pieces(words, start, request) {
  const spans = [...(request.spans ?? []).map((each) => ({ ...each, kind: "exact" })),
    ...(request.faint ?? []).map((each) => ({ ...each, kind: "faint" }))];
  const edges = [...new Set([0, Number.MAX_SAFE_INTEGER, ...spans.flatMap((each) => [each.start - start, each.end - start])])]
    .filter((each) => each >= 0).sort((one, two) => one - two);
  const units = unitsOf(words, edges);
  const nodes = [];
  let run = null;
  for (let at = 0; at + 1 < edges.length; at += 1) {
    const part = nodesOf(words.slice(units[at], units[at + 1]));
    const over = spans.filter((each) => each.start - start <= edges[at] && each.end - start >= edges[at + 1]);
    const kind = over.some((each) => each.kind === "exact") ? "exact" : over.length ? "faint" : null;
    // Spans that overlap are one mark, so that what is marked reads on.
    if (kind && run?.className === kind) { run.append(...part); continue; }
    run = kind ? el("mark", { class: kind }, part) : null;
    nodes.push(...(run ? [run] : part));
  }
  return nodes;
}

function beside(others) {
  if (!others) return null;
  return [section(t("cited_beside"), others.cited), section(t("read_beside"), others.read)];
}

function section(title, rows) {
  if (!rows.length) return null;
  return el("section", { class: "beside" }, el("h3", {}, title, el("span", { class: "quiet" }, ` ${plural("n", rows.length)}`)),
    el("ul", {}, rows.map((each) => el("li", {}, button([
      each.label ? el("span", { class: "marker still", "aria-hidden": "true" }, each.label.slice(1, -1)) : null,
      el("span", { class: "source-words" },
        el("span", { class: "source-title", dir: "auto" }, nodesOf(each.title), each.where ? el("span", { class: "page-number" }, each.where) : null),
        el("span", { class: "source-quote", dir: "auto" }, nodesOf(each.words.replace(/\s+/gu, " ").slice(0, 160))))],
    each.open, { class: "source-row", "aria-current": each.current ? "true" : null })))));
}
