// Thumbs up or down of one answer, with a comment. Without a record of the answer there is nothing to judge.

import { post } from "../client.js";
import { button, el, fill } from "../dom.js";
import { t } from "../language.js";

export function feedback(app, record) {
  if (!record || !app.features.feedback) return null;
  const box = el("span", { class: "feedback", role: "group", "aria-label": t("feedback") });
  const words = el("input", { type: "text", maxlength: "2000", "aria-label": t("comment"), placeholder: t("comment") });
  const form = el("form", { class: "comment", hidden: true, on: { submit: (event) => { event.preventDefault(); give().catch(app.fail); } } },
    words, el("button", { type: "submit", class: "plain small" }, t("send")));
  const thumbs = [thumb(1, "up", "good"), thumb(-1, "down", "bad")];
  let score = 0;
  fill(box, thumbs, form);

  function thumb(value, sign, name) {
    return button(el("span", { class: `thumb ${sign}`, "aria-hidden": "true" }), () => choose(value), { class: "tool", "aria-label": t(name), title: t(name), "aria-pressed": "false" });
  }

  function choose(value) {
    score = value;
    thumbs.forEach((each, at) => each.setAttribute("aria-pressed", String(at === (value > 0 ? 0 : 1))));
    form.hidden = false;
    words.focus();
  }

  /** Each call adds an opinion: thumb and comment go together, once. */
  async function give() {
    const comment = words.value.trim();
    try {
      await post(`/v1/records/${encodeURIComponent(record)}/feedback`, comment ? { score, comment } : { score });
    } catch (error) {
      if (error.status !== 404) throw error;
      box.remove();
      return;
    }
    thumbs.forEach((each) => { each.disabled = true; });
    form.replaceWith(el("span", { class: "quiet", role: "status" }, t("thanks")));
  }
  return box;
}
