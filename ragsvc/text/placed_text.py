"""A text while it is read, with the places of its stretches, which move along when it is edited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ragsvc.domain import PageArea, Place, Places, TimeRange, moved_places

Edit: TypeAlias = tuple[int, int, str]
"""Code points [start, end) of a text, and what takes their place."""


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A text, and where stretches of it stand in the original; places as they are stored."""

    text: str
    places: Places = ()

    @classmethod
    def at(cls, text: str, where: PageArea | TimeRange) -> PlacedText:
        """A text that stands at one place as a whole."""
        return cls(text, (Place(0, len(text), where),) if text else ())

    @classmethod
    def joined(cls, texts: Iterable[PlacedText], gap: str) -> PlacedText:
        """Texts as one, with a gap between each two."""
        pieces: list[str] = []
        places: list[Place] = []
        length = 0
        for each in texts:
            places += moved_places(each.places, length)
            pieces.append(each.text)
            length += len(each.text) + len(gap)
        return cls(gap.join(pieces), tuple(places))

    def edited(self, edits: Iterable[Edit]) -> PlacedText:
        """The text with changes; of a place nothing may be left, and then it goes.

        :param edits: ascending, none overlapping another.
        """
        made = list(edits)
        if not made:
            return self
        pieces: list[str] = []
        at = 0
        for start, end, text in made:
            pieces += (self.text[at:start], text)
            at = end
        pieces.append(self.text[at:])
        ends = moved([at for place in self.places for at in (place.start, place.end)], made)
        places = (
            Place(start, end, place.where)
            for place, start, end in zip(self.places, ends[::2], ends[1::2], strict=True)
            if start < end
        )
        return PlacedText("".join(pieces), tuple(places))


def moved(offsets: Sequence[int], edits: Sequence[Edit]) -> list[int]:
    """Where offsets of a text are after it was edited: one inside of what was replaced, inside of that or at
    its end.

    :param offsets: ascending. edits: as of `PlacedText.edited`.
    """
    return list(_moved(offsets, edits))


def _moved(offsets: Sequence[int], edits: Sequence[Edit]) -> Iterator[int]:
    coming = iter(edits)
    edit = next(coming, None)
    shift = 0
    for offset in offsets:
        while edit is not None and edit[1] <= offset and edit[0] < offset:
            shift += len(edit[2]) - (edit[1] - edit[0])
            edit = next(coming, None)
        if edit is not None and edit[0] < offset:
            yield edit[0] + shift + min(offset - edit[0], len(edit[2]))
        else:
            yield offset + shift
