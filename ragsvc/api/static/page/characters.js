// Offsets of the service count code points; strings of browsers count UTF-16 units. And what nobody sees is shown.

// As the service tells them: format characters, fillers, variations where nothing varies, and controls.
const HIDDEN = /[\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}\u180b-\u180d\u180f]|(?![\t\n\r])\p{Cc}/gu;
const SEEN = /[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}\u{13430}-\u{1343f}]/u;
const JOINERS = /[\u200c\u200d]/;
// Classes are held against one character at a time: with `$`, V8 of Chromium 156 fails on those of two units.
const PICTURE = /^[\p{So}\p{Sk}\p{Sm}\p{Po}\p{Pd}\ufe0e\ufe0f]/u;
const JOINING = /^[\p{Script=Adlam}\p{Script=Arabic}\p{Script=Bengali}\p{Script=Devanagari}\p{Script=Gujarati}\p{Script=Gurmukhi}\p{Script=Kannada}\p{Script=Khmer}\p{Script=Lao}\p{Script=Malayalam}\p{Script=Mongolian}\p{Script=Myanmar}\p{Script=Nko}\p{Script=Oriya}\p{Script=Sinhala}\p{Script=Syriac}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Thai}\p{Script=Tibetan}]/u;
const VARIED = /^[\p{So}\p{Sk}\p{Sm}\p{Po}\p{Pd}0-9#*\u2139]/u;
const IDEOGRAPH = /^[\p{Script=Han}\p{Script=Mongolian}\p{Script=Myanmar}]/u;
const FLAG = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;

/** The places, in UTF-16 units, of some code points, given in ascending order. */
export function unitsOf(text, points) {
  const found = [];
  let unit = 0;
  let point = 0;
  for (const wanted of points) {
    while (point < wanted && unit < text.length) {
      const code = text.charCodeAt(unit);
      const pair = code >= 0xd800 && code < 0xdc00 && unit + 1 < text.length;
      unit += pair ? 2 : 1;
      point += 1;
    }
    found.push(unit);
  }
  return found;
}

/** The part of a text between two code points. */
export function slice(text, start, end) {
  const [from, to] = unitsOf(text, [start, end]);
  return text.slice(from, to);
}

/** Runs of a text as [words, is hidden]. */
export function* runs(text) {
  const flags = [...text.matchAll(FLAG)].map((found) => [found.index, found.index + found[0].length]);
  let at = 0;
  for (const found of text.matchAll(HIDDEN)) {
    const place = found.index;
    const end = place + found[0].length;
    if (flags.some(([from, to]) => place >= from && place < to) || !isHidden(text, place, end, found[0])) continue;
    if (place > at) yield [text.slice(at, place), false];
    yield [found[0], true];
    at = end;
  }
  if (at < text.length) yield [text.slice(at), false];
}

function isHidden(text, place, end, sign) {
  const before = [...text.slice(Math.max(0, place - 2), place)].at(-1) ?? "";
  if (JOINERS.test(sign)) {
    const joins = sign === "\u200d" && PICTURE.test(before) && PICTURE.test(text.slice(end, end + 2));
    return !(joins || JOINING.test(before));
  }
  if (/[\ufe0e\ufe0f]/.test(sign)) return !VARIED.test(before);
  if (/[\ufe00-\ufe0d\u{e0100}-\u{e01ef}\u180b-\u180d\u180f]/u.test(sign)) return !IDEOGRAPH.test(before);
  return !SEEN.test(sign);
}

/** Whether a text holds what is not seen, or what turns other characters around. */
export function hides(text) {
  for (const [, hidden] of runs(text)) if (hidden) return true;
  return false;
}

/** Nodes of a text in which hidden characters stand in boxes that name them and bound what they do. */
export function nodesOf(text) {
  const nodes = [];
  for (const [words, hidden] of runs(text)) {
    if (!hidden) { nodes.push(document.createTextNode(words)); continue; }
    const box = document.createElement("span");
    box.className = "hidden-sign";
    box.dataset.code = `U+${words.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    box.textContent = words;
    nodes.push(box);
  }
  return nodes;
}
