// The words of the page, in the language of the browser or the one that was chosen.

import { preference, prefer } from "./preferences.js";

export const LANGUAGES = { en: "English", de: "Deutsch" };
let words = {};
let current = "en";

/** Load the words of the language. */
export async function begin() {
  const asked = [preference("language"), ...(navigator.languages ?? [])].map((each) => (each ?? "").slice(0, 2));
  await use(asked.find((each) => each in LANGUAGES) ?? "en");
}

/** Take another language and remember it. */
export async function choose(language) {
  prefer("language", language);
  await use(language);
}

async function use(language) {
  current = language;
  words = (await import(`./languages/${language}.js`)).default;
  document.documentElement.lang = language;
}

export function language() {
  return current;
}

/** A text by its name; {name} is replaced by a value. A name without a text is a fault that a test finds. */
export function t(name, values = {}) {
  const text = words[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** A text that depends on a number: `name.one` or `name.other`. */
export function plural(name, count, values = {}) {
  return t(`${name}.${count === 1 ? "one" : "other"}`, { n: number(count), ...values });
}

/** A text where there is one, else what was given: for codes that a newer service may have. */
export function named(prefix, code) {
  return words[`${prefix}.${code}`] ?? code;
}

/** The browser's own region of the language, where it is of that language. */
function locale() {
  return navigator.languages.find((each) => each.startsWith(current)) ?? current;
}

export function number(value) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: 2 }).format(value);
}

export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let at = 0;
  while (value >= 1000 && at < units.length - 1) { value /= 1000; at += 1; }
  return new Intl.NumberFormat(locale(), { style: "unit", unit: units[at], unitDisplay: "short", maximumFractionDigits: 1 }).format(value);
}

export function time(iso) {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return iso;
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(moment);
}

/** Seconds of a recording as players show them: 12:03, or 1:02:03. */
export function clock(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), String(Math.floor(seconds % 60)).padStart(2, "0")];
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

export function percent(value) {
  return new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(value);
}

/** A day, given as YYYY-MM-DD (UTC), without its year. */
export function day(iso) {
  return new Intl.DateTimeFormat(locale(), { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(`${iso}T00:00:00Z`));
}
