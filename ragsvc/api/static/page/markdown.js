// Markdown of answers becomes nodes: marked writes HTML, DOMPurify lets through what text needs, and no more.

import { Marked } from "./vendor/marked.esm.js";
import "./vendor/purify.min.js";
import { nodesOf } from "./characters.js";
import { button } from "./dom.js";
import { t } from "./language.js";

const PURE = {
  ALLOWED_TAGS: ["p", "br", "hr", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "a",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"],
  ALLOWED_ATTR: ["href", "start", "align"],
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
  RETURN_DOM_FRAGMENT: true,
};
const SIGNS = { "<": "&lt;", ">": "&gt;", "&": "&amp;", '"': "&quot;" };
const asText = (words) => words.replace(/[<>&"]/gu, (sign) => SIGNS[sign]);
// Markup in an answer is shown as what was written; a picture, which would call somebody, as its words.
const writer = new Marked({
  gfm: true,
  renderer: {
    html: ({ raw, block }) => (block ? `<p>${asText(raw)}</p>` : asText(raw)),
    image: ({ raw }) => asText(raw),
  },
});
const MARKER = /\[(\d{1,4})\]/g;

/** Nodes of an answer; each marker that has a citation is a button that calls `open` with its number. */
export function render(text, markers, open) {
  const fragment = globalThis.DOMPurify.sanitize(writer.parse(text), PURE);
  for (const link of fragment.querySelectorAll("a")) {
    link.rel = "noopener noreferrer nofollow";
    link.target = "_blank";
  }
  for (const node of textNodes(fragment)) node.replaceWith(...pieces(node, markers, open));
  for (const found of fragment.querySelectorAll("table")) scrollable(found);
  for (const found of fragment.querySelectorAll("pre")) found.tabIndex = 0;
  return fragment;
}

function scrollable(table) {
  const box = document.createElement("div");
  box.className = "table";
  box.tabIndex = 0;
  table.replaceWith(box);
  box.append(table);
}

function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
}

function pieces(node, markers, open) {
  const text = node.data;
  // Code shows what stands there, and a link has no button in it.
  if (node.parentElement?.closest("code, a")) return nodesOf(text);
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(MARKER)) {
    const marker = Number(found[1]);
    if (!markers.has(marker)) continue;
    nodes.push(...nodesOf(text.slice(at, found.index)));
    nodes.push(button(found[1], (event) => open(marker, event.currentTarget),
      { class: "marker", "data-marker": found[1], "aria-label": t("open_source", { n: marker }) }));
    at = found.index + found[0].length;
  }
  nodes.push(...nodesOf(text.slice(at)));
  return nodes;
}
