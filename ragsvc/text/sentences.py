"""Finds the sentences of a passage, as spans that can be cited."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from ragsvc.domain import Span
from ragsvc.text.blocks import BlockKind, leaves, parse_blocks, walk
from ragsvc.text.line_breaks import paragraphs

# Lines that are a unit by themselves: headings, list items, table rows, quotes are not joined
# with their neighbours, while the lines of a wrapped paragraph are.
_UNIT_START = re.compile(r"[ \t]*(?:#{1,6}(?=\s)|[-*+•–][ \t]|\(?(?:\d{1,3}|[A-Za-z])[.)][ \t]|\||>)")
_HEADING = re.compile(r"[ \t]*#{1,6}(?=\s)")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_TABLE_ROW = re.compile(r"[ \t]*\|")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_RULE = re.compile(r"[-=*_|: \t]{3,}+$")

# These blocks are not split.
_ONE_UNIT = frozenset(
    {
        BlockKind.CODE,
        BlockKind.FRONT_MATTER,
        BlockKind.HEADING,
        BlockKind.REFERENCE,
        BlockKind.ROW,
        BlockKind.RULE,
    }
)


# A possible end: stop signs with the closing quotes and brackets after them. Latin signs need
# white space next; full-width ones do not.
_STOP = re.compile(
    r"""(?P<wide>[。！？｡]+["'”’」』）】》]*)"""
    r"""|(?P<latin>(?<![.!?…])[.!?…]++(?:["'”’»)\]*_`]+)?(?:\[\d{1,3}\])*)(?=\s)"""
)
_CLAUSE_END = re.compile(r"[,;:)](?=\s)|(?<=\s)[-–—](?=\s)|[，；：]|\n")
_WORD_BEFORE = re.compile(r"(?<![^\s(\[\"'“‘«])([^\s(\[\"'“‘«]*+)$")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")
_NEXT = re.compile(r"\s+[\"'“‘«(\[*_`]*((\w*)\S?)")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# No sentence ends after these, whatever follows.
_TITLES = _words(
    "mr mrs ms dr prof rev hon gen col capt lt sgt maj sen rep gov pres st mt messrs mme mlle "
    "e.g i.e eg ie viz cf vs resp approx incl al fig figs eq eqs sec ch chap vol vols ed eds pp "
    "art arts cap para no nos nr ref refs dept univ assn bros bldg str tel abs bzw ca evtl ggf "
    "inkl zzgl z.b d.h u.a"
)
# "Lindenstr. 4", "am 31. Dezember": German writes streets and days so.
_STREET = re.compile(r"str\Z")
_MONTHS = _words("januar jänner februar märz april mai juni juli august september oktober november dezember")
# A sentence may end after these when the next word has a capital.
_OPEN_ENDED = _words(
    "etc inc ltd co corp llc jr sr a.m p.m am pm jan feb mar apr jun jul aug sep sept oct nov dec "
    "ph.d m.d b.a m.a b.sc m.sc est ave blvd rd hr min max"
)
# After an initial or U.S. a capital says nothing; these words mostly open a sentence.
_OPENERS = _words(
    "the a an it its this that these those he she they his her their we our you i in on at as but "
    "and if when while however there for from by with after before since although what why how"
)
# These need a number after them to be abbreviations: "No. 5" against "He said no. Then".
_NUMBERED = _words("no nos nr fig figs eq eqs sec ch chap vol pp art ref p")


def sentences(text: str, media_type: str | None = None) -> list[Span]:
    """Split a passage into sentences, headings, list items, table rows and code blocks.

    :param text: a passage. media_type: as stored with its document: what is a list, a heading or code depends
        on it. None for what a model wrote: lines that begin with marks of Markdown are units then.
    :return: disjoint spans in order without white space at their ends; together they cover
        every character of `text` but white space.
    """
    bounds: list[tuple[int, int]] = []
    units = _units(text) if media_type is None else _blocks(text, media_type)
    for start, scan, end, prose in units:
        if not prose:
            bounds.append((start, end))
            continue
        for first, last in paragraphs(text, start, end, scan):
            bounds.extend(_sentences_of(text, first, last, max(first, scan)))
    return [span for start, end in bounds if (span := trimmed(text, start, end))]


def prose_sentences(text: str, start: int, end: int) -> list[Span]:
    """Split a paragraph, [start, end) of a text, into sentences; no line of it is a unit by itself."""
    bounds = [
        found
        for first, last in paragraphs(text, start, end, start)
        for found in _sentences_of(text, first, last, first)
    ]
    return [span for begin, stop in bounds if (span := trimmed(text, begin, stop))]


def clauses(text: str, sentence: Span, most_chars: int = 200) -> list[Span]:
    """Cut a long sentence where its clauses end, into parts of about `most_chars` and not much more.

    :return: disjoint spans in order that cover it but for white space.
    """
    found: list[Span] = []
    start, last = sentence.start, -1
    for mark in _CLAUSE_END.finditer(text, sentence.start, sentence.end):
        if mark.end() - start > most_chars and last > start:
            found.extend(span for span in (trimmed(text, start, last),) if span)
            start = last
        last = mark.end()
    if sentence.end - start > most_chars and last > start:
        found.extend(span for span in (trimmed(text, start, last),) if span)
        start = last
    found.extend(span for span in (trimmed(text, start, sentence.end),) if span)
    return found


def _blocks(text: str, media_type: str) -> Iterator[tuple[int, int, int, bool]]:
    """The same from the blocks of a text.

    The mark of an item, or a term, belongs to what follows it; a mark at the end of a block to what ends it.
    """
    blocks = parse_blocks(text, media_type)
    ends = sorted({block.end for block in walk(blocks) if block.children})
    units = [block for block in leaves(blocks) if block.kind is not BlockKind.TERM]
    at = 0
    for number, block in enumerate(units, 1):
        last = bisect_right(ends, units[number].start if number < len(units) else len(text)) - 1
        end = max(block.end, ends[last] if last >= 0 else 0)
        yield at, block.content_start, end, block.kind not in _ONE_UNIT
        at = end
    yield at, at, len(text), False


def _units(text: str) -> Iterator[tuple[int, int, int, bool]]:
    """Group lines into units: their start, where their text begins behind a mark, their end.

    The flag tells whether a unit may hold several sentences.
    """
    start = offset = 0
    prose = True
    fence = ""
    for line in _LINE.findall(text):
        mark = _FENCE.match(line)
        if fence:
            offset += len(line)
            if mark and mark.group(1).startswith(fence):
                yield start, start, offset, False
                start, fence = offset, ""
            continue
        if mark or not line.strip() or _UNIT_START.match(line) or _RULE.match(line) or not prose:
            if offset > start:
                yield start, _scan_from(text, start, offset), offset, prose
            start = offset
            prose = not (_HEADING.match(line) or _TABLE_ROW.match(line) or _RULE.match(line))
        if mark:
            fence = mark.group(1)
        offset += len(line)
    if offset > start:
        yield start, _scan_from(text, start, offset), offset, prose and not fence


def _scan_from(text: str, start: int, end: int) -> int:
    marker = _UNIT_START.match(text, start, end)
    return marker.end() if marker else start


def _sentences_of(text: str, start: int, end: int, scan: int) -> Iterator[tuple[int, int]]:
    for stop in _STOP.finditer(text, scan, end):
        if stop.group("wide") or _ends(text, stop.start(), stop.end(), start, end):
            yield start, stop.end()
            start = stop.end()
    yield start, end


def _ends(text: str, sign: int, after: int, start: int, end: int) -> bool:
    """Decide whether the stop sign at `sign` ends a sentence."""
    following = _NEXT.match(text, after, end)
    first = following.group(1)[:1] if following else ""
    if not first or following is None:
        return True
    if text[sign] != ".":
        # "Really?" she asked.
        return not first.islower()
    if first.islower() or first in ",;:)":
        return False
    if after - sign > 1:
        return True
    before = _WORD_BEFORE.search(text, max(start, sign - 40), sign)
    word = before.group(1).lower() if before else ""
    if word in _NUMBERED:
        return not first.isdigit()
    if word in _TITLES:
        return False
    if _STREET.search(word) and first.isdigit():
        return False
    if word.isdigit() and len(word) < 3 and following.group(2).lower() in _MONTHS:
        return False
    if word in _OPEN_ENDED:
        return first.isupper()
    return not _INITIALS.match(word) or following.group(2).lower() in _OPENERS


def trimmed(text: str, start: int, end: int) -> Span | None:
    """Take white space off both ends of a span; None when nothing is left."""
    part = text[start:end]
    left = start + len(part) - len(part.lstrip())
    right = left + len(part.strip())
    return Span(left, right) if right > left else None
