// Thumbs up or down of one answer, with a comment. Without a record of the answer there is nothing to judge.

import { post } from "../client.js";
import { button, el, fill, note } from "../dom.js";
import { t } from "../language.js";

export function feedback(app, record) {
  if (!record || !app.features.feedback) return null;
  const box = el("span", { class: "feedback", role: "group", "aria-label": t("feedback") });
  const thumbs = [thumb(1, "👍", "good"), thumb(-1, "👎", "bad")];
  const words = el("input", { type: "text", maxlength: "2000", "aria-label": t("comment"), placeholder: t("comment") });
  let score = 0;
  fill(box, thumbs);

  function thumb(value, sign, name) {
    return button(sign, () => give(value), { class: "tool", "aria-label": t(name), title: t(name), "aria-pressed": "false" });
  }

  async function give(value, comment) {
    try {
      await post(`/v1/records/${encodeURIComponent(record)}/feedback`, comment ? { score: value, comment } : { score: value });
    } catch (error) {
      if (error.status === 404) { app.features.feedback = false; box.remove(); return; }
      app.fail(error);
      return;
    }
    score = value;
    thumbs.forEach((each, at) => each.setAttribute("aria-pressed", String(at === (value > 0 ? 0 : 1))));
    if (comment) { fill(box, thumbs, el("span", { class: "quiet" }, t("thanks"))); return; }
    note(t("thanks"));
    fill(box, thumbs, el("form", { class: "comment", on: { submit: send } }, words, el("button", { type: "submit", class: "plain small" }, t("send"))));
  }

  function send(event) {
    event.preventDefault();
    if (words.value.trim()) give(score, words.value.trim());
  }
  return box;
}
