"""Which candidates repeat a passage that is shown: they are listed with it instead of shown."""

from __future__ import annotations

import math

import numpy as np

from ragsvc.domain import SIGNATURE_VALUES, BoolVector, F64Vector, I64Vector, U16Matrix
from ragsvc.text.minhash import NEAR, similarities

_NOBODY = -1

# Near signatures differ in at most 25 of 128 values, so of any 32 they share at least 7. Others hardly
# ever do: looking at these first makes the comparison with every candidate four times cheaper.
_PROBED = 32
_SHARED = _PROBED - (SIGNATURE_VALUES - math.ceil(NEAR * SIGNATURE_VALUES))


class Collapser:
    """Candidates in the order of their scores, read a block at a time and folded onto what is shown.

    A candidate belongs to the first hit, in final order, that it repeats: its chunk is that hit's, held
    by another document, or is near that hit's by its signature. Hits that follow change nothing about
    it, so what is listed with a hit does not depend on how many are asked for.
    """

    def __init__(self, scores: F64Vector, signatures: U16Matrix | None) -> None:
        """
        :param scores: (m,) best first.
        :param signatures: (m, 128) uint16, zeros where unknown; None: every passage is shown.
        """
        self._scores = scores
        self._signatures = signatures
        self._probes = None if signatures is None else np.ascontiguousarray(signatures[:, :_PROBED].T)
        self._owners: I64Vector = np.full(len(scores), _NOBODY, dtype=np.int64)
        self._read: BoolVector = np.zeros(len(scores), dtype=np.bool_)
        self._repeats: list[list[tuple[float, str, int]]] = []

    def block(self, size: int) -> I64Vector:
        """Take the next candidates that no hit stands for, at least `size` with all that tie with the last.

        :return: positions, ascending; none when there are no more.
        """
        free = np.flatnonzero(~self._read & (self._owners == _NOBODY))
        end = min(size, len(free))
        while 0 < end < len(free) and self._scores[free[end]] == self._scores[free[end - 1]]:
            end += 1
        self._read[free[:end]] = True
        return free[:end]

    def owner(self, position: int) -> int | None:
        """Number of the hit that stands for a candidate, from 0; None: it may be shown."""
        number = int(self._owners[position])
        return None if number == _NOBODY else number

    def show(self, position: int) -> None:
        """Make a candidate the next hit; those near it that belong to no other are its own from now on."""
        number = len(self._repeats)
        self._repeats.append([])
        if self._signatures is None or self._probes is None:
            return
        self._owners[position] = number
        equal = (self._probes == self._probes[:, position, None]).view(np.uint8)
        likely = np.flatnonzero(np.add.reduce(equal, axis=0, dtype=np.uint8) >= _SHARED)
        if len(likely) > 1:
            likely = likely[self._owners[likely] == _NOBODY]
            near = similarities(self._signatures[position], self._signatures[likely]) >= NEAR
            self._owners[likely[near]] = number

    def repeat(self, number: int, score: float, document_id: str, start: int) -> None:
        """List a passage with a hit."""
        self._repeats[number].append((-score, document_id, start))

    def unread(self) -> I64Vector:
        """Positions that belong to a hit and were in no block."""
        return np.flatnonzero(~self._read & (self._owners != _NOBODY))

    def duplicates(self, number: int) -> tuple[str, ...]:
        """Documents listed with a hit: by score, id and start of their best passage, each once."""
        return tuple(dict.fromkeys(document_id for _, document_id, _ in sorted(self._repeats[number])))
