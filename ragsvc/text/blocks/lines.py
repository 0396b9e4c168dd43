"""The lines of a plain text, with their indentation and what their first characters announce."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

TAB_COLUMNS = 8
# What a line is told by: nothing that opens a block is longer.
HEAD_CHARS = 160

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BULLET = re.compile(r"[-*+•‣◦▪●·–—][ \t]+(?=\S)|o[ \t]{2,4}(?=\S)")
_NUMBER = re.compile(r"(\(?)(\d{1,3}|[A-Za-z])([.)])[ \t]+(?=\S)")
# 3.2, A.1: a clause of a standard or a law.
_CLAUSE = re.compile(r"((?:[A-Z]|\d{1,3})(?:\.\d{1,3}){0,3}\.)(\d{1,3})\.?[ \t]+(?=\S)")
_OPTION = re.compile(r"--?[A-Za-z?#@][^\s]*|-\d(?=[\s,]|$)|--\d")
_GAP = re.compile(r"\t[ \t]*| [ \t]+(?<=[ \t]{2})")
_STAMP = re.compile(
    r"[\[<(\"']?(?:\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d|\d\d?[./]\d\d?[./]\d{2,4}"
    r"|[A-Z][a-z]{2} [ \d]\d|\d\d/[A-Z][a-z]{2}/\d{4})?"
    r"[T :]?\d\d?:\d\d(?::\d\d)?"
)
_RUN = re.compile(r"([=\-_*~#+^\"'`:.<>])\1{2,}$")
_RULE = re.compile(r"(?:([=\-_*~#+])[ \t]*)(?:\1[ \t]*){2,}$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text.

    start: offset of what belongs to it, its indentation included. first, end: of its text without white
    space; equal for a blank line. indent: columns before its text. width: columns up to its end.
    wide: width of the widest line around it up to the next blank ones.
    """

    number: int
    start: int
    first: int
    end: int
    indent: int
    width: int
    wide: int

    @property
    def is_blank(self) -> bool:
        """Whether nothing is on it."""
        return self.first >= self.end


@dataclass(frozen=True, slots=True)
class ListMark:
    """The mark of a list item.

    style: equal for items of one list. value: of a number or letter, 0 for a bullet.
    end: offset of the text behind it. column: where that text stands.
    """

    style: str
    value: int
    end: int
    column: int

    @property
    def is_bullet(self) -> bool:
        """Whether it has no number."""
        return not self.value

    def precedes(self, other: ListMark) -> bool:
        """Whether the other may be the next item's."""
        return self.style == other.style and (self.is_bullet or other.value in (self.value, self.value + 1))


def lines_of(text: str, start: int = 0, end: int | None = None) -> list[Line]:
    """The lines of text[start:end]."""
    found: list[Line] = []
    stanza = 0
    for match in _LINE.finditer(text, start, len(text) if end is None else end):
        line = _line(text, len(found), match.start(), match.end())
        if line.is_blank:
            _widen(found, stanza)
            stanza = len(found) + 1
        found.append(line)
    _widen(found, stanza)
    return found


def _widen(lines: list[Line], stanza: int) -> None:
    if widest := max((line.width for line in lines[stanza:]), default=0):
        lines[stanza:] = [replace(line, wide=widest) for line in lines[stanza:]]


def _line(text: str, number: int, start: int, end: int) -> Line:
    while end > start and text[end - 1].isspace():
        end -= 1
    first = start
    indent = 0
    while first < end and text[first].isspace():
        indent += TAB_COLUMNS - indent % TAB_COLUMNS if text[first] == "\t" else 1
        first += 1
    return Line(number, start, first, end, indent, indent + end - first, indent + end - first)


def moved(line: Line, first: int, column: int) -> Line:
    """The rest of a line from offset `first` on, which stands in `column`."""
    return replace(line, start=first, first=min(first, line.end), indent=column)


def head(text: str, line: Line) -> str:
    """The beginning of what is on a line."""
    return text[line.first : min(line.end, line.first + HEAD_CHARS)]


def mark_of(text: str, line: Line) -> ListMark | None:
    """The mark of the list item that a line could be."""
    found = _BULLET.match(text, line.first, line.end)
    if found:
        return ListMark(text[line.first], 0, found.end(), line.indent + found.end() - line.first)
    found = _CLAUSE.match(text, line.first, line.end)
    if found:
        prefix, number = found.groups()
        return ListMark(f"§{prefix}", int(number) + 1, found.end(), line.indent + found.end() - line.first)
    found = _NUMBER.match(text, line.first, line.end)
    if not found:
        return None
    opening, label, closing = found.groups()
    if opening and closing == ".":
        return None
    if label.isdigit():
        kind, value = "1", int(label) + 1
    else:
        kind, value = ("a", ord(label) - 96) if label.islower() else ("A", ord(label) - 64)
    return ListMark(opening + kind + closing, value, found.end(), line.indent + found.end() - line.first)


def is_first(mark: ListMark) -> bool:
    """Whether a list begins with such a mark: a bullet, 0, 1, a or A."""
    return mark.value <= (1 if is_letter(mark) else 2)


def is_letter(mark: ListMark) -> bool:
    """Whether it is a letter, as initials and grades are."""
    return not is_clause(mark) and "a" in mark.style.lower()


def is_clause(mark: ListMark) -> bool:
    """Whether it is a number of several parts."""
    return mark.style.startswith("§")


def is_option(text: str, line: Line) -> bool:
    """Whether a line begins like the description of an option: -x, --long."""
    return _OPTION.match(text, line.first, line.end) is not None


def gap_of(text: str, line: Line, most: int = 48) -> tuple[int, int] | None:
    """The first gap of two blanks or more inside a line, at most `most` characters into it."""
    found = _GAP.search(text, line.first, min(line.end, line.first + most + 40))
    if found is None or found.start() - line.first > most or found.end() >= line.end:
        return None
    return found.start(), found.end()


def is_stamped(text: str, line: Line) -> bool:
    """Whether a line begins with a time, as those of a log do."""
    return _STAMP.match(text, line.first, line.end) is not None


def run_of(text: str, line: Line) -> str:
    """The sign that a line repeats, as below a title; "" when it has any other."""
    found = _RUN.match(text, line.first, line.end) if line.end - line.first <= HEAD_CHARS else None
    return found.group(1) if found else ""


def is_rule(text: str, line: Line) -> bool:
    """Whether a line only divides: -----, * * *."""
    return line.end - line.first <= HEAD_CHARS and _RULE.match(text, line.first, line.end) is not None


def breaks_early(text: str, line: Line, following: Line) -> bool:
    """Whether the first word of the next line would have fitted: the break is meant."""
    word = text[following.first : min(following.end, following.first + 40)].split(None, 1)
    return bool(word) and line.width + 1 + len(word[0]) <= line.wide


def stretch(lines: Sequence[Line], at: int, indent: int) -> int:
    """Number after the last line from `at` on that is indented so far; blank ones may be between."""
    stop = at
    for place in range(at, len(lines)):
        if lines[place].is_blank:
            continue
        if lines[place].indent < indent:
            break
        stop = place + 1
    return stop


def filled(lines: Sequence[Line]) -> Iterator[Line]:
    """Those that are not blank."""
    return (line for line in lines if not line.is_blank)
