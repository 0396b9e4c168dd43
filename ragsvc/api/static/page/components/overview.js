// The operator's view: how large each corpus is, how it is indexed, what repeats itself and what could not be read.

import { corpusPath, get, remove } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el, fill, note, table } from "../dom.js";
import { bytes, named, number, plural, t, time } from "../language.js";
import { dialog } from "./dialog.js";
import { usage } from "./usage.js";

const SHOWN = 50;

export async function draw(app, main, leaving) {
  await app.reload();
  const used = usage(app, leaving);
  const details = el("div");
  const rows = app.corpora.map((each) => [
    button(each.name, () => show(each.name).catch(app.fail), { class: "link" }), number(each.documents), number(each.chunks),
    number(each.characters), String(each.commit), time(each.created_at)]);
  fill(main, el("div", { class: "page" }, el("h1", {}, t("view.overview")),
    rows.length ? table(t("corpora"), [t("corpus"), t("documents"), t("chunks"), t("characters"), t("commit_word"), t("created")], rows, { class: "table tall" })
      : el("p", { class: "empty" }, t("no_corpus")), used.element, details,
    el("p", { class: "quiet" }, el("a", { href: "/docs" }, t("api_docs")))));
  await Promise.all([used.load(), app.corpus ? show(app.corpus) : null]);

  async function show(corpus) {
    const found = await get(corpusPath(corpus));
    const failed = el("div");
    const looked = el("div");
    fill(details, el("section", { class: "panel" }, el("h2", {}, corpus),
      el("dl", { class: "counts" }, count(t("documents"), number(found.documents)), count(t("chunks"), number(found.chunks)),
        count(t("characters"), number(found.characters)), count(t("index_size"), bytes(found.index_bytes))),
      el("dl", { class: "pairs" }, pair(t("embedder"), found.profile.embedder), pair(t("chunk_tokens"), number(found.profile.chunk_tokens)), pair(t("analyser"), found.profile.analyser)),
      el("h3", {}, t("last_commits")),
      table(t("last_commits"), [t("commit_word"), t("kind"), t("time"), t("tags")], found.commits.map((each) => [String(each.commit), named("commit_kind", each.kind), time(each.created_at), each.tags.join(", ") || "–"])),
      failed, looked,
      el("div", { class: "choices" }, button(t("view.history"), () => to("history", corpus), { class: "plain" }),
        button(t("view.documents"), () => to("documents", corpus), { class: "plain" }),
        button(t("find_duplicates"), () => duplicates(corpus, looked).catch(app.fail), { class: "plain" }),
        button(t("find_outliers"), () => outliers(corpus, looked).catch(app.fail), { class: "plain" }),
        button(t("delete_corpus"), () => drop(corpus).catch(app.fail), { class: "plain danger-words" }))));
    await failures(corpus, failed);
  }

  function to(view, corpus) {
    app.corpus = corpus;
    app.go(view);
  }

  /** Of the last jobs: what could not be read then may have been read since. */
  async function failures(corpus, box) {
    const { jobs } = await get("/v1/jobs", { corpus, limit: 10 });
    const bad = jobs.filter((job) => (job.result?.documents?.failed ?? 0) > 0).slice(0, 3);
    const full = await Promise.all(bad.map((job) => get(`/v1/jobs/${encodeURIComponent(job.id)}`)));
    const rows = full.flatMap((job) => (job.result?.failures ?? []).map((each) => [el("span", { dir: "auto" }, nodesOf(each.source)), each.error, time(job.updated_at)]));
    fill(box, el("h3", {}, t("failed_files")), rows.length ? table(t("failed_files"), [t("file"), t("what"), t("time")], rows.slice(0, SHOWN)) : el("p", { class: "quiet" }, t("no_failures")));
  }

  async function duplicates(corpus, box) {
    fill(box, el("p", { class: "state" }, t("loading")));
    const { duplicates: groups } = await get(corpusPath(corpus, "/duplicates"));
    fill(box, el("h3", {}, t("duplicates")), groups.length ? table(t("duplicates"), [t("kind"), t("similarity"), t("documents")], groups.slice(0, SHOWN).map((each) => [
      named("duplicate", each.kind), `${number(Math.round(each.similarity * 100))} %`, el("ul", {}, each.documents.map((id) => el("li", { dir: "auto" }, nodesOf(id))))]))
      : el("p", { class: "quiet" }, t("no_duplicates")), groups.length > SHOWN ? el("p", { class: "quiet" }, plural("more_n", groups.length - SHOWN)) : null);
  }

  async function outliers(corpus, box) {
    fill(box, el("p", { class: "state" }, t("loading")));
    const { outliers: found } = await get(corpusPath(corpus, "/outliers"));
    fill(box, el("h3", {}, t("outliers")), found.length ? table(t("outliers"), [t("document_word"), t("distance"), t("nearest")], found.map((each) => [
      el("span", { dir: "auto" }, nodesOf(each.document_id)), number(each.distance), el("span", { dir: "auto" }, nodesOf(each.nearest))]))
      : el("p", { class: "quiet" }, t("no_outliers")));
  }

  async function drop(corpus) {
    // What cannot be undone wants more than one click.
    const typed = el("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": t("corpus") });
    const meant = await dialog(t("delete_corpus"), [el("p", {}, t("delete_corpus_sure", { corpus })), typed], [[t("cancel"), "plain", false], [t("delete"), "danger", true]]);
    if (!meant) return;
    if (typed.value.trim() !== corpus) { note(t("not_the_name"), "error"); return; }
    await remove(corpusPath(corpus));
    note(t("deleted"));
    app.corpus = null;
    await app.reload();
    app.redraw();
  }
}

function count(name, value) {
  return el("div", { class: "count" }, el("dt", {}, name), el("dd", {}, value));
}

function pair(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}
