"""The outline of a Markdown text: where its headings stand and what they sit under."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

MAX_HEADING_CHARS = 200

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})(?=[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_NOT_PARAGRAPH = re.compile(r" {0,3}(?:[-*+>|]|\d+[.)]| {4}|\t|<)")
_INTERESTING = re.compile(r"^ {0,3}(?:#|`{3}|~{3}|=+[ \t]*$|-{2,}[ \t]*$)", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)")
_MARKS = re.compile(r"(?<![\w*])[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}(?![\w*])|`")


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading; start and end are the code point offsets of its line or lines.

    ancestors: numbers of the headings it sits under, outermost first, then its own.
    """

    start: int
    end: int
    level: int
    title: str
    ancestors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """All headings of a text in order."""

    headings: tuple[Heading, ...]
    starts: tuple[int, ...]

    def path(self, number: int, *, before: int | None = None) -> tuple[str, ...]:
        """Titles from the outermost heading down to heading `number`; () for -1.

        :param before: leave out headings that start at this offset or later.
        """
        if number < 0:
            return ()
        above = (self.headings[each] for each in self.headings[number].ancestors)
        return tuple(each.title for each in above if each.title and (before is None or each.start < before))

    def leading(self, text: str, start: int, end: int) -> int:
        """Find the last of the headings that text[start:end] opens with.

        :return: its number; the heading in force at `start` when the span opens with none; or -1.
        """
        number = bisect_left(self.starts, start) - 1
        cursor = start
        for following in range(number + 1, len(self.headings)):
            heading = self.headings[following]
            if heading.start >= end or text[cursor : heading.start].strip():
                break
            number, cursor = following, heading.end
        return number


EMPTY_OUTLINE = Outline((), ())


def outline(text: str) -> Outline:
    """Scan a Markdown text; `#` inside fenced code is no heading."""
    headings: list[Heading] = []
    stack: list[int] = []
    for start, end, level, title in _scan(text):
        while stack and headings[stack[-1]].level >= level:
            stack.pop()
        stack.append(len(headings))
        headings.append(Heading(start, end, level, title, tuple(stack)))
    return Outline(tuple(headings), tuple(heading.start for heading in headings))


def _scan(text: str) -> list[tuple[int, int, int, str]]:
    found: list[tuple[int, int, int, str]] = []
    fence = ""
    for match in _INTERESTING.finditer(text):
        start = match.start()
        stop = text.find("\n", start)
        end = len(text) if stop < 0 else stop
        line = text[start:end]
        mark = _FENCE.match(line)
        if fence or mark:
            fence = _next_fence(fence, mark, line)
            continue
        atx = split_heading(line)
        if atx:
            found.append((start, end, atx[0], plain(atx[1])))
            continue
        underline = _UNDERLINE.match(line)
        if underline:
            above = _paragraph_above(text, start)
            if above is not None:
                level = 1 if underline.group(1)[0] == "=" else 2
                found.append((above, end, level, plain(text[above : start - 1])))
    return found


def split_heading(line: str) -> tuple[int, str] | None:
    """Level and title of a line that begins with number signs; None for any other line."""
    marks = _ATX.match(line)
    if marks is None:
        return None
    title = line[marks.end() :].strip(" \t")
    closed = title.rstrip("#")
    if closed != title and closed.endswith((" ", "\t")):
        title = closed.rstrip(" \t")
    return len(marks.group(1)), title


def _paragraph_above(text: str, start: int) -> int | None:
    """Offset of a one-line paragraph that ends right before `start`; None when there is none."""
    if start < 2:
        return None
    above = text.rfind("\n", 0, start - 1) + 1
    line = text[above : start - 1]
    if not line.strip() or _NOT_PARAGRAPH.match(line) or _ATX.match(line):
        return None
    before = text[text.rfind("\n", 0, above - 1) + 1 : above] if above else ""
    return None if before.strip() and not _ATX.match(before.rstrip("\n")) else above


def _next_fence(fence: str, mark: re.Match[str] | None, line: str) -> str:
    if mark is None:
        return fence
    ticks = mark.group(1)
    if not fence:
        # A backtick fence has no backtick in its info string; else it is inline code.
        return "" if ticks[0] == "`" and "`" in line[mark.end() :] else ticks
    closes = ticks[0] == fence[0] and len(ticks) >= len(fence) and not line[mark.end() :].strip()
    return "" if closes else fence


def plain(heading: str) -> str:
    """Take Markdown's marks off a heading: links become their text, white space one blank."""
    text = _LINK.sub(r"\1", _without_anchor(heading))
    return " ".join(_MARKS.sub("", text).split())[:MAX_HEADING_CHARS]


def _without_anchor(heading: str) -> str:
    """Take the name that Markdown's dialects put behind a heading off it: {#name}."""
    text = heading.rstrip(" \t")
    at = text.rfind("{#")
    if at < 0 or text.find("}", at) != len(text) - 1 or "{" in text[at + 1 :] or "\n" in text[at:]:
        return heading
    return text[:at]
