"""What a line in a list of sources is: the name of a passage, a work somewhere else, or neither."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ragsvc.domain import Hit
from ragsvc.pipeline.generation.output_filters.output import LEFT_OUT
from ragsvc.pipeline.grounding.citations import bare, numbers_in

# Longer ones are sentences.
_MAX_WORDS = 15
# Words that a list of sources has besides titles, and small ones within titles and between authors.
_FILLING = frozenset("passage passages page pages p pp section document see from the and".split())  # noqa: SIM905
_SMALL = frozenset("a al an de der des die du et for in la le of on to und van von y".split())  # noqa: SIM905
_WORD = re.compile(r"\w+")
_BULLET = re.compile(r"\A\s*(?:[-*+•–>]+\s+|\(?\d{1,3}[.)]\s+)*")
_BEFORE_MARKER = re.compile(r"(?=\[\d{1,4}\])")
_MARKER_FIRST = re.compile(r"\[\d{1,4}\]")
_BETWEEN = re.compile(r"[,;:()|>\n]|\s(?:and|[-–—])\s")
# An address; what stands for one that was left out; the number of an article.
_ADDRESS = re.compile(
    rf"(?:https?://|www\.)\S+|(?<!\S){LEFT_OUT}(?!\w)|\b(?:doi:\s*)?10\.\d{{4,}}/\S+", re.IGNORECASE
)
# Both are matched from the beginning of a text, so that they look through it once.
_YEAR = re.compile(r"\W*+\w.*\((?:1[5-9]|20)\d\d[a-z]?\)", re.DOTALL)
_JOURNAL = re.compile(r"\W*+\w.*(?<![*\w])[*_](?=[^\s*_])[^*_]+[*_](?![*\w])", re.DOTALL)


class References:
    """Tells references from sentences, by the passages of one answer."""

    def __init__(self, passages: Sequence[Hit]) -> None:
        self._names = [
            known
            for hit in passages
            for known in _runs((hit.passage.title, hit.passage.document_id, hit.passage.source, hit.corpus))
        ]
        self._headings = [_runs(hit.passage.headings) for hit in passages]

    def names_passages(self, item: str) -> bool:
        """Whether an item has at most names of passages, headings after their markers and page numbers."""
        return all(self._is_name(part) or _is_filling(part) for part in _parts(item))

    def is_reference(self, item: str) -> bool:
        """Whether an item names passages or looks bibliographic, and says nothing else."""
        parts = _parts(item)
        named = [self._is_name(part) or _is_work(part, self._names) for part in parts]
        return any(named) and all(name or _is_filling(part) for name, part in zip(named, parts, strict=True))

    def _is_name(self, part: str) -> bool:
        known = self._names
        marked = _MARKER_FIRST.match(part)
        if marked:
            known = known + [run for number in numbers_in(part) for run in self._headings[number - 1]]
        named = [each for each in _names_in(bare(part)) if each]
        return bool(named or marked) and all(_stands_in(each, known) for each in named)


def _parts(item: str) -> list[str]:
    """An item without its bullet, cut before each marker; without what holds nothing but marks."""
    said = _BULLET.sub("", item, count=1)
    return [part for part in _BEFORE_MARKER.split(said) if _WORD.search(part) or _ADDRESS.search(part)]


def _is_filling(part: str) -> bool:
    words = _words(part)
    return not _core(words) and any(word.lower() in _FILLING for word in words)


def _is_work(part: str, known: Sequence[str]) -> bool:
    """Whether a part of an item is a title with an author, an address or a marker, in capitals."""
    said = _ADDRESS.sub(" ", bare(part))
    if len(_WORD.findall(said)) > _MAX_WORDS:
        return False
    signs = _MARKER_FIRST.match(part) or _ADDRESS.search(part) or _YEAR.match(said) or _JOURNAL.match(said)
    return signs is not None and all(
        _stands_in(_core(words), known) or all(map(_is_capital, words))
        for words in map(_words, _BETWEEN.split(said))
    )


def _is_capital(word: str) -> bool:
    return word[0].isupper() or word[0].isdigit() or word in _SMALL or word in _FILLING


def _names_in(text: str) -> Iterable[str]:
    return (_core(_words(part)) for part in _BETWEEN.split(text))


def _words(text: str) -> list[str]:
    return [word for found in _WORD.findall(text) if (word := found.strip("_"))]


def _core(words: Sequence[str]) -> str:
    """Words in small letters, without numbers and words such as "page" at their ends."""
    least = [word.lower() for word in words]
    while least and (least[-1].isdigit() or least[-1] in _FILLING):
        least.pop()
    while least and (least[0].isdigit() or least[0] in _FILLING):
        least.pop(0)
    return " ".join(least)


def _runs(names: Iterable[str]) -> list[str]:
    """The words of each name in a row; an address is none, for its words are in many sentences."""
    return [" ".join(_words(name)).lower() for name in names if "://" not in name]


def _stands_in(words: str, known: Iterable[str]) -> bool:
    """Whether words stand in a name as they do here, one after another."""
    return any(f" {words} " in f" {name} " for name in known)
