"""Names as they are compared, and where a text holds them as whole words."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np
from ahocorasick_rs import AhoCorasick, MatchKind

from ragsvc.domain import I32Vector, Span
from ragsvc.text.sentences import prose_sentences, trimmed

_MIN_CHARS = 3
# Of a script without blanks between words, fewer signs are a name.
_MIN_WIDE_CHARS = 2
_TOKEN = re.compile(r"\S+")
# Lines of prose are cited whole; what is longer is cited by its sentence.
_MAX_LINE_CHARS = 300


def plain(text: str) -> str:
    """A text with one blank between words, and compatible signs made alike (NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def fold(name: str) -> str:
    """What all spellings of a name have in common."""
    return plain(name).casefold()


def spelling_of(name: str) -> str:
    """How a name is looked for in texts; "" for one that is too common a shape to be looked for.

    A single word of letters counts only as it is written, and a word in small letters not at all; all else
    counts in any case. The two are told apart by the first sign: "=" for what counts as written.
    """
    known = plain(name)
    wide = any(map(_is_wide, known))
    if len(known) < (_MIN_WIDE_CHARS if wide else _MIN_CHARS) or not any(map(str.isalpha, known)):
        return ""
    if not known.isalpha() or wide:
        return known.casefold()
    return "" if known == known.lower() != known.upper() else f"={known}"


def is_common(name: str) -> bool:
    """Whether a name has the shape of any word: letters alone, with no capital inside it."""
    known = plain(name)
    return known.isalpha() and known[1:] == known[1:].lower() and not any(map(_is_wide, known))


class NameFinder:
    """Finds many names in a text at once, in one pass over it whatever their number (Aho-Corasick)."""

    def __init__(self, spellings: Iterable[tuple[int, str]]) -> None:
        """Take names by their numbers, each as of `spelling_of`."""
        exact: list[tuple[int, str]] = []
        folded: list[tuple[int, str]] = []
        for number, spelling in spellings:
            if spelling.startswith("="):
                exact.append((number, spelling[1:]))
            else:
                folded.append((number, spelling))
        self._exact, self._folded = _Automaton(exact), _Automaton(folded)

    def found(self, text: str) -> I32Vector:
        """The numbers of the names that a text holds, ascending."""
        written = plain(text)
        numbers = self._exact.found(written) | self._folded.found(written.casefold())
        return np.array(sorted(numbers), dtype=np.int32)


class _Automaton:
    def __init__(self, names: Sequence[tuple[int, str]]) -> None:
        self._numbers = [number for number, _ in names]
        # Names may overlap: all of them count.
        patterns = [name for _, name in names]
        self._made = AhoCorasick(patterns, matchkind=MatchKind.Standard) if patterns else None

    def found(self, text: str) -> set[int]:
        if self._made is None:
            return set()
        matches = self._made.find_matches_as_indexes(text, overlapping=True)
        return {self._numbers[at] for at, start, end in matches if _is_whole(text, start, end)}


def place_of(spelling: str, text: str) -> Span | None:
    """The first line of a text, or sentence of a long one, that holds a name; None where none does."""
    exact = spelling.startswith("=")
    tokens = [*_TOKEN.finditer(text)]
    seen = [plain(token.group()) if exact else fold(token.group()) for token in tokens]
    offsets = np.cumsum([0, *(len(token) + 1 for token in seen)]).tolist()
    line, name = " ".join(seen), spelling.removeprefix("=")
    at = line.find(name)
    while at >= 0 and not _is_whole(line, at, at + len(name)):
        at = line.find(name, at + 1)
    if at < 0:
        return None
    first = bisect_right(offsets, at) - 1
    last = bisect_right(offsets, at + len(name) - 1) - 1
    return _line_around(text, tokens[first].start(), tokens[last].end())


def _line_around(text: str, start: int, end: int) -> Span:
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    if stop - begin > _MAX_LINE_CHARS:
        # Of a line without sentences, so much around it.
        begin, stop = max(begin, start - 10 * _MAX_LINE_CHARS), min(stop, end + 10 * _MAX_LINE_CHARS)
        inside = [
            each for each in prose_sentences(text, begin, stop) if each.start < end and each.end > start
        ]
        begin, stop = (inside[0].start, inside[-1].end) if inside else (start, end)
    return trimmed(text, begin, stop) or Span(start, end)


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether no word goes on at either end."""
    return not (_goes_on(text, start) or _goes_on(text, end))


def _goes_on(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    return _is_word(left) and _is_word(right) and not (_is_wide(left) or _is_wide(right))


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _is_wide(sign: str) -> bool:
    """Whether a sign is of a script without blanks between words."""
    return sign > "\u0dff" and (unicodedata.east_asian_width(sign) in "WF" or "\u0e00" <= sign < "\u1000")
