// What was taken away and what was added between two texts, by lines and, in lines that changed, by words.

// More edits than these are told as one: all of it was written anew.
const MAX_EDITS = 1500;
const WORDS = /\s+|[^\s]+/gu;

/** Lines of two texts as [{kind: "same" | "removed" | "added", parts: [[words, changed]]}]. */
export function lineDifference(before, after) {
  const rows = [];
  for (const run of difference(before.split("\n"), after.split("\n"))) {
    if (run.kind === "same") { rows.push(...run.items.map((line) => whole("same", line))); continue; }
    const paired = Math.min(run.removed.length, run.added.length);
    const words = run.removed.slice(0, paired).map((line, at) => wordDifference(line, run.added[at]));
    rows.push(...run.removed.map((line, at) => (at < paired ? { kind: "removed", parts: words[at].removed } : whole("removed", line))));
    rows.push(...run.added.map((line, at) => (at < paired ? { kind: "added", parts: words[at].added } : whole("added", line))));
  }
  return rows;
}

function whole(kind, line) {
  return { kind, parts: [[line, false]] };
}

/** Two lines, each with the words that the other has not. */
function wordDifference(before, after) {
  const removed = [];
  const added = [];
  for (const run of difference(before.match(WORDS) ?? [], after.match(WORDS) ?? [])) {
    if (run.kind === "same") { removed.push([run.items.join(""), false]); added.push([run.items.join(""), false]); continue; }
    if (run.removed.length) removed.push([run.removed.join(""), true]);
    if (run.added.length) added.push([run.added.join(""), true]);
  }
  return { removed, added };
}

/** Runs of two lists: {kind: "same", items}, or {kind: "changed", removed, added}. */
export function difference(before, after) {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const removed = before.slice(head, before.length - tail);
  const added = after.slice(head, after.length - tail);
  return [...same(before.slice(0, head)), ...runs(removed, added, kept(removed, added)), ...same(before.slice(before.length - tail))];
}

function same(items) {
  return items.length ? [{ kind: "same", items }] : [];
}

function runs(before, after, pairs) {
  const found = [];
  let [from, to] = [0, 0];
  let items = [];
  for (const [left, right] of [...pairs, [before.length, after.length]]) {
    if (left > from || right > to) {
      found.push(...same(items), { kind: "changed", removed: before.slice(from, left), added: after.slice(to, right) });
      items = [];
    }
    if (left < before.length) items.push(before[left]);
    [from, to] = [left + 1, right + 1];
  }
  return [...found, ...same(items)];
}

/** Places of what both lists keep, as [left, right], by the greedy method of Myers; none where there are too many edits. */
function kept(before, after) {
  const reach = new Map([[1, 0]]);
  const trace = [];
  for (let edits = 0; edits <= Math.min(MAX_EDITS, before.length + after.length); edits += 1) {
    trace.push(new Map());
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const down = diagonal === -edits || (diagonal !== edits && reach.get(diagonal - 1) < reach.get(diagonal + 1));
      let left = down ? reach.get(diagonal + 1) : reach.get(diagonal - 1) + 1;
      while (left < before.length && left - diagonal < after.length && before[left] === after[left - diagonal]) left += 1;
      reach.set(diagonal, left);
      trace[edits].set(diagonal, left);
      if (left >= before.length && left - diagonal >= after.length) return walked(trace, before.length, after.length);
    }
  }
  return [];
}

/** The way back over what was reached with each number of edits. */
function walked(trace, left, right) {
  const pairs = [];
  for (let edits = trace.length - 1; left > 0 || right > 0; edits -= 1) {
    const diagonal = left - right;
    const last = trace[edits - 1];
    const down = diagonal === -edits || (diagonal !== edits && (last?.get(diagonal - 1) ?? -1) < (last?.get(diagonal + 1) ?? -1));
    const came = edits === 0 ? [0, 0] : origin(last, down ? diagonal + 1 : diagonal - 1);
    const [start, begun] = edits === 0 ? [0, 0] : [came[0] + (down ? 0 : 1), came[1] + (down ? 1 : 0)];
    while (left > start && right > begun) { left -= 1; right -= 1; pairs.push([left, right]); }
    [left, right] = came;
  }
  return pairs.reverse();
}

function origin(reached, diagonal) {
  const left = reached.get(diagonal);
  return [left, left - diagonal];
}
