// Conversations of before, in the bar beside the view.

import { get, patch, remove } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el, fill, labelled } from "../dom.js";
import { t, time } from "../language.js";
import { confirmed, dialog } from "./dialog.js";

/** The bar. talk: `current` gives the session in hand, `open` shows another one, `fresh` begins anew. */
export function sessions(app, talk, leaving) {
  const side = document.getElementById("side");
  side.setAttribute("aria-label", t("sessions"));
  side.classList.add("folded");
  let left = false;
  leaving(() => { left = true; });

  async function draw(cursor = null, before = []) {
    let found;
    try {
      found = await get("/v1/sessions", { cursor });
    } catch (error) {
      if (error.status === 404) { app.features.sessions = false; side.hidden = true; return; }
      throw error;
    }
    // The bar belongs to another view, or to another showing of this one.
    if (left) return;
    const rows = [...before, ...(found.sessions ?? [])];
    side.hidden = false;
    fill(side, heading(), button(t("new"), talk.fresh, { class: "plain" }),
      rows.length ? el("ul", {}, rows.map(row)) : el("p", { class: "quiet" }, t("no_sessions")),
      found.next_cursor ? button(t("more"), () => draw(found.next_cursor, rows).catch(app.fail), { class: "plain" }) : null);
  }

  /** On a phone the bar is a line until it is asked for. */
  function heading() {
    if (!matchMedia("(max-width: 800px)").matches) { side.classList.remove("folded"); return el("h2", {}, t("sessions")); }
    const unfolded = !side.classList.contains("folded");
    const fold = button(t("sessions"), () => fold.setAttribute("aria-expanded", String(!side.classList.toggle("folded"))), { class: "fold", "aria-expanded": String(unfolded) });
    return el("h2", {}, fold);
  }

  function row(session) {
    const name = session.title || time(session.created_at);
    return el("li", {},
      button(el("span", { class: "session-words", dir: "auto" }, nodesOf(name)), () => open(session.id).catch(app.fail), { class: "session", "aria-current": session.id === talk.current() ? "true" : null }),
      button("✎", () => rename(session).catch(app.fail), { class: "tool", "aria-label": t("rename", { name }) }),
      button("×", () => drop(session, name).catch(app.fail), { class: "tool", "aria-label": t("delete_of", { name }) }));
  }

  async function open(id) {
    const session = await get(`/v1/sessions/${encodeURIComponent(id)}`);
    side.classList.add("folded");
    talk.open(id, (session.turns ?? []).map((record) => ({ question: record.question, corpus: record.corpora?.[0] ?? app.corpus, answer: answerOf(record) })));
    await draw();
  }

  async function rename(session) {
    const title = el("input", { type: "text", value: session.title ?? "", maxlength: "200" });
    if (!await dialog(t("rename", { name: session.title ?? "" }), [labelled(t("title"), title)], [[t("cancel"), "plain", false], [t("save"), "primary", true]])) return;
    await patch(`/v1/sessions/${encodeURIComponent(session.id)}`, { title: title.value.trim() });
    await draw();
  }

  async function drop(session, name) {
    if (!await confirmed(t("delete"), t("delete_session", { name }), t("delete"), t("cancel"))) return;
    await remove(`/v1/sessions/${encodeURIComponent(session.id)}`);
    if (session.id === talk.current()) talk.fresh(); else await draw();
  }
  return { draw };
}

/** A record as an answer: of what was read and cited it keeps the places; titles and texts are in the corpus. */
function answerOf(record) {
  const placed = (each) => ({ title: "", source: "", page: null, text: "", ...each });
  const [corpus] = record.corpora ?? [];
  return { ...record, citations: (record.citations ?? []).map(placed), passages: (record.passages ?? []).map(placed),
    corpus: (record.corpora ?? []).join(", "), commit: record.commits?.[corpus], record: record.id };
}
