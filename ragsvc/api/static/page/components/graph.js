// Who is named with whom: a drawing of the entities of a corpus, and beside it the same as a list.

import { corpusPath, get } from "../client.js";
import { nodesOf } from "../characters.js";
import { button, el, fill } from "../dom.js";
import { named, number, plural, t } from "../language.js";
import { narrow } from "./conversation.js";
import { openDocument } from "./document.js";

const SHOWN = 50;
const MOST_LINES = 160;
const [WIDTH, HEIGHT, MARGIN] = [760, 560, 40];
const STEPS = 120;
const SVG = "http://www.w3.org/2000/svg";

export async function draw(app, main) {
  const corpus = app.corpus;
  const wanted = app.argument;
  const page = el("div", { class: "page wide" }, el("h1", {}, corpus ? t("graph_of", { corpus }) : t("view.graph")));
  fill(main, page);
  if (!corpus) { page.append(el("p", { class: "empty" }, t("no_corpus"))); return; }
  const seek = el("input", { type: "text", id: "entity", value: wanted, "aria-label": t("find_entity"), placeholder: t("find_entity"), autocomplete: "off", spellcheck: "false", maxlength: "4096" });
  const found = el("div", { "aria-live": "polite" });
  page.append(el("p", { class: "quiet" }, t("graph_help")),
    el("form", { class: "choices", on: { submit: (event) => { event.preventDefault(); app.go("graph", seek.value.trim()); } } }, seek, el("button", { type: "submit", class: "plain" }, t("show")),
      wanted ? button(t("graph_all"), () => app.go("graph"), { class: "plain" }) : null), found);
  let graph = null;
  try {
    graph = await get(corpusPath(corpus, "/graph"), { limit: SHOWN, entity: wanted || null });
  } catch (error) {
    if (error.code !== "entity_not_found") throw error;
    fill(found, el("p", { class: "empty" }, t("entity_none", { name: wanted }), " ", error.hint));
    return;
  }
  const nodes = graph.entity ? [graph.entity, ...graph.entities] : graph.entities;
  const open = (entity) => app.go("graph", entity.name);
  fill(found, graph.unread ? el("p", { class: "quiet" }, plural("graph_unread", graph.unread)) : null,
    graph.entity ? chosen(app, corpus, graph) : null,
    nodes.length ? el("div", { class: "graph" }, drawing(nodes, graph, open), list(graph, open)) : el("p", { class: "empty" }, t("graph_none")));
}

/** One entity: the documents that name it, and the way to ask them. */
function chosen(app, corpus, graph) {
  const entity = graph.entity;
  const show = async (each) => openDocument(app, corpus, await get(corpusPath(corpus, "/document"), { id: each.document_id }), null);
  const more = entity.documents - graph.documents.length;
  return el("section", { class: "entity", "aria-label": t("entity_documents", { name: entity.name }) },
    el("h2", { dir: "auto" }, nodesOf(entity.name)),
    el("p", { class: "quiet" }, entity.kinds.map((kind) => named("entity_kind", kind)).join(", "), " · ", plural("documents_n", entity.documents)),
    el("ul", { class: "named-by" }, graph.documents.map((each) => el("li", {}, button(nodesOf(each.title || each.document_id), () => show(each).catch(app.fail), { class: "link", dir: "auto" }), " ",
      el("span", { class: "quiet small", dir: "auto" }, nodesOf(each.document_id)))), more > 0 ? el("li", { class: "quiet" }, plural("more_n", more)) : null),
    button(t("ask_these"), () => narrow(app, [{ field: "_mentions", operator: "$eq", value: `"${entity.name}"` }]), { class: "primary small" }));
}

/** The same as the drawing says, for everybody. */
function list(graph, open) {
  const shared = new Map(graph.entity ? graph.edges.filter((edge) => edge.first === graph.entity.key).map((edge) => [edge.second, edge.documents]) : []);
  const rest = graph.total - graph.entities.length;
  return el("div", { class: "graph-list" }, el("h2", {}, graph.entity ? t("named_together") : t("most_named")),
    graph.entities.length ? el("ol", {}, graph.entities.map((each) => el("li", {}, button(nodesOf(each.name), () => open(each), { class: "link", dir: "auto" }),
      el("span", { class: "quiet small" }, ` ${named("entity_kind", each.kinds[0])} · ${number(shared.get(each.key) ?? each.documents)}`)))) : el("p", { class: "quiet" }, t("graph_none")),
    rest > 0 ? el("p", { class: "quiet" }, plural("more_n", rest)) : null);
}

function drawing(nodes, graph, open) {
  const places = new Map(nodes.map((each, at) => [each.key, at]));
  const lines = [...graph.edges].sort((a, b) => b.documents - a.documents).slice(0, MOST_LINES)
    .map((edge) => ({ from: places.get(edge.first), to: places.get(edge.second), weight: edge.documents }));
  const spots = placed(nodes.length, lines);
  const most = Math.max(...nodes.map((each) => each.documents));
  const heaviest = Math.max(1, ...lines.map((line) => line.weight));
  const shape = (name, attributes, ...children) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const image = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "graph-drawing", "aria-label": t("graph_drawn", { n: nodes.length }) });
  for (const line of lines) {
    const [a, b] = [spots[line.from], spots[line.to]];
    image.append(shape("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, "stroke-width": (0.6 + 2.4 * line.weight / heaviest).toFixed(2) }));
  }
  nodes.forEach((each, at) => {
    const radius = 4 + 9 * Math.sqrt(each.documents / most);
    const { x, y } = spots[at];
    const words = each.name.length > 24 ? `${each.name.slice(0, 23)}…` : each.name;
    // Beside the edge, words go inwards.
    const inward = x > WIDTH - 160;
    const node = shape("g", { class: graph.entity && at === 0 ? "node chosen" : "node" },
      shape("circle", { cx: x, cy: y, r: radius.toFixed(1) }),
      shape("text", { x: (inward ? x - radius - 4 : x + radius + 4).toFixed(1), y: (y + 4).toFixed(1), "text-anchor": inward ? "end" : "start" }, words),
      shape("title", {}, `${each.name} (${each.documents})`));
    node.addEventListener("click", () => open(each));
    image.append(node);
  });
  return image;
}

/** Places of nodes: all push each other away, lines pull together; the same nodes come to the same places. */
function placed(count, lines) {
  const spots = Array.from({ length: count }, (_, at) => {
    // A sunflower: the first, most important ones in the middle.
    const [angle, out] = [at * 2.399963, Math.sqrt(at / Math.max(1, count))];
    return { x: WIDTH / 2 + Math.cos(angle) * out * WIDTH * 0.42, y: HEIGHT / 2 + Math.sin(angle) * out * HEIGHT * 0.42 };
  });
  const room = Math.sqrt((WIDTH * HEIGHT) / Math.max(1, count)) * 0.8;
  const heaviest = Math.max(1, ...lines.map((line) => line.weight));
  for (let step = 0; step < STEPS; step += 1) {
    const moves = spots.map((spot) => ({ x: (WIDTH / 2 - spot.x) * 0.02, y: (HEIGHT / 2 - spot.y) * 0.03 }));
    for (let i = 0; i < count; i += 1) {
      for (let j = i + 1; j < count; j += 1) {
        const [dx, dy] = [spots[i].x - spots[j].x, spots[i].y - spots[j].y];
        // Words lie beside each other, so that nodes above each other need less room.
        const square = Math.max(25, dx * dx * 0.45 + dy * dy * 1.6);
        // Of short range: what is far away would drive all to the edges.
        const push = Math.min(2, ((room * room) / square) ** 2) * 0.12;
        moves[i].x += dx * push; moves[i].y += dy * push;
        moves[j].x -= dx * push; moves[j].y -= dy * push;
      }
    }
    for (const { from, to, weight } of lines) {
      const [dx, dy] = [spots[to].x - spots[from].x, spots[to].y - spots[from].y];
      const pull = 0.001 + 0.006 * (weight / heaviest);
      moves[from].x += dx * pull; moves[from].y += dy * pull;
      moves[to].x -= dx * pull; moves[to].y -= dy * pull;
    }
    const most = 40 * (1 - step / STEPS) + 1;
    spots.forEach((spot, at) => {
      const length = Math.hypot(moves[at].x, moves[at].y) || 1;
      const part = Math.min(length, most) / length;
      spot.x = Math.min(WIDTH - MARGIN, Math.max(MARGIN, spot.x + moves[at].x * part));
      spot.y = Math.min(HEIGHT - MARGIN / 2, Math.max(MARGIN / 2, spot.y + moves[at].y * part));
    });
  }
  return spots.map(({ x, y }) => ({ x: Math.round(x), y: Math.round(y) }));
}
