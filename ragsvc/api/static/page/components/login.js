// The door. The key goes in the body of one request; what comes back is a cookie that no script can read.

import { post } from "../client.js";
import { el, labelled } from "../dom.js";
import { t } from "../language.js";

/** Ask for the key until it is right, then go on. */
export function ask(entered) {
  if (document.getElementById("login")) return;
  const key = el("input", { id: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false" });
  const wrong = el("p", { class: "wrong", role: "alert" });
  const send = el("button", { type: "submit", class: "primary" }, t("login"));
  const form = el("form", { on: { submit: (event) => { event.preventDefault(); enter(); } } },
    labelled(t("key"), key), el("p", { class: "quiet" }, t("key_help")), wrong, send);
  const box = el("dialog", { id: "login", "aria-labelledby": "login-title" }, el("h2", { id: "login-title" }, t("login_title")), form);
  // Nothing is to be seen without it.
  box.addEventListener("cancel", (event) => event.preventDefault());

  async function enter() {
    send.disabled = true;
    try {
      await post("/login", { key: key.value });
      key.value = "";
      box.close();
      box.remove();
      entered();
    } catch (error) {
      wrong.textContent = error.status === 401 ? t("key_wrong") : error.message;
      key.select();
    } finally {
      send.disabled = false;
    }
  }

  document.body.append(box);
  box.showModal();
}
