// A window over the page: the browser's own, which keeps the focus inside and closes with Escape.

import { button, el } from "../dom.js";

/** Show a dialog. choices: [words, class, value]; gives the value, or null when it was closed. */
export function dialog(title, content, choices) {
  return new Promise((resolve) => {
    const heading = el("h2", { id: "dialog-title" }, title);
    const box = el("dialog", { "aria-labelledby": "dialog-title" }, heading, content);
    let chosen = null;
    const buttons = choices.map(([words, kind, value]) =>
      button(words, () => { chosen = value; box.close(); }, { class: kind }));
    box.append(el("div", { class: "choices" }, buttons));
    box.addEventListener("close", () => { box.remove(); resolve(chosen); });
    document.body.append(box);
    box.showModal();
  });
}

/** Ask whether something is meant. */
export async function confirmed(title, words, action, cancel, kind = "danger") {
  return (await dialog(title, [el("p", {}, words)], [[cancel, "plain", false], [action, kind, true]])) === true;
}
