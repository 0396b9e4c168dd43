// What is asked, day by day: six plots, and the same figures as a table.

import { get } from "../client.js";
import { el, fill, labelled, table } from "../dom.js";
import { day, number, percent, plural, t } from "../language.js";
import { byDay, joined, lastDays } from "../usage.js";

const PERIODS = [7, 30, 90];

/** Each plot: its name, its lines, the range of its values where that is known, and how they are written. */
const PLOTS = [
  { name: "questions", lines: ["questions"], bars: true, range: null, shown: number },
  { name: "unanswered", lines: ["unanswered"], range: [0, 1.02], shown: percent },
  { name: "support", lines: ["support"], range: [0, 1.02], shown: percent },
  { name: "score", lines: ["score"], range: [-1.05, 1.05], shown: number },
  { name: "latency", lines: ["p50", "p95"], range: null, shown: milliseconds },
  { name: "far", lines: ["far"], range: [0, 1.02], shown: percent },
];
const CELLS = { questions: number, unanswered: percent, far: percent, support: percent, feedback: number, score: number, p50: milliseconds, p95: milliseconds };

let period = 30;
let chosen = "";

export function usage(app, leaving) {
  const periods = el("select", { id: "usage-days", on: { change: () => { period = Number(periods.value); load().catch(app.fail); } } },
    PERIODS.map((each) => el("option", { value: String(each), selected: each === period }, plural("days_n", each))));
  const corpora = el("select", { id: "usage-corpus", on: { change: () => { chosen = corpora.value; paint().catch(app.fail); } } });
  const box = el("div", { class: "usage", "aria-live": "polite" });
  const element = el("section", { class: "panel", id: "usage" }, el("h2", {}, t("usage")),
    el("div", { class: "choices" }, labelled(t("period"), periods, { class: "field inline" }), labelled(t("corpus"), corpora, { class: "field inline" })), box);
  let rows = [];
  let plots = [];

  function end() {
    plots.forEach((each) => each.end());
    plots = [];
  }

  async function load() {
    rows = (await get("/v1/usage", { days: period })).usage;
    const names = [...new Set(rows.map((each) => each.corpus))].sort();
    if (!names.includes(chosen)) chosen = "";
    fill(corpora, el("option", { value: "" }, t("all_corpora")), names.map((each) => el("option", { value: each, selected: each === chosen }, each)));
    await paint();
  }

  async function paint() {
    const days = byDay(rows, lastDays(period), chosen || null);
    const total = joined(rows.filter((each) => !chosen || each.corpus === chosen));
    end();
    if (!total.questions) {
      fill(box, el("p", { class: "empty" }, t(app.features.sessions ? "usage_none" : "usage_off")));
      return;
    }
    const { plot, styled } = await import("./plot.js");
    await styled();
    const labels = days.map((each) => day(each.day));
    const canvases = PLOTS.map((each) => el("div", { class: "plot", role: "img", "aria-label": described(each, days) }));
    fill(box, counts(total), el("div", { class: "plots" }, PLOTS.map((each, at) => figure(each, canvases[at], days))), asTable(days));
    plots = PLOTS.flatMap((each, at) => (canvases[at].isConnected ? plot(canvases[at], { days: labels, range: each.range, shown: each.shown,
      lines: each.lines.map((name) => ({ bars: each.bars, values: days.map((one) => one[name]) })) }) : []));
    plots.forEach((each) => each.draw());
  }

  // Canvases do not follow style sheets: they are drawn anew in the other theme.
  const again = () => plots.forEach((each) => each.draw());
  const themes = new MutationObserver(again);
  themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", again);
  leaving(() => { themes.disconnect(); system.removeEventListener("change", again); end(); });
  return { element, load };
}

/** A plot with its name; the picture itself is described for those who do not see it. */
function figure(each, canvas, days) {
  const empty = days.every((one) => each.lines.every((name) => one[name] === null));
  const legend = each.lines.length > 1 ? el("p", { class: "legend quiet small" }, each.lines.map((name, at) => el("span", { class: `key key-${at}` }, t(`usage.${name}`)))) : null;
  const note = each.name === "latency" && !chosen ? el("p", { class: "quiet small" }, t("usage_slowest")) : null;
  return el("figure", { "data-plot": each.name }, el("figcaption", {}, el("strong", {}, t(`usage.${each.name}`)),
    el("span", { class: "quiet small" }, t(`usage.${each.name}.help`)), legend, note),
    empty ? el("p", { class: "quiet" }, t("usage_no_value")) : canvas);
}

function described(each, days) {
  const parts = each.lines.map((name) => {
    const told = days.filter((one) => one[name] !== null);
    if (!told.length) return `${t(`usage.${name}`)}: ${t("usage_no_value")}`;
    const values = told.map((one) => one[name]);
    return t("usage_described", { name: t(`usage.${name}`), least: each.shown(Math.min(...values)), most: each.shown(Math.max(...values)),
      last: each.shown(values.at(-1)), day: day(told.at(-1).day) });
  });
  return parts.join(" ");
}

function counts(total) {
  const shown = ["questions", "unanswered", "far", "support", "feedback", "score"].filter((name) => total[name] !== null);
  return el("dl", { class: "counts" }, shown.map((name) => el("div", { class: "count" }, el("dt", {}, t(`usage.${name}`)), el("dd", {}, CELLS[name](total[name])))));
}

/** Every day on which something was asked, latest first. */
function asTable(days) {
  const names = Object.keys(CELLS);
  const told = days.filter((each) => each.questions > 0).reverse();
  return el("details", {}, el("summary", {}, t("as_table")), table(t("usage"), [t("day"), ...names.map((name) => t(`usage.${name}`))],
    told.map((each) => [day(each.day), ...names.map((name) => (each[name] === null ? "–" : CELLS[name](each[name])))])));
}

function milliseconds(value) {
  return value >= 1000 ? t("seconds", { n: number(Math.round(value / 100) / 10) }) : t("milliseconds", { n: number(Math.round(value)) });
}
