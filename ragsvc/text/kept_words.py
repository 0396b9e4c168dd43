"""Whether a parser kept what a plain, independent reading of the same bytes finds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ragsvc.domain import Caveat

_WORD = re.compile(r"\w+")
_KEPT_SHARE = 0.5
_LOST_SHARE = 0.05
_LOST_WORDS = 12
_CJK_FROM = "\u2e80"


@dataclass(frozen=True, slots=True)
class KeptWords:
    """missing: paragraphs of the plain reading that the text does not hold, in order, each once."""

    missing: tuple[str, ...]
    words: int
    lost: int

    @property
    def share(self) -> float:
        """Share of the words of the plain reading that the text holds, [0, 1]."""
        return 1.0 - self.lost / self.words if self.words else 1.0


def compare(text: str, paragraphs: Iterable[str]) -> KeptWords:
    """Hold a text against the paragraphs of a plain reading.

    A paragraph is missing when the text holds less than half of its words, wherever they stand.
    """
    kept = set(words_of(text))
    missing: dict[str, None] = {}
    words = lost = 0
    for paragraph in paragraphs:
        own = words_of(paragraph)
        gone = sum(word not in kept for word in own)
        words += len(own)
        lost += gone
        if own and gone > len(own) * _KEPT_SHARE:
            missing[paragraph] = None
    return KeptWords(tuple(missing), words, lost)


def fill_in(text: str, paragraphs: Sequence[str]) -> tuple[str, tuple[Caveat, ...]]:
    """Add the paragraphs that a text lacks at its end, and say so.

    :return: the text, and what a reader of it should know.
    """
    found = compare(text, paragraphs)
    caveats: list[Caveat] = []
    if found.missing:
        text = "\n\n".join([text.rstrip("\n"), *found.missing]).lstrip("\n") + "\n"
        number = len(found.missing)
        words = f"{number} paragraph{'' if number == 1 else 's'} that the parser left out stand at the end"
        caveats.append(Caveat("text_out_of_place", words))
        found = compare(text, paragraphs)
    return text, (*caveats, *lost_caveats(found))


def lost_caveats(found: KeptWords) -> tuple[Caveat, ...]:
    """Whether so much is missing that it must be said."""
    if found.lost < _LOST_WORDS or found.lost < found.words * _LOST_SHARE:
        return ()
    words = f"{found.share:.0%} of {found.words} words of the file were kept"
    return (Caveat("text_lost", words),)


def words_of(text: str) -> list[str]:
    """Words in lower case; characters of scripts without blanks count one by one."""
    found: list[str] = []
    for word in _WORD.findall(text.lower()):
        if word > _CJK_FROM:
            found.extend(word)
        else:
            found.append(word)
    return found
