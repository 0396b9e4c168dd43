// What a browser remembers: theme, language and corpus. Never the key, which no script ever holds for long.

const PREFIX = "ragsvc.";

export function preference(name) {
  try { return localStorage.getItem(PREFIX + name); } catch { return null; }
}

export function prefer(name, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch { /* A browser that keeps nothing shows the defaults. */ }
}

/** The conversation of this tab, so that it outlives a reload. */
export function draft() {
  try { return JSON.parse(sessionStorage.getItem(PREFIX + "conversation") ?? "null"); } catch { return null; }
}

export function keepDraft(value) {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + "conversation");
    else sessionStorage.setItem(PREFIX + "conversation", JSON.stringify(value));
  } catch { /* Too long for the browser: it lives until the reload. */ }
}

const THEMES = ["auto", "light", "dark"];

export function theme() {
  const chosen = preference("theme");
  return THEMES.includes(chosen) ? chosen : "auto";
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

/** Follow the system, then light, then dark. */
export function nextTheme() {
  prefer("theme", THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  applyTheme();
}
