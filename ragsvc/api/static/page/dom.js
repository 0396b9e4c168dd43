// Elements made by name. What documents and people wrote becomes text nodes and attributes, never markup.

const NEVER = /^(on|srcdoc$|style$)/;

/** Make an element: attributes, `on` for listeners, children that are nodes or words; null ones are left out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (key === "class") element.className = value;
    else if (NEVER.test(key)) throw new Error(`no attribute ${key}`);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replace all that an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button; screen readers get `label` where the words alone would not do. */
export function button(words, action, attributes = {}) {
  return el("button", { type: "button", ...attributes, on: { click: action } }, words);
}

/** A field with its label, which stands above it. */
export function labelled(words, control, attributes = {}) {
  return el("label", { class: "field", ...attributes }, el("span", { class: "field-name" }, words), control);
}

/** A table with a caption for screen readers; cells are nodes or words. */
export function table(caption, heads, rows, attributes = {}) {
  const head = el("tr", {}, heads.map((words) => el("th", { scope: "col" }, words)));
  const body = rows.map((cells) => el("tr", {}, cells.map((cell, at) => el("td", { "data-head": heads[at] }, cell))));
  return el("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption, ...attributes },
    el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, head), el("tbody", {}, body)));
}

/** Words that are read out, and not shown. */
export function announce(words) {
  document.getElementById("live").textContent = words;
}

/** A note that is shown for a while. */
export function note(words, kind = "info") {
  // What goes wrong again and again is said once at a time.
  if ([...document.querySelectorAll("#notes .note")].some((each) => each.textContent === words)) return;
  const shown = el("p", { class: `note ${kind}` }, words);
  document.getElementById("notes").append(shown);
  setTimeout(() => shown.remove(), kind === "error" ? 12000 : 5000);
}
