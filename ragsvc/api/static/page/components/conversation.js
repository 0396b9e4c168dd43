// Asking: the turns so far, the field for the next question, and beside them earlier conversations.

import { answerEvents, post } from "../client.js";
import { slice } from "../characters.js";
import { announce, button, el, fill } from "../dom.js";
import { language, number, plural, t } from "../language.js";
import { draft, keepDraft } from "../preferences.js";
import { AnswerCard } from "./answer.js";
import { filterForm } from "./filter.js";
import { sessions } from "./sessions.js";

const MAX_HISTORY = 20;

/** The turns of the conversation in hand; they outlive a change of view. */
let talk = { turns: [], session: null, ...draft() };
let running = null;
let filter = null;

/** Ask only documents that match these conditions, as rows of the filter's form. */
export function narrow(app, rows) {
  filter ??= filterForm(app);
  filter.set(rows);
  app.go("ask");
}

export async function draw(app, main, leaving) {
  const turns = el("div", { class: "turns", id: "turns" });
  const question = el("textarea", { id: "question", rows: "1", placeholder: t("question_hint"), "aria-label": t("question"),
    autocomplete: "off", maxlength: "20000" });
  const send = el("button", { type: "submit", class: "primary", id: "send" }, t("ask"));
  filter ??= filterForm(app);
  const form = el("form", { class: "composer", on: { submit: (event) => { event.preventDefault(); submit(); } } },
    filter.element(), el("div", { class: "composer-row" }, question, send),
    el("div", { class: "composer-foot" }, filter.button(), newButton(), el("span", { class: "quiet hint" }, t("send_hint"))));
  fill(main, el("div", { class: "talk" }, turns, form));
  leaving(() => running?.abort());

  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
  });
  question.addEventListener("input", () => {
    question.rows = Math.min(8, question.value.split("\n").length);
  });
  const bar = app.features.sessions ? sessions(app, { current: () => talk.session, open: resume, fresh }, leaving) : null;
  drawTurns();
  await bar?.draw();
  if (matchMedia("(min-width: 800px)").matches) question.focus();

  function newButton() {
    return button(t("new"), fresh, { id: "new", class: "plain small" });
  }

  function fresh() {
    running?.abort();
    talk = { turns: [], session: null };
    keepDraft(null);
    drawTurns();
    bar?.draw();
    question.focus();
  }

  function resume(session, records) {
    talk = { session, turns: records };
    keepDraft(talk);
    drawTurns();
  }

  function drawTurns() {
    fill(turns, talk.turns.length ? talk.turns.map((turn) => AnswerCard.of(app, turn).element) : welcome(app, (words) => {
      question.value = words;
      submit();
    }));
    turns.lastElementChild?.scrollIntoView({ block: "end" });
  }

  async function submit() {
    if (running) { running.abort(); return; }
    const asked = question.value.trim();
    if (!asked) { question.focus(); return; }
    if (!app.corpus) { app.go("upload"); return; }
    question.value = "";
    question.rows = 1;
    await ask(asked, filter.value());
  }

  async function ask(asked, where) {
    if (!talk.turns.length) turns.replaceChildren();
    const turn = { question: asked, corpus: app.corpus, answer: null };
    const card = new AnswerCard(app, turn);
    turns.append(card.element);
    card.element.scrollIntoView({ block: "start", behavior: "smooth" });
    running = new AbortController();
    send.textContent = t("stop");
    announce(t("reading"));
    try {
      await write(turn, card, where);
    } catch (error) {
      if (error.name === "AbortError") card.stopped();
      else card.failed(error, () => {
        if (running) return;
        card.element.remove();
        if (question.value === asked) question.value = "";
        ask(asked, where);
      });
      if (!question.value) question.value = asked;
    } finally {
      running = null;
      send.textContent = t("ask");
    }
  }

  async function write(turn, card, where) {
    const session = await sessionOf(turn.question);
    const body = { corpus: turn.corpus, question: turn.question };
    if (where) body.filter = where;
    if (session) body.session = session;
    const history = historyOf(talk.turns);
    if (history.length) body.history = history;
    for await (const [name, data] of events(body)) {
      if (name === "passages") card.passages(data.passages);
      else if (name === "token") card.token(data.text);
      else if (name === "citation") card.citation(data);
      else if (name === "error") throw Object.assign(new Error(data.detail), { hint: data.hint });
      else if (name === "done") {
        turn.answer = data;
        card.done(data);
        talk.turns.push(turn);
        keepDraft(talk);
        if (session) bar?.draw();
      }
    }
    if (!turn.answer) throw new Error(t("broken_off"));
  }

  /** The events of an answer; a session that is gone by now, or no longer kept, is done without. */
  async function* events(body) {
    try {
      yield* answerEvents(body, running.signal);
    } catch (error) {
      if (!body.session || !["session_not_found", "records_off"].includes(error.code)) throw error;
      talk.session = null;
      yield* answerEvents({ ...body, session: undefined }, running.signal);
    }
  }

  async function sessionOf(title) {
    if (!app.features.sessions || talk.session) return talk.session;
    try {
      talk.session = (await post("/v1/sessions", { title: slice(title, 0, 80) })).id;
    } catch (error) {
      // A service without sessions, that keeps no records, or whose disk is full, answers all the same.
      if (error.status >= 500) return null;
      if (error.status !== 404 && error.status !== 409) throw error;
      app.features.sessions = false;
      document.getElementById("side").hidden = true;
    }
    return talk.session;
  }
}

/** What was said before, as far as its text is kept. */
function historyOf(turns) {
  return turns.filter((turn) => turn.question).slice(-MAX_HISTORY).flatMap((turn) => [
    { role: "user", content: turn.question },
    { role: "assistant", content: turn.answer.answer },
  ]);
}

function welcome(app, ask) {
  const corpus = app.corpora.find((each) => each.name === app.corpus);
  if (!corpus) {
    return el("div", { class: "welcome" }, el("h1", {}, t("welcome_empty")), el("p", {}, t("welcome_empty_more")),
      el("a", { class: "primary as-button", href: "#/upload" }, t("view.upload")));
  }
  const size = plural("documents_n", corpus.documents);
  return el("div", { class: "welcome" },
    el("h1", {}, t("welcome", { corpus: corpus.name })),
    el("p", {}, t("welcome_more", { size, characters: number(corpus.characters), language: language() })),
    corpus.name === "handbook" && language() === "en" ? examples(ask) : null);
}

/** Questions for the handbook that comes with the service. */
function examples(ask) {
  const asked = ["Can chat history be stored in a database?", "How is a GAN trained, step by step?",
    "What does a Midjourney subscription cost?"];
  return el("div", { class: "examples", "aria-label": t("examples"), role: "group" },
    asked.map((words) => button(words, () => ask(words), { class: "example" })));
}
