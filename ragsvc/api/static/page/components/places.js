// Where the original has a text: a page, or the seconds of a recording.

import { clock, number, t } from "../language.js";

/** The page at which something begins, or its time from when to when, in words; null where nobody knows. */
export function whereabouts(each) {
  const first = each.places?.[0];
  if (first?.from_s !== undefined) {
    const [from, to] = [first.from_s, Math.max(...each.places.map((place) => place.to_s))].map(clock);
    return from === to ? from : `${from}–${to}`;
  }
  const page = each.page ?? first?.page;
  return page ? t("page", { n: number(page) }) : null;
}
