"""Headings of plain text: underlined, in capitals, numbered as in standards, and as in manual pages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragsvc.text.blocks.block import Block, BlockKind
from ragsvc.text.blocks.lines import Line, breaks_early, gap_of, mark_of, run_of
from ragsvc.text.blocks.scan import FoundBlock, Scan, is_capitals, section_number

MAX_TITLE_CHARS = 120
LOWEST_LEVEL = 6
# 3, 3.2, A, A.1
_LABEL = re.compile(r"((?:[A-Z]|[1-9]\d?)(?:\.\d{1,2}){0,3})\.?[ \t]+")
_STOPS = (".", ",", ";", ":", "?", "!")


def underlined(scan: Scan, lines: Sequence[Line], at: int) -> FoundBlock | None:
    """A title with a run of one sign below it, or above and below."""
    over = run_of(scan.text, lines[at])
    title = at + 1 if over else at
    if title + 1 >= len(lines) or lines[title].is_blank:
        return None
    under = run_of(scan.text, lines[title + 1])
    if not under or (over and over != under) or run_of(scan.text, lines[title]):
        return None
    line, rule = lines[title], lines[title + 1]
    chars = line.end - line.first
    long_enough = rule.end - rule.first >= max(3, chars * 3 // 4)
    gap = gap_of(scan.text, line, MAX_TITLE_CHARS)
    if chars > MAX_TITLE_CHARS or not long_enough or (gap and gap[1] - gap[0] > 2):
        return None
    style = over + under
    if style not in scan.styles:
        scan.styles.append(style)
    level = min(scan.styles.index(style) + 1, 6)
    block = Block(BlockKind.HEADING, lines[at].first, rule.end, line.first, line.end, level=level)
    return FoundBlock(block, title + 2)


def titled(scan: Scan, lines: Sequence[Line], at: int, depth: int) -> FoundBlock | None:
    """A line alone that is a heading by its words, its number or its place."""
    line = lines[at]
    said = scan.said(line)
    if line.end - line.first > MAX_TITLE_CHARS or depth > 0 or said.endswith(_STOPS):
        return None
    below = lines[at + 1] if at + 1 < len(lines) else None
    after = next((each for each in lines[at + 1 : at + 6] if not each.is_blank), None)
    if after is None or below is None:
        return None
    deeper = not below.is_blank and below.indent > line.indent
    if not (below.is_blank or deeper):
        return None
    level, content = _level(scan, line, after, said, deeper=deeper)
    if not level and deeper and _heads_list(scan, line, below):
        level = LOWEST_LEVEL
    if not level:
        return None
    start = line.first + content
    return FoundBlock(Block(BlockKind.HEADING, line.first, line.end, start, line.end, level=level), at + 1)


def inlaid(scan: Scan, lines: Sequence[Line], at: int, depth: int) -> FoundBlock | None:
    """A heading between full lines without blank ones around it, as the text of a PDF has them.

    It is a short line in capitals or with a number like 3.2, and neither it nor the line above is full.
    """
    line = lines[at]
    if depth or line.end - line.first > MAX_TITLE_CHARS or at + 1 >= len(lines) or lines[at + 1].is_blank:
        return None
    said = scan.said(line)
    label = _LABEL.match(said)
    parts = 0
    if label and is_capitals(said[label.end() :]):
        parts = label.group(1).count(".") + 1
    elif section_number(said)[0] > 1:
        parts = section_number(said)[0]
    if said.endswith(_STOPS) or not (parts or is_capitals(said)):
        return None
    if not breaks_early(scan.text, line, lines[at + 1]) or _is_full(scan, lines, at - 1):
        return None
    return FoundBlock(
        Block(BlockKind.HEADING, line.first, line.end, line.first, line.end, level=max(parts, 1)), at + 1
    )


def _is_full(scan: Scan, lines: Sequence[Line], at: int) -> bool:
    """Whether a line goes on below: it does not end in a stop, and the next word would not have fitted."""
    if at < 0 or lines[at].is_blank:
        return False
    ended = scan.text.endswith((".", "!", "?", ":"), lines[at].first, lines[at].end)
    return not ended and not breaks_early(scan.text, lines[at], lines[at + 1])


def _level(scan: Scan, line: Line, after: Line, said: str, *, deeper: bool) -> tuple[int, int]:
    """Level of a heading, 0 for none, and how many characters stand before its text."""
    hashes = len(said) - len(said.lstrip("#"))
    if 1 < hashes <= 6 and said[hashes : hashes + 1] == " " and not deeper:
        return hashes, hashes + 1
    parts, _ = section_number(said)
    if parts and line.indent <= 3 and not deeper:
        return (parts, 0) if parts > 1 or _is_chapter(scan, line, after) else (0, 0)
    if gap_of(scan.text, line, MAX_TITLE_CHARS) and "   " in said:
        return 0, 0
    if line.indent == 0 and is_capitals(said) and mark_of(scan.text, line) is None:
        return 1, 0
    if not scan.is_manual or not deeper or mark_of(scan.text, line) or not said[:1].isupper():
        return 0, 0
    if line.indent == 0:
        return 1, 0
    return (2, 0) if line.indent <= 4 and len(said) <= 70 else (0, 0)


def _heads_list(scan: Scan, line: Line, below: Line) -> bool:
    """Whether a line at the margin names the list that is indented below it: a version and its changes."""
    mark = mark_of(scan.text, below)
    return line.indent == 0 and mark is not None and mark.is_bullet and mark_of(scan.text, line) is None


def _is_chapter(scan: Scan, line: Line, after: Line) -> bool:
    """Whether "3. Title" is a heading, not the third item of a list."""
    if section_number(scan.said(after))[0] > 1:
        return True
    mark, following = mark_of(scan.text, line), mark_of(scan.text, after)
    if mark is None or (following and after.indent == line.indent and following.style == mark.style):
        return False
    is_wide = scan.text[mark.end - 2].isspace()
    return (scan.is_numbered or is_wide) and after.indent < mark.column
