// One turn: the question, the answer as it is written, and what each statement of it stands on.

import { hides, nodesOf, slice } from "../characters.js";
import { announce, button, el, fill, note } from "../dom.js";
import { number, plural, t } from "../language.js";
import { render } from "../markdown.js";
import { feedback } from "./feedback.js";
import { whereabouts } from "./places.js";

// As the service says that an answer is a part of something, at its end: "2 of 25 rows are shown."
const PART = /\b\d+ of \d+ (?:rows are shown|statements of the document)\./u;
const NOTE_CHARS = 80;

export class AnswerCard {
  constructor(app, turn) {
    this.app = app;
    this.turn = turn;
    this.text = "";
    this.cited = [];
    this.read = [];
    this.state = el("p", { class: "state" }, el("span", { class: "dots", "aria-hidden": "true" }), t("reading"));
    this.body = el("div", { class: "prose" });
    this.more = el("div", { class: "more" });
    this.element = el("article", { class: "turn" },
      el("h2", { class: "asked", dir: "auto" }, nodesOf(turn.question || t("not_kept"))),
      el("div", { class: "answer", "aria-busy": "true" }, this.state, this.body, this.more));
  }

  /** The card of a turn that was answered before. */
  static of(app, turn) {
    const card = new AnswerCard(app, turn);
    card.show(turn.answer);
    return card;
  }

  passages(found) {
    this.read = found;
    this.state.lastChild.textContent = plural("passages_read", found.length);
  }

  token(text) {
    this.text += text;
    this.state.hidden = true;
    // Once a frame is enough, however fast the words come.
    this.frame ??= requestAnimationFrame(() => { this.frame = null; if (!this.turn.answer) this.write(); });
  }

  citation(found) {
    this.cited.push(found);
    this.token("");
  }

  done(answer) {
    this.show(answer);
    announce(answer.answered ? `${t("answer")}: ${answer.answer}` : `${t("not_answered")} ${answer.answer}`);
  }

  stopped() { this.end(t("stopped")); }

  /** again: asks once more. */
  failed(error, again) {
    this.end([error.message, error.hint].filter(Boolean).join(" — "));
    fill(this.more, el("p", {}, button(t("again"), again, { class: "plain small" })));
    this.state.className = "state wrong";
    this.state.setAttribute("role", "alert");
  }

  end(words) {
    this.state.hidden = false;
    fill(this.state, words);
    this.element.querySelector(".answer").setAttribute("aria-busy", "false");
  }

  write() {
    const markers = new Set(this.cited.map((each) => each.marker));
    fill(this.body, render(this.text, markers, (marker) => this.open(marker)));
  }

  show(answer) {
    this.text = answer.answer;
    this.cited = answer.citations;
    this.read = answer.passages ?? [];
    this.state.hidden = true;
    const box = this.element.querySelector(".answer");
    box.setAttribute("aria-busy", "false");
    box.classList.toggle("refused", answer.answered === false);
    this.write();
    if (!this.text) fill(this.body, el("p", { class: "quiet" }, t("not_kept")));
    fill(this.more, this.rest(answer), this.unsupported(answer), this.refusal(answer), this.sources(), this.foot(answer));
    if (answer.answered === false) this.body.before(el("p", { class: "refused-head" }, t("not_answered")));
  }

  /** Sentences that no passage bears out are named: they are the ones to check. */
  unsupported(answer) {
    // A record of before tells only how many there were.
    if (typeof answer.unsupported === "number" && answer.unsupported) return el("p", { class: "caution" }, plural("unsupported", answer.unsupported));
    if (!answer.unsupported?.length) return null;
    const rows = answer.unsupported.map((span) => el("li", { dir: "auto" }, nodesOf(slice(answer.answer, span.start, span.end))));
    return el("div", { class: "caution" }, el("p", {}, plural("unsupported", rows.length)), el("ul", {}, rows));
  }

  /** An answer that says itself how much of a table or a text it shows leads to the rest. */
  rest(answer) {
    if (!this.cited.length || !PART.test(answer.answer.slice(-NOTE_CHARS))) return null;
    return el("p", {}, button(t("show_rest"), () => this.openRest(), { class: "plain small" }));
  }

  openRest() {
    const first = this.cited[0];
    const of = (each) => each.version === first.version && each.document_id === first.document_id;
    this.app.source({ ...first, corpus: first.corpus ?? this.turn.corpus, spans: this.cited.filter(of), faint: this.read.filter(of),
      others: this.beside(first) }).catch(this.app.fail);
  }

  refusal(answer) {
    if (answer.answered !== false || !this.read.length) return null;
    return el("section", { class: "closest" }, el("h3", {}, t("closest")), this.read.slice(0, 5).map((hit) => passage(hit, () => this.openPassage(hit))));
  }

  /** A row a marker and document, however many spans it stands on. */
  sources() {
    if (!this.cited.length) return null;
    const groups = new Map();
    for (const each of this.cited) {
      const key = JSON.stringify([each.marker, each.corpus ?? "", each.document_id]);
      groups.set(key, [...(groups.get(key) ?? []), each]);
    }
    const rows = [...groups.values()].map((spans) => {
      const [each] = spans;
      const quotes = spans.map((one) => one.quote).join(" … ");
      return el("li", {}, button([
        el("span", { class: "marker still" }, String(each.marker)),
        el("span", { class: "source-words" },
          el("span", { class: "source-title", dir: "auto" }, nodesOf(each.title || each.document_id), place(each)),
          el("span", { class: "source-quote", dir: "auto" }, nodesOf(shortened(quotes))),
          spans.some((one) => one.hidden) ? el("span", { class: "flag" }, t("hidden_signs")) : null)],
      () => this.openCitation(this.cited.indexOf(each), (one) => spans.includes(one)), { class: "source-row" }));
    });
    return el("section", { class: "sources", "aria-label": t("sources") }, el("ol", {}, rows));
  }

  foot(answer) {
    const facts = [];
    if (answer.confidence !== undefined) facts.push(t("confidence", { n: number(Math.round(answer.confidence * 100)) }));
    if (answer.searched) facts.push(t("searched", { words: answer.searched }));
    if (answer.corpus) facts.push(answer.commit ? t("from", { corpus: answer.corpus, commit: answer.commit }) : answer.corpus);
    return el("footer", { class: "answer-foot" },
      button(t("copy"), () => this.copy(), { class: "plain small" }),
      feedback(this.app, answer.record),
      el("span", { class: "quiet facts", dir: "auto" }, facts.join(" · ")));
  }

  async copy() {
    const rows = this.cited.map((each) =>
      `[${each.marker}] ${each.title || each.document_id} — ${each.source || each.document_id}${whereabouts(each) ? `, ${whereabouts(each)}` : ""}, ${each.start}-${each.end}: “${each.quote}”`);
    try {
      await navigator.clipboard.writeText([this.text, ...rows].join("\n\n"));
      note(t("copied"));
    } catch {
      note(t("not_copied"), "error");
    }
  }

  open(marker) {
    const at = this.cited.findIndex((each) => each.marker === marker);
    // A marker may stand on several spans: all of them in the document are marked.
    if (at >= 0) this.openCitation(at, (each) => each.marker === marker);
  }

  /** What is chosen is marked in the document; what else of it the answer cites too, more faintly. */
  openCitation(at, along = () => false) {
    const chosen = this.cited[at];
    const own = this.cited.filter((each) => each.version === chosen.version && each.document_id === chosen.document_id);
    const exact = (each) => each === chosen || along(each);
    this.app.source({ ...chosen, corpus: chosen.corpus ?? this.turn.corpus, spans: own.filter(exact),
      faint: own.filter((each) => !exact(each)), others: this.beside(chosen) }).catch(this.app.fail);
  }

  openPassage(hit) {
    this.app.source({ ...hit, spans: [hit], faint: [], others: this.beside(hit) }).catch(this.app.fail);
  }

  /** What else can be looked at from the source's pane. */
  beside(chosen) {
    const cited = this.cited.map((each, at) => ({ label: `[${each.marker}]`, title: each.title || each.document_id, words: each.quote,
      where: whereabouts(each), current: each === chosen, open: () => this.openCitation(at) }));
    const read = this.read.map((hit) => ({ label: "", title: hit.title || hit.document_id, words: hit.text, where: whereabouts(hit),
      current: hit === chosen, open: () => this.openPassage(hit) }));
    return { cited, read };
  }
}

export function passage(hit, open) {
  return button([el("span", { class: "source-title", dir: "auto" }, nodesOf(hit.title || hit.document_id), place(hit)),
    el("span", { class: "source-quote", dir: "auto" }, nodesOf(shortened(hit.text))),
    hides(hit.text) ? el("span", { class: "flag" }, t("hidden_signs")) : null], open, { class: "source-row" });
}

function place(each) {
  const words = whereabouts(each);
  return words ? el("span", { class: "page-number" }, words) : null;
}

function shortened(words) {
  const flat = words.replace(/\s+/gu, " ").trim();
  const cut = slice(flat, 0, 220);
  return cut.length < flat.length ? `${cut}…` : flat;
}
