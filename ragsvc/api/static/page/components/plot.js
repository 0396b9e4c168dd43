// A drawing of figures by day, by uPlot; colours are those of the page, and follow its theme.

import uPlot from "../vendor/uplot.esm.js";
import { el } from "../dom.js";

const HEIGHT = 160;
// Steps of days between the marks below a plot.
const STEPS = [1, 2, 7, 14, 30, 60, 90, 180, 365, 730];
const COLOURS = ["--accent", "--plot-second"];

let sheet = null;

/** The style of uPlot, which comes with the first plot. */
export function styled() {
  sheet ??= new Promise((resolve) => {
    const link = el("link", { rel: "stylesheet", href: "/page/vendor/uplot.min.css", on: { load: resolve, error: resolve } });
    document.head.append(link);
  });
  return sheet;
}

/**
 * Draw into a box. days: labels, oldest first; lines: {values, bars}, a value a day, null where there is none;
 * range: [least, most] or null; shown: a value as words. Gives {draw, end}.
 */
export function plot(box, { days, lines, range, shown }) {
  let drawn = null;

  function draw() {
    drawn?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--quiet"), font: "12px system-ui, sans-serif", grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const options = {
      width: box.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [10, 8, 0, 0],
      scales: { x: { time: false, range: [-0.5, days.length - 0.5] }, y: { range: range ?? ((_, __, most) => [0, most > 0 ? most * 1.1 : 1]) } },
      axes: [{ ...axis, size: 28, grid: { show: false }, incrs: STEPS, space: 70, values: (_, at) => at.map((each) => days[each] ?? "") },
        { ...axis, size: 58, space: 34, values: (_, at) => at.map(shown) }],
      series: [{}, ...lines.map((line, at) => series(line, colour(COLOURS[at])))],
    };
    drawn = new uPlot(options, [days.map((_, at) => at), ...lines.map((line) => line.values)], box);
  }

  const sized = new ResizeObserver(() => { if (drawn && drawn.width !== box.clientWidth) drawn.setSize({ width: box.clientWidth, height: HEIGHT }); });
  sized.observe(box);
  return { draw, end() { sized.disconnect(); drawn?.destroy(); } };
}

/** A day without a value is a gap; days by themselves are seen as points. */
function series(line, colour) {
  if (line.bars) return { fill: colour, width: 0, paths: uPlot.paths.bars({ size: [0.7, 42] }), points: { show: false } };
  return { stroke: colour, width: 2, points: { show: true, size: 6, fill: colour, width: 0 } };
}
