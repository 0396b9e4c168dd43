"""Pieces of a text that its reader sees, each with the characters that it is written with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# At the end of a line they divide a word; what people write is another sign.
_SOFT_HYPHENS = "\u2010\u00ad"


@dataclass(frozen=True, slots=True)
class SeenPiece:
    """text[start:end] as it is read: the same characters, or `said` for what is written otherwise (&amp;)."""

    start: int
    end: int
    said: str | None = None


def said_of(text: str, pieces: Iterable[SeenPiece], start: int, end: int) -> str:
    """What the pieces say between two offsets, as one line.

    White space becomes one blank, also that between two pieces which neither of them holds.
    """
    parts: list[str] = []
    last = -1
    for piece in pieces:
        left, right = max(piece.start, start), min(piece.end, end)
        if right <= left:
            continue
        if last >= 0 and text[last - 1] not in _SOFT_HYPHENS and any(map(str.isspace, text[last:left])):
            parts.append(" ")
        parts.append(text[left:right] if piece.said is None else piece.said)
        last = right
    return " ".join("".join(parts).split())


@dataclass(frozen=True, slots=True)
class TextSegments:
    """Parts of lines put together as one source, and the way back from it to the text.

    source: the parts with line ends between them. places: (offset in the source, offset in the text) of each.
    """

    source: str
    places: tuple[tuple[int, int], ...]

    def back(self, start: int, end: int, said: str | None = None) -> list[SeenPiece]:
        """The pieces of the text that stand at source[start:end], one a line."""
        if said is not None:
            at = self._place(start)
            return [SeenPiece(at, max(self._place(end - 1) + 1, at + 1), said)]
        found: list[SeenPiece] = []
        while start < end:
            stop = self.source.find("\n", start, end)
            stop = end if stop < 0 else stop
            if stop > start:
                at = self._place(start)
                found.append(SeenPiece(at, at + stop - start))
            start = stop + 1
        return found

    def _place(self, offset: int) -> int:
        low, high = 0, len(self.places)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.places[middle][0] <= offset else (low, middle)
        source, text = self.places[low]
        return text + offset - source


def segments_of(text: str, start: int, end: int, margin: str) -> TextSegments:
    """The lines of text[start:end] without the white space around them and without their margin.

    :param margin: signs that further lines begin with, any of them; "" for none.
    """
    parts: list[str] = []
    places: list[tuple[int, int]] = []
    length = 0
    at = start
    while at < end:
        stop = text.find("\n", at, end)
        stop = end if stop < 0 else stop
        first = at
        if at > start:
            while first < stop and (text[first] in " \t" or text[first] in margin):
                first += 1
        places.append((length, first))
        parts.append(text[first:stop])
        length += stop - first + 1
        at = stop + 1
    return TextSegments("\n".join(parts), tuple(places) or ((0, start),))


def literal(segments: TextSegments) -> list[SeenPiece]:
    """All of it, as it stands."""
    return segments.back(0, len(segments.source))


def without(pieces: Sequence[SeenPiece], start: int, end: int) -> list[SeenPiece]:
    """The pieces that are not inside a span."""
    return [piece for piece in pieces if not (start <= piece.start and piece.end <= end)]
