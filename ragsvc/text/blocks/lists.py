"""Lists and quotes of plain text. A line of wrapped text that begins like an item is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragsvc.text.blocks.block import Block, BlockKind
from ragsvc.text.blocks.lines import (
    Line,
    ListMark,
    breaks_early,
    is_clause,
    is_first,
    is_letter,
    mark_of,
    moved,
)
from ragsvc.text.blocks.scan import LOOK_AHEAD_LINES, FoundBlock, Scan

_LEAD_INS = (":", "：")
# No sentence has these.
_CERTAIN_BULLETS = frozenset("•‣◦▪●")
# An item so wide that ends without a stop goes on below its mark.
MIN_WRAP_COLUMNS = 40
# Wrapped text does not stand so much further in than its first line.
MIN_INDENT = 2
MIN_BARRED = 3
_STOPS = (".", "!", "?", ":", ";", "。", "！", "？")
# Dashes open sentences and asides as well.
_RARE_BULLETS = frozenset("–—·+")


def begins_list(scan: Scan, lines: Sequence[Line], at: int, *, fresh: bool) -> bool:
    """Whether line `at` is the first item of a list.

    :param fresh: whether a block may begin here: after a blank line, at the start. Inside a paragraph it
        takes an announcement before it or a second item after it.
    """
    mark = mark_of(scan.text, lines[at])
    if mark is None:
        return False
    if mark.style in _CERTAIN_BULLETS:
        return True
    sibling = _has_sibling(scan, lines, at, mark, over_blanks=fresh)
    if is_letter(mark) or is_clause(mark):
        return sibling and (fresh or is_first(mark))
    if fresh:
        certain = mark.is_bullet and mark.style not in _RARE_BULLETS
        return sibling or certain or (is_first(mark) and not mark.is_bullet)
    if scan.said(lines[at - 1]).endswith(_LEAD_INS) or _ends(scan, lines[at - 1], _LEAD_INS):
        return True
    if mark.is_bullet and lines[at].indent >= lines[at - 1].indent + MIN_INDENT:
        return True
    return sibling and is_first(mark)


def _ends(scan: Scan, line: Line, signs: tuple[str, ...]) -> bool:
    return scan.text.endswith(signs, line.first, line.end)


def _has_sibling(scan: Scan, lines: Sequence[Line], at: int, mark: ListMark, *, over_blanks: bool) -> bool:
    line = lines[at]
    for following in lines[at + 1 : at + 1 + LOOK_AHEAD_LINES]:
        if following.is_blank:
            if not over_blanks:
                return False
            continue
        if following.indent < line.indent:
            return False
        if following.indent == line.indent:
            other = mark_of(scan.text, following)
            if other and mark.precedes(other):
                return True
            if over_blanks and lines[following.number - lines[0].number - 1].is_blank:
                return False
    return False


def list_at(scan: Scan, lines: Sequence[Line], at: int, depth: int, level: int = 0) -> FoundBlock:
    """The list that begins at line `at`."""
    items: list[Block] = []
    mark = mark_of(scan.text, lines[at])
    assert mark is not None
    ordered = not mark.is_bullet
    stop = at
    place: int | None = at
    while place is not None and mark is not None:
        stop, place = _item_end(scan, lines, place, mark), place
        items.append(_item(scan, lines[place:stop], mark, depth))
        place = _next_item(scan, lines, stop, lines[place], mark)
        mark = mark_of(scan.text, lines[place]) if place is not None else None
    start, end = items[0].start, items[-1].end
    block = Block(BlockKind.LIST, start, end, start, end, level=level, ordered=ordered, children=tuple(items))
    return FoundBlock(block, stop)


def _item(scan: Scan, lines: Sequence[Line], mark: ListMark, depth: int) -> Block:
    inner = [moved(lines[0], mark.end, mark.column), *lines[1:]]
    end = lines[-1].end
    return Block(
        BlockKind.ITEM, lines[0].first, end, mark.end, end, children=tuple(scan.region(inner, depth + 1))
    )


def _item_end(scan: Scan, lines: Sequence[Line], at: int, mark: ListMark) -> int:
    """Number of the line after the last one that belongs to the item at line `at`."""
    line = lines[at]
    stop = at + 1
    after_blank = False
    for place in range(at + 1, len(lines)):
        following = lines[place]
        if following.is_blank:
            after_blank = True
            continue
        if following.indent <= line.indent:
            if after_blank or _is_next(scan, line, mark, following):
                break
            if not _goes_on(scan, lines[place - 1], following):
                break
        elif after_blank and following.indent < min(mark.column, line.indent + 2):
            break
        stop, after_blank = place + 1, False
    return stop


def _is_next(scan: Scan, line: Line, mark: ListMark, following: Line) -> bool:
    other = mark_of(scan.text, following)
    return other is not None and following.indent == line.indent and mark.precedes(other)


def _goes_on(scan: Scan, line: Line, following: Line) -> bool:
    """Whether a line that is not indented belongs to the item above it all the same."""
    first = scan.text[following.first]
    if first.islower() or not breaks_early(scan.text, line, following):
        return True
    wide = line.width >= max(MIN_WRAP_COLUMNS, line.wide // 2)
    return wide and not _ends(scan, line, _STOPS)


def _next_item(scan: Scan, lines: Sequence[Line], stop: int, line: Line, mark: ListMark) -> int | None:
    place = stop
    while place < len(lines) and lines[place].is_blank:
        place += 1
    return place if place < len(lines) and _is_next(scan, line, mark, lines[place]) else None


def is_quoted(scan: Scan, line: Line) -> bool:
    """Whether a line begins with the sign of mails for quoted text."""
    return scan.text.startswith(">", line.first, line.end) and not scan.text.startswith(">>> ", line.first)


def is_barred(scan: Scan, lines: Sequence[Line], at: int) -> bool:
    """Whether lines begin that have a bar at their start alone, as below the classes of pydoc."""
    return at + MIN_BARRED <= len(lines) and all(
        scan.text.startswith("|", line.first, line.end) and scan.text.count("|", line.first, line.end) == 1
        for line in lines[at : at + MIN_BARRED]
    )


def begins_quote(scan: Scan, lines: Sequence[Line], at: int, *, fresh: bool) -> bool:
    """Whether quoted lines begin: one is enough where a block may begin, else it takes two."""
    if not is_quoted(scan, lines[at]):
        return is_barred(scan, lines, at)
    return (
        fresh
        or _ends(scan, lines[at - 1], _LEAD_INS)
        or (at + 1 < len(lines) and is_quoted(scan, lines[at + 1]))
    )


def quote_at(scan: Scan, lines: Sequence[Line], at: int, depth: int) -> FoundBlock:
    """The quoted lines from line `at` on."""
    stop = at
    inner: list[Line] = []
    sign = scan.text[lines[at].first]
    while stop < len(lines) and scan.text.startswith(sign, lines[stop].first, lines[stop].end):
        line = lines[stop]
        first, column = line.first + 1, line.indent + 1
        while first < line.end and scan.text[first] in " \t":
            first, column = first + 1, column + 1
        inner.append(moved(line, first, column))
        stop += 1
    block = scan.span(BlockKind.QUOTE, lines[at:stop])
    children = tuple(replace(child, margin=sign) for child in scan.region(inner, depth + 1))
    content = children[0].start if children else block.end
    return FoundBlock(
        Block(BlockKind.QUOTE, block.start, block.end, content, block.end, children=children), stop
    )
