// Sheets with the rectangles that a text stands in, drawn when a scan is first looked at.

import { el } from "../dom.js";
import { number, percent, t } from "../language.js";

const SVG = "http://www.w3.org/2000/svg";
// About the shape of a sheet: how large a page is nobody keeps.
const [WIDTH, HEIGHT] = [100, 140];
const LEAST = 1.5;

/** A drawing of each page, with its number below; null without places on pages. */
export function sheets(places) {
  const pages = new Map();
  for (const { page, bbox } of places) if (bbox) pages.set(page, [...(pages.get(page) ?? []), bbox]);
  if (!pages.size) return null;
  return el("div", { class: "sheets" }, [...pages].map(([page, boxes]) => el("figure", { class: "sheet" },
    sheet(page, boxes), el("figcaption", { class: "quiet" }, t("page", { n: number(page) })))));
}

function sheet(page, boxes) {
  const [left, top] = [0, 1].map((side) => percent(Math.min(...boxes.map((box) => box[side]))));
  return drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": t("on_page", { n: number(page), left, top }) },
    drawn("rect", { class: "paper", width: WIDTH, height: HEIGHT, rx: 2 }),
    boxes.map(([from, above, to, below]) => drawn("rect", { class: "stands", x: from * WIDTH, y: above * HEIGHT,
      width: Math.max((to - from) * WIDTH, LEAST), height: Math.max((below - above) * HEIGHT, LEAST) })));
}

function drawn(name, attributes, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.flat());
  return element;
}
