// A filter by metadata from rows of field, operator and value: nobody has to write JSON.

import { button, el, fill } from "../dom.js";
import { t } from "../language.js";

const OPERATORS = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"];

/** A value as it is meant: a number, true or false, a list where the operator takes one, else the text. */
export function valueOf(operator, words) {
  if (operator === "$exists") return words.trim() !== "false";
  if (operator === "$in" || operator === "$nin") return words.split(",").map((each) => scalar(each.trim())).filter((each) => each !== "");
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

export function filterForm() {
  const rows = [];
  let open = false;
  let box = null;
  let toggle = null;

  function paint() {
    if (!box) return;
    box.hidden = !open;
    fill(box, el("legend", {}, t("filter_help")), rows.map(line),
      button(t("filter_add"), () => { add(); box.querySelector(".filter-row:last-of-type input")?.focus(); }, { class: "plain small" }));
    count();
  }

  function count() {
    if (!toggle) return;
    const used = filterOf(rows) === null ? 0 : rows.length;
    toggle.textContent = used ? `${t("filter")} (${used})` : t("filter");
    toggle.setAttribute("aria-expanded", String(open));
  }

  function add() { rows.push({ field: "", operator: "$eq", value: "" }); paint(); }

  function line(row) {
    const set = (name) => (event) => { row[name] = event.target.value; count(); };
    const value = el("input", { type: "text", value: row.value, "aria-label": t("filter_value"), placeholder: t("filter_value"), on: { input: set("value") } });
    const operator = el("select", { "aria-label": t("filter_operator"), on: { change: set("operator") } },
      OPERATORS.map((each) => el("option", { value: each, selected: each === row.operator }, t(`operator.${each}`))));
    return el("div", { class: "filter-row" },
      el("input", { type: "text", value: row.field, "aria-label": t("filter_field"), placeholder: t("filter_field"), on: { input: set("field") } }),
      operator, value,
      button("×", () => { rows.splice(rows.indexOf(row), 1); if (!rows.length) open = false; paint(); }, { class: "tool", "aria-label": t("filter_remove") }));
  }

  return {
    element() { box = el("fieldset", { class: "filter", id: "filter" }); paint(); return box; },
    button() {
      toggle = button("", () => { open = !open; if (open && !rows.length) add(); else paint(); }, { class: "plain small", "aria-controls": "filter" });
      count();
      return toggle;
    },
    value: () => filterOf(rows),
  };
}
