// Jobs: how far they are, how to stop them, and at their end the account of every file.

import { get, remove } from "../client.js";
import { nodesOf } from "../characters.js";
import { announce, button, el, fill, labelled, table } from "../dom.js";
import { named, number, plural, t, time } from "../language.js";

const FINAL = ["done", "failed", "cancelled"];
const POLL_MS = 700;
const SHOWN = 200;

export async function draw(app, main, leaving) {
  if (app.argument) {
    const box = el("div", { class: "job-box" });
    fill(main, el("div", { class: "page" }, el("p", {}, el("a", { href: "#/jobs" }, `← ${t("view.jobs")}`)), el("h1", {}, t("job")), box));
    const job = await get(`/v1/jobs/${encodeURIComponent(app.argument)}`);
    leaving(follow(app, box, job, () => app.reload()));
    return;
  }
  const only = el("select", { on: { change: () => load().catch(app.fail) } }, [el("option", { value: "" }, t("all")),
    ["queued", "running", ...FINAL].map((each) => el("option", { value: each }, named("state", each)))]);
  const box = el("div");
  fill(main, el("div", { class: "page" }, el("h1", {}, t("view.jobs")), labelled(t("state"), only, { class: "field inline" }), box));

  async function load(cursor = null, before = []) {
    const page = await get("/v1/jobs", { state: only.value, limit: 50, cursor });
    const rows = [...before, ...page.jobs];
    fill(box, rows.length ? table(t("view.jobs"), [t("corpus"), t("state"), t("progress"), t("time"), ""], rows.map((job) => [
      job.corpus, badge(job.state), `${number(job.progress.done)} / ${number(job.progress.total)}`, time(job.updated_at),
      el("a", { href: `#/jobs/${encodeURIComponent(job.id)}`, "aria-label": `${t("show")} ${job.corpus} ${time(job.updated_at)}` }, t("show"))])) : el("p", { class: "empty" }, t("no_jobs")),
    page.next_cursor ? button(t("more"), () => load(page.next_cursor, rows).catch(app.fail), { class: "plain" }) : null);
  }
  await load();
}

function badge(state) {
  return el("span", { class: `badge ${state}` }, named("state", state));
}

/** Show a job until it ends; gives what stops the looking. */
export function follow(app, box, first, ended) {
  let stopped = false;
  let timer = null;

  async function look() {
    try {
      paint(await get(`/v1/jobs/${encodeURIComponent(first.id)}`));
    } catch (error) {
      if (stopped) return;
      app.fail(error);
      // A job goes with its corpus.
      if (error.status !== 404) timer = setTimeout(look, 5 * POLL_MS);
    }
  }

  function paint(job) {
    if (stopped) return;
    const final = FINAL.includes(job.state);
    const { done, total } = job.progress;
    const bar = el("progress", { max: String(total || 1), "aria-label": t("progress"), ...(total || final ? { value: String(final && job.state === "done" ? total || 1 : done) } : {}) });
    fill(box, el("section", { class: "panel job", "data-state": job.state },
      el("div", { class: "job-head" }, el("strong", {}, job.corpus), badge(job.state), el("span", { class: "quiet" }, time(job.created_at))),
      job.state === "done" ? null : bar,
      final ? null : el("div", { class: "choices" }, el("span", { class: "quiet" }, total ? t("of", { done: number(done), total: number(total) }) : t("waiting")),
        button(t("cancel_job"), () => cancel(job).catch(app.fail), { class: "plain", id: "cancel" })),
      job.error ? el("p", { class: "wrong", role: "alert" }, [job.error.message, job.error.hint].filter(Boolean).join(" — ")) : null,
      job.state === "cancelled" ? el("p", {}, t("cancelled_more")) : null,
      job.result ? account(job) : null,
      job.state === "done" ? el("p", {}, el("a", { class: "as-button primary", href: "#/ask" }, t("ask_now"))) : null));
    if (!final) { timer = setTimeout(look, POLL_MS); return; }
    announce(`${job.corpus}: ${named("state", job.state)}`);
    Promise.resolve(ended?.()).catch(app.fail);
  }

  async function cancel(job) {
    clearTimeout(timer);
    paint(await remove(`/v1/jobs/${encodeURIComponent(job.id)}`));
  }

  paint(first);
  return () => { stopped = true; clearTimeout(timer); };
}

/** What became of every file: each is in exactly one count. */
function account(job) {
  const result = job.result;
  const counts = Object.entries(result.documents ?? {}).map(([name, count]) =>
    el("div", { class: "count" }, el("dt", {}, named("count", name)), el("dd", {}, number(count))));
  return [el("dl", { class: "counts" }, counts),
    rows(t("failed_files"), result.failures ?? [], (each) => [file(each), each.error]),
    rows(t("warnings"), result.warnings ?? [], (each) => [file(each), each.message]),
    rows(t("skipped_files"), result.skipped ?? [], (each) => [file(each), named("skip", each.code)])];
}

function file(each) {
  return el("span", { dir: "auto" }, nodesOf(each.source));
}

function rows(title, found, cells) {
  if (!found.length) return null;
  return el("details", { open: true }, el("summary", {}, `${title} (${number(found.length)})`),
    table(title, [t("file"), t("what")], found.slice(0, SHOWN).map(cells)),
    found.length > SHOWN ? el("p", { class: "quiet" }, plural("more_n", found.length - SHOWN)) : null);
}
