"""Text of documents as Markdown that shows its characters and runs nothing, and back again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from markdown_it import MarkdownIt

# Where a tag, an image, or the target of a link begins; with the backslashes before it, which are
# counted from the first on, so that a long run of them is read once. Only addresses that people open in
# a browser stay links: a list of what is dangerous would never be whole.
_BACKSLASHES = r"(?<!\\)(?P<before>\\*+)"
_ACTIVE = re.compile(
    _BACKSLASHES + r"(?:<(?=[a-z/!?])|\](?=:|\((?!(?:https?://|mailto:)[^\s)])))", re.IGNORECASE
)
_IMAGE = re.compile(r"(?<=!)(?P<before>\\*+)\[")
_BESIDE = re.compile(_BACKSLASHES + r"(?:`|\](?=\())")
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n|\Z)")
_FENCES = ("```", "~~~")


def escaped(texts: Sequence[str]) -> list[str]:
    """Write backslashes before all that would become more than text when Markdown with HTML is shown.

    Code in fences stays as it is: nothing in it runs. Where something is escaped, all marks of code in lines
    and of links are: a backslash between the ones would be seen, and a bracket that lost its partner could
    find another. Each escape is what CommonMark shows as its character.

    :param texts: Markdown, one after the other: a fence of one may reach into the next.
    """
    whole = "".join(texts)
    stretches = list(_prose(whole))
    marks = [*_found(_ACTIVE, whole, stretches), *_found(_IMAGE, whole, stretches)]
    if not marks:
        return list(texts)
    marks += _found(_BESIDE, whole, stretches)
    added = {mark.start(): len(mark["before"]) + 1 for mark in marks}
    out: list[str] = []
    begin = 0
    for text in texts:
        end = begin + len(text)
        places = sorted(place for place in added if begin <= place < end)
        pieces: list[str] = []
        for place in places:
            pieces += (whole[begin:place], "\\" * added[place])
            begin = place
        out.append("".join(pieces) + whole[begin:end])
        begin = end
    return out


def unescaped(text: str) -> str:
    """What `escaped` was given, in one; also of the beginning of what it gave."""
    stretches = list(_prose(text))
    beside = _found(_BESIDE, text, stretches)
    marks = [*_found(_ACTIVE, text, stretches), *_found(_IMAGE, text, stretches)]
    if marks and all(len(mark["before"]) % 2 for mark in beside):
        marks += beside
    pieces: list[str] = []
    at = 0
    for mark in sorted(marks, key=lambda mark: mark.start()):
        pieces.append(text[at : mark.start()])
        at = mark.start() + (len(mark["before"]) + 1) // 2
    return "".join(pieces) + text[at:]


def _found(pattern: re.Pattern[str], text: str, stretches: Sequence[tuple[int, int]]) -> list[re.Match[str]]:
    return [found for start, end in stretches for found in pattern.finditer(text, start, end)]


def _prose(text: str) -> Iterator[tuple[int, int]]:
    """The stretches of Markdown that stand in no fence; one that is not closed reaches to its block's end."""
    if not any(fence in text for fence in _FENCES):
        yield 0, len(text)
        return
    # As the parser counts lines.
    lines = [found.span() for found in _LINE.finditer(text) if found.end() > found.start()]
    at = 0
    for token in _parser().parse(text):
        if token.type == "fence" and token.map and token.map[0] < len(lines):
            first, after = token.map
            if lines[first][0] > at:
                yield at, lines[first][0]
            at = lines[min(after, len(lines)) - 1][1]
    if at < len(text):
        yield at, len(text)


@cache
def _parser() -> MarkdownIt:
    """Of blocks alone. A definition of a link is no block here, because it is none once it is escaped."""
    parser = MarkdownIt("commonmark", {"html": False}).disable(["reference", "html_block"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
