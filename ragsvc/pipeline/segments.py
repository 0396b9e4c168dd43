"""An answer cut into sentences while it comes in pieces."""

from __future__ import annotations

import itertools

from ragsvc.pipeline.support import bare
from ragsvc.text.sentences import sentences

_WIDE = "。！？｡"
_STOPS = frozenset(".!?…\n" + _WIDE)
# What follows a stop sign decides whether it ends a sentence; after so many words it has decided.
_WORDS_AFTER = 3


class Segments:
    """Gives each sentence once it is whole, with its markers and the white space after it.

    All segments joined are the text. Each character is judged by itself, so the cuts do not depend on how
    the text comes in pieces.
    """

    def __init__(self) -> None:
        self._open: list[str] = []
        self._words_left = 0

    def feed(self, text: str) -> list[str]:
        """The segments that are whole after more text."""
        done: list[str] = []
        for char in text:
            self._open.append(char)
            if char in _STOPS:
                self._words_left = _WORDS_AFTER
            if char in _WIDE or (char.isspace() and self._words_left):
                self._words_left -= 1
                done += self._whole()
        return done

    def end(self) -> list[str]:
        """The last segments, when nothing more comes."""
        cut = _cut("".join(self._open))
        self._open = []
        return cut

    def _whole(self) -> list[str]:
        """All segments but the last: what comes next may still belong to it."""
        *done, last = _cut("".join(self._open))
        if done:
            self._open = [last]
        return done


def _cut(text: str) -> list[str]:
    starts = [span.start for span in sentences(bare(text))][1:]
    bounds = [0, *starts, len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds) if end > start]
