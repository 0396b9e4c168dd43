"""Terms and what they mean in plain text: options of a program, terms over indented text, pairs, columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragsvc.text.blocks.block import Block, BlockKind, Cell, trim
from ragsvc.text.blocks.code_signs import looks_like_code
from ragsvc.text.blocks.lines import (
    Line,
    breaks_early,
    gap_of,
    is_option,
    is_stamped,
    mark_of,
    moved,
    stretch,
)
from ragsvc.text.blocks.scan import LOOK_AHEAD_LINES, FoundBlock, Scan

MAX_TERM_CHARS = 72
MAX_SIGNATURE_CHARS = 300
SHORT_TERM_COLUMNS = 32
MAX_KEY_CHARS = 48
MAX_KEY_WORDS = 5
# Every further term of an option stands on a line of its own: -x, --extract, --get.
MAX_TERMS = 8
MAX_LONG_SHIFT = 4

_SETTING = re.compile(r"([A-Za-z_][\w.-]*)(=)(?=\S|$)")
_PAIR = re.compile(rf"([^\s:=#|][^:=\n|]{{0,{MAX_KEY_CHARS - 1}}})(:|=)(?=\s|$)")
_NO_KEY = re.compile(r"[.!?;,](?:\s|$)")
# A function or a class over its documentation.
_SIGNATURE = re.compile(r"(?:(?:async )?def |class )?[^\W\d][\w.]*\([^\n]*\)")
_STOPS = (".", ",", ";", ":", "!", "?", "{", "(", "\\")


def options_at(scan: Scan, lines: Sequence[Line], at: int, depth: int) -> FoundBlock | None:
    """Options of a program from line `at` on, each with its description."""
    found: list[Block] = []
    indent = lines[at].indent
    stop = place = at
    column = 0
    while place < len(lines) and _is_beside(scan, lines[place], indent):
        entry = _option(scan, lines, place, depth, column)
        if entry is None:
            break
        column = column or _column(scan, lines[place])
        found.append(entry.block)
        stop = place = entry.stop
        while place < len(lines) and lines[place].is_blank:
            place += 1
    return _group(found, stop)


def _is_beside(scan: Scan, line: Line, indent: int) -> bool:
    """Whether an option is one of those at an indentation: without a short form it may stand further in."""
    return indent <= line.indent <= indent + MAX_LONG_SHIFT and is_option(scan.text, line)


def begins_options(scan: Scan, lines: Sequence[Line], at: int) -> bool:
    """Whether an option begins at line `at` inside a paragraph: further in than the line above."""
    line, above = lines[at], lines[at - 1]
    return line.indent > above.indent and is_option(scan.text, line)


def _column(scan: Scan, line: Line) -> int:
    """Where the description begins on the line of an option; 0 when it does not."""
    gap = gap_of(scan.text, line)
    return line.indent + gap[1] - line.first if gap else 0


def _gap_at(scan: Scan, line: Line, column: int) -> tuple[int, int] | None:
    """The gap before the description; of one blank only where others have theirs in that column."""
    gap = gap_of(scan.text, line)
    at = line.first + column - line.indent
    if gap or not line.first < at < line.end:
        return gap
    begins = scan.text[at - 1].isspace() and not scan.text[at].isspace()
    return (at - 1, at) if begins else None


def _option(scan: Scan, lines: Sequence[Line], at: int, depth: int, column: int) -> FoundBlock | None:
    """The option at line `at`; column: of the descriptions before it, 0 when there are none."""
    terms: list[Block] = []
    place = at
    indent = lines[at].indent
    while place < len(lines) and len(terms) < MAX_TERMS:
        line = lines[place]
        if line.is_blank or line.indent != indent or not is_option(scan.text, line):
            break
        gap = _gap_at(scan, line, column)
        if gap:
            terms.append(_span(scan, BlockKind.TERM, line.first, gap[0]))
            column = indent + gap[1] - line.first
            stop = _described(scan, lines, place + 1, indent, column)
            inner = [moved(line, gap[1], column), *lines[place + 1 : stop]]
            return FoundBlock(_definition(scan, terms, inner, depth), max(stop, place + 1))
        terms.append(_span(scan, BlockKind.TERM, line.first, line.end))
        place += 1
    if not terms or place >= len(lines) or lines[place].is_blank:
        return None
    stop = _described(scan, lines, place, indent, lines[place].indent)
    if stop == place:
        return None
    return FoundBlock(_definition(scan, terms, lines[place:stop], depth), stop)


def _described(scan: Scan, lines: Sequence[Line], at: int, indent: int, column: int) -> int:
    """Number of the line after a description that stands in a column, before the next option."""
    stop = at
    for place in range(at, len(lines)):
        line = lines[place]
        if line.is_blank:
            continue
        if line.indent <= indent or (line.indent < column and _is_beside(scan, line, indent)):
            break
        stop = place + 1
    return stop


def _span(scan: Scan, kind: BlockKind, start: int, end: int) -> Block:
    start, end = trim(scan.text, start, end)
    return Block(kind, start, end, start, end)


def _definition(scan: Scan, terms: Sequence[Block], inner: Sequence[Line], depth: int) -> Block:
    while inner and inner[-1].is_blank:
        inner = inner[:-1]
    start, end = inner[0].first, inner[-1].end
    described = Block(
        BlockKind.DESCRIPTION, start, end, start, end, children=tuple(scan.region(inner, depth + 1))
    )
    return Block(BlockKind.DEFINITION, terms[0].start, end, terms[0].start, end, children=(*terms, described))


def _group(found: Sequence[Block], stop: int) -> FoundBlock | None:
    if not found:
        return None
    start, end = found[0].start, found[-1].end
    return FoundBlock(Block(BlockKind.DEFINITIONS, start, end, start, end, children=tuple(found)), stop)


def terms_at(scan: Scan, lines: Sequence[Line], at: int, depth: int) -> FoundBlock | None:
    """Terms from line `at` on, each with a description that is indented below it."""
    found: list[Block] = []
    indent = lines[at].indent
    stop = place = at
    while place < len(lines) and _is_term(scan, lines, place, indent):
        line, below = lines[place], lines[place + 1]
        # What documents a class may be barred at its left, one column in.
        stop = stretch(lines, place + 1, min(indent + 2, below.indent))
        term = Block(BlockKind.TERM, line.first, line.end, line.first, line.end)
        found.append(_definition(scan, [term], lines[place + 1 : stop], depth))
        place = stop
        while place < len(lines) and lines[place].is_blank:
            place += 1
    return _group(found, stop)


def _is_term(scan: Scan, lines: Sequence[Line], at: int, indent: int) -> bool:
    line = lines[at]
    # The signature of a function names all of its parameters.
    longest = MAX_SIGNATURE_CHARS if scan.text[line.end - 1] == ")" else MAX_TERM_CHARS
    if line.indent != indent or line.end - line.first > longest or at + 1 >= len(lines):
        return False
    below = lines[at + 1]
    is_signature = _SIGNATURE.fullmatch(scan.text, line.first, line.end) is not None
    nearest = 1 if is_signature and scan.text[below.first : below.first + 1] == "|" else 2
    if below.is_blank or not indent + nearest <= below.indent <= indent + 16:
        return False
    if scan.text.endswith(_STOPS, line.first, line.end) or mark_of(scan.text, line):
        return False
    # The rest of an item's first line is no term, however the lines below are indented.
    is_rest = line.start == line.first and line.indent > 0 and below.start < below.first
    if is_rest or (nearest > 1 and looks_like_code(scan.text, [below])):
        return False
    return line.width <= SHORT_TERM_COLUMNS or is_signature or breaks_early(scan.text, line, below)


def columns_at(scan: Scan, lines: Sequence[Line], at: int, depth: int) -> FoundBlock | None:
    """Two columns from line `at` on: short names, and what they are, all beginning in one column."""
    indent = lines[at].indent
    gap = gap_of(scan.text, lines[at], 40)
    if gap is None or gap[1] - gap[0] < 2:
        return None
    column = indent + gap[1] - lines[at].first
    is_wide = gap[1] - gap[0] > 3
    found: list[Block] = []
    place = at
    while place < len(lines) and lines[place].indent == indent:
        line = lines[place]
        gap = gap_of(scan.text, line, 40)
        if gap is None or indent + gap[1] - line.first != column or mark_of(scan.text, line):
            break
        if gap_of(scan.text, moved(line, gap[1], column), 400):
            return None
        if scan.text[gap[0] - 1] in ".!?;:" or scan.text[gap[1]] in "=:#|/":
            return None
        stop = stretch(lines[: place + LOOK_AHEAD_LINES], place + 1, column)
        if stop > place + 1 and lines[place + 1].is_blank:
            stop = place + 1
        inner = [moved(line, gap[1], column), *lines[place + 1 : stop]]
        found.append(_definition(scan, [_span(scan, BlockKind.TERM, line.first, gap[0])], inner, depth))
        place = stop
    enough = len(found) > 2 or (indent > 0 and (len(found) == 2 or is_wide))
    return _group(found, place) if enough else None


def pair_of(scan: Scan, line: Line) -> tuple[Cell, Cell] | None:
    """Key and value of a line "Key: value"."""
    found = _PAIR.match(scan.text, line.first, line.end) or _SETTING.match(scan.text, line.first, line.end)
    if found is None:
        return None
    key = found.group(1).rstrip()
    if len(key.split()) > MAX_KEY_WORDS or _NO_KEY.search(key):
        return None
    return Cell(found.start(), found.start() + len(key)), Cell(*trim(scan.text, found.end(), line.end))


def pairs_at(scan: Scan, lines: Sequence[Line], at: int) -> list[FoundBlock]:
    """Lines of key and value from line `at` on; none where it is only one."""
    found: list[FoundBlock] = []
    indent = lines[at].indent
    place = at
    while place < len(lines) and not lines[place].is_blank and lines[place].indent == indent:
        pair = pair_of(scan, lines[place])
        if pair is None or mark_of(scan.text, lines[place]):
            break
        first = place
        place += 1
        while place < len(lines) and not lines[place].is_blank and lines[place].indent > indent:
            place += 1
        start, end = lines[first].first, lines[place - 1].end
        value = (
            Cell(pair[1].start, end)
            if pair[1].end > pair[1].start
            else Cell(*trim(scan.text, pair[1].start, end))
        )
        found.append(
            FoundBlock(Block(BlockKind.KEY_VALUE, start, end, start, end, cells=(pair[0], value)), place)
        )
    return found if len(found) > 1 else []


def begins_settings(scan: Scan, lines: Sequence[Line], at: int) -> bool:
    """Whether two lines like NAME=value begin, below a remark."""
    return all(_SETTING.match(scan.text, line.first, line.end) for line in lines[at : at + 2]) and (
        at + 1 < len(lines)
    )


def log_at(scan: Scan, lines: Sequence[Line], at: int) -> list[FoundBlock]:
    """Lines that begin with a time, each with what is indented below it; none where it is only one."""
    found: list[FoundBlock] = []
    place = at
    while place < len(lines) and is_stamped(scan.text, lines[place]):
        first = place
        place += 1
        while place < len(lines) and not lines[place].is_blank and lines[place].indent > lines[first].indent:
            place += 1
        found.append(FoundBlock(scan.span(BlockKind.LINE, lines[first:place]), place))
    return found if len(found) > 1 else []
