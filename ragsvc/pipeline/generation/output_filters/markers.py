"""The ways in which language models write markers, each turned into the one that is checked: [1]."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_OPENERS = "[［【"
_CLOSERS = "]］】"
# A longer one is no list of passages; held text must not grow without limit.
MAX_CHARS = 60
_MAX_RANGE = 20
_WORD = r"(?:passages?|sources?|documents?|docs?|refs?)"
_NUMBERS = r"\d+(?:\s*[-–]\s*\d+)?"
_WHOLE = re.compile(
    rf"\^?\s*+(?:{_WORD}\s*+)?[#:]?\s*+({_NUMBERS}(?:\s*+(?:,|;|&|and)\s*+(?:{_WORD}\s*+)?{_NUMBERS})*)\s*",
    re.IGNORECASE,
)
_MAY_BE_INSIDE = re.compile(r"[\w\s,;&#:^–-]", re.UNICODE)
_PART = re.compile(r"(\d+)(?:\s*[-–]\s*(\d+))?")


class MarkerNotation:
    """Rewrites the markers of one answer while it comes in pieces.

    Markers are [1], [1, 2], [1-3], [Passage 1], [^1], ［1］, 【1】, also in other digits of Unicode; one that
    names several passages becomes [1][2]. A number that no passage has goes; a marker without any becomes
    [0], which `markers.MarkerCheck` takes out with its blank. Lists in code (`[1, 2]`) are no markers.
    """

    def __init__(self, numbers: Collection[int]) -> None:
        self._numbers = frozenset(numbers)
        # What may become a marker, and what may become one once a marker inside it has gone.
        self._open: list[str] = []
        self._code = CodeSpans()

    def feed(self, piece: str) -> str:
        """What is certain after one more piece; each character is judged by itself."""
        return "".join(map(self._step, piece))

    def end(self) -> str:
        """What was held back, when nothing more comes."""
        held = "".join(self._open)
        self._open.clear()
        return held

    def _step(self, char: str) -> str:
        in_code = self._code.step(char)
        if char in _OPENERS and not in_code:
            self._open.append(char)
            return self.end() if sum(map(len, self._open)) > MAX_CHARS else ""
        if not self._open:
            return char
        if char in _CLOSERS:
            return self._closed(self._open.pop() + char)
        if sum(map(len, self._open)) < MAX_CHARS and _MAY_BE_INSIDE.match(char):
            self._open[-1] += char
            return ""
        return self.end() + char

    def _closed(self, text: str) -> str:
        found = _WHOLE.fullmatch(unicodedata.normalize("NFKC", text[1:-1]))
        if not found:
            return self.end() + text
        listed = [number for number in _listed(found.group(1)) if number in self._numbers]
        if not listed and self._open:
            self._open[-1] = self._open[-1].removesuffix(" ")
            return ""
        return self.end() + "".join(f"[{number}]" for number in listed or [0])


class CodeSpans:
    """Whether the text stands in a span or a block of code, as Markdown has them."""

    def __init__(self) -> None:
        self._marks = 0
        self._span = self._block = False

    def step(self, char: str) -> bool:
        if char == "`":
            self._marks += 1
            return True
        if self._marks >= 3:
            self._block = not self._block
        elif self._marks:
            self._span = not self._span
        self._marks = 0
        if char == "\n":
            self._span = False
        return self._span or self._block


def _listed(numbers: str) -> list[int]:
    listed: dict[int, None] = {}
    for first, last in _PART.findall(numbers):
        begin, end = int(first), int(last or first)
        listed |= dict.fromkeys(range(begin, min(end, begin + _MAX_RANGE) + 1))
    return list(listed)
