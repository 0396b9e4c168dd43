// Commits and tags of a corpus, and the way back.

import { corpusPath, get, post, put, remove } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el, fill, labelled, note } from "../dom.js";
import { named, number, plural, t, time } from "../language.js";
import { confirmed, dialog } from "./dialog.js";

const PAGE = 20;
const TAG = "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}";

export async function draw(app, main) {
  if (!app.corpus) { fill(main, el("div", { class: "page" }, el("h1", {}, t("view.history")), el("p", { class: "empty" }, t("no_corpus")))); return; }
  const corpus = app.corpus;
  const box = el("div");
  fill(main, el("div", { class: "page" }, el("h1", {}, t("history_of", { corpus })), el("p", { class: "quiet" }, t("history_help")), box));

  async function load(before = null, known = []) {
    const page = await get(corpusPath(corpus, "/commits"), { limit: PAGE, before });
    const commits = [...known, ...page.commits];
    fill(box, commits.length ? el("ol", { class: "commits" }, commits.map((each, at) => row(each, at === 0))) : el("p", { class: "empty" }, t("no_commits")),
      page.next_before ? button(t("more"), () => load(page.next_before, commits).catch(app.fail), { class: "plain" }) : null);
  }

  function row(commit, head) {
    const stats = Object.entries(commit.stats).filter(([, value]) => typeof value === "number" && value !== 0)
      .map(([name, value]) => `${named("count", name)} ${number(value)}`).join(" · ");
    return el("li", { class: "commit", "data-commit": String(commit.commit) },
      el("div", { class: "commit-words" },
        el("p", { class: "commit-head" }, el("strong", {}, t("commit", { n: commit.commit })), named("commit_kind", commit.kind),
          head ? el("span", { class: "badge done" }, t("head")) : null, commit.tags.map(tag),
          commit.collected ? el("span", { class: "badge" }, t("collected")) : null),
        el("p", { class: "quiet" }, `${time(commit.created_at)} · ${commit.principal}${stats ? ` · ${stats}` : ""}`)),
      commit.collected ? null : el("div", { class: "choices" },
        button(t("tag"), () => name(commit).catch(app.fail), { class: "plain small", "aria-label": t("tag_of", { n: commit.commit }) }),
        head ? null : button(t("rollback"), () => back(commit).catch(app.fail), { class: "plain small", "aria-label": t("rollback_of", { n: commit.commit }) })));
  }

  function tag(words) {
    return el("span", { class: "badge tag" }, nodesOf(words),
      button("×", () => untag(words).catch(app.fail), { class: "tool tiny", "aria-label": t("untag", { tag: words }) }));
  }

  async function name(commit) {
    const field = el("input", { type: "text", pattern: TAG, maxlength: "64", autocomplete: "off", spellcheck: "false" });
    const answer = await dialog(t("tag_of", { n: commit.commit }), [labelled(t("name"), field), el("p", { class: "quiet" }, t("tag_help"))],
      [[t("cancel"), "plain", false], [t("save"), "primary", true]]);
    if (!answer || !field.value.trim()) return;
    await put(corpusPath(corpus, `/tags/${encodeURIComponent(field.value.trim())}`), { at: commit.commit });
    await load();
  }

  async function untag(words) {
    if (!await confirmed(t("untag", { tag: words }), t("untag_more"), t("delete"), t("cancel"))) return;
    await remove(corpusPath(corpus, `/tags/${encodeURIComponent(words)}`));
    await load();
  }

  async function back(commit) {
    const words = t("rollback_sure", { corpus, n: commit.commit, time: time(commit.created_at) });
    if (!await confirmed(t("rollback_of", { n: commit.commit }), words, t("rollback"), t("cancel"), "primary")) return;
    const done = await post(corpusPath(corpus, "/rollback"), { to: commit.commit });
    const changed = done.documents.added + done.documents.changed + done.documents.removed;
    note(t("rolled_back", { n: done.to, changed: plural("documents_n", changed), previous: done.previous }));
    await app.reload();
    await load();
  }
  await load();
}
