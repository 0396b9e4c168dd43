// A filter by metadata from rows of field, operator and value: nobody has to write JSON.

import { corpusPath, get } from "../client.js";
import { button, el, fill } from "../dom.js";
import { t } from "../language.js";

// Of so many documents the fields and values are offered; any other can be typed.
const LOOKED_AT = 200;
const OFFERED = 100;
const OPERATORS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$all", "$exists"];

/** A value as it is meant: a number, true or false, a list where the operator takes one, else the text. */
export function valueOf(operator, words) {
  if (operator === "$exists") return words.trim() !== "false";
  if (["$in", "$nin", "$all"].includes(operator)) return words.split(",").map((each) => scalar(each.trim())).filter((each) => each !== "");
  return scalar(words.trim());
}

function scalar(words) {
  // In quotes, a number is text.
  if (/^".*"$/u.test(words)) return words.slice(1, -1);
  if (words === "true" || words === "false") return words === "true";
  return /^-?\d+(\.\d+)?$/u.test(words) ? Number(words) : words;
}

/** The filter of some rows, all of which must hold; null for none. */
export function filterOf(rows) {
  const parts = rows.filter((row) => row.field.trim() && (row.operator === "$exists" || row.value.trim()))
    .map((row) => ({ [row.field.trim()]: { [row.operator]: valueOf(row.operator, row.value) } }));
  if (!parts.length) return null;
  return parts.length === 1 ? parts[0] : { $and: parts };
}

/** Fields of some documents, each with the values that they have there; what is in a list counts by itself. */
function fieldsOf(documents) {
  const found = new Map([["_type", new Set()], ["_mentions", new Set()]]);
  for (const each of documents) {
    found.get("_type").add(each.media_type);
    for (const [name, value] of Object.entries(each.metadata ?? {})) {
      if (!found.has(name)) found.set(name, new Set());
      for (const one of [value].flat()) if (["string", "number", "boolean"].includes(typeof one)) found.get(name).add(String(one));
    }
  }
  return found;
}

/** app: whose corpus says what there is to choose from. */
export function filterForm(app) {
  const rows = [];
  const fields = el("datalist", { id: "filter-fields" });
  let known = new Map();
  let looked = null;

  /** What cannot be had is not offered: typing goes on without it. */
  async function offer() {
    if (!app.corpus || looked === app.corpus) return;
    looked = app.corpus;
    const page = await get(corpusPath(app.corpus, "/documents"), { limit: LOOKED_AT }).catch(() => ({ documents: [] }));
    known = fieldsOf(page.documents);
    options(fields, known.keys());
  }

  function options(list, words) {
    fill(list, [...words].slice(0, OFFERED).map((each) => el("option", { value: each })));
  }
  let open = false;
  let box = null;
  let toggle = null;

  function paint() {
    if (!box) return;
    box.hidden = !open;
    fill(box, el("legend", {}, t("filter_help")), fields, rows.map(line),
      button(t("filter_add"), () => { add(); last(); }, { class: "plain small" }));
    count();
  }

  function count() {
    if (!toggle) return;
    const used = filterOf(rows) === null ? 0 : rows.length;
    toggle.textContent = used ? `${t("filter")} (${used})` : t("filter");
    toggle.setAttribute("aria-expanded", String(open));
  }

  function last() { box.querySelector(".filter-row:last-of-type input")?.focus(); }

  function add() { rows.push({ field: "", operator: "$eq", value: "" }); paint(); }

  function line(row) {
    const set = (name) => (event) => { row[name] = event.target.value; count(); };
    const values = el("datalist", { id: `filter-values-${rows.indexOf(row)}` });
    const value = el("input", { type: "text", list: values.id, value: row.value, "aria-label": t("filter_value"), placeholder: t("filter_value"), autocomplete: "off",
      on: { input: set("value"), focus: () => options(values, known.get(row.field.trim()) ?? []) } });
    const operator = el("select", { "aria-label": t("filter_operator"), on: { change: set("operator") } },
      OPERATORS.map((each) => el("option", { value: each, selected: each === row.operator }, t(`operator.${each}`))));
    return el("div", { class: "filter-row" },
      el("input", { type: "text", list: fields.id, value: row.field, "aria-label": t("filter_field"), placeholder: t("filter_field"), autocomplete: "off",
        on: { input: set("field"), focus: () => offer() } }),
      operator, value, values,
      button("×", () => { rows.splice(rows.indexOf(row), 1); if (!rows.length) open = false; paint(); }, { class: "tool", "aria-label": t("filter_remove") }));
  }

  return {
    element() { box = el("fieldset", { class: "filter", id: "filter" }); paint(); return box; },
    button() {
      toggle = button("", () => { open = !open; if (open && !rows.length) add(); else paint(); if (open) last(); }, { class: "plain small", "aria-controls": "filter" });
      count();
      return toggle;
    },
    value: () => filterOf(rows),
    set(made) { rows.splice(0, rows.length, ...made); open = true; paint(); count(); },
  };
}
