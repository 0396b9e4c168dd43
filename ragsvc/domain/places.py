"""Places: where stretches of a stored text stand in the original, on a page or in time."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

_AREA_CELLS = 7
_TIME_CELLS = 4
# A tenth of a millimetre of a page, and a millisecond.
_SHARE_DECIMALS = 4
_TIME_DECIMALS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PageArea:
    """A rectangle of a page.

    page: from 1; a picture is page 1 of itself. left, top, right, bottom: shares of its width and height
    as it is seen, [0, 1], from the top left.
    """

    page: int
    left: float
    top: float
    right: float
    bottom: float

    @property
    def bbox(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A part of a recording, in seconds from its beginning; 0 <= from_s <= to_s."""

    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Place:
    """Code points [start, end) of a stored text, and where the original has them."""

    start: int
    end: int
    where: PageArea | TimeRange

    @property
    def row(self) -> list[float]:
        """As it is stored: start and end, then page, left, top, right, bottom, or the seconds from and to."""
        if isinstance(self.where, TimeRange):
            times = (round(float(at), _TIME_DECIMALS) for at in (self.where.from_s, self.where.to_s))
            return [self.start, self.end, *times]
        shares = (round(float(share), _SHARE_DECIMALS) for share in self.where.bbox)
        return [self.start, self.end, self.where.page, *shares]


Places: TypeAlias = tuple[Place, ...]
"""Those of one text: ascending, each with at least one character, none overlapping another."""


def places_of(rows: Iterable[Sequence[float]], characters: int) -> Places:
    """Inverse of `Place.row` for the places of a text.

    :param characters: code points of the text.
    :raises ValueError: if they cannot be: other cells, out of order, outside of the text, page or time.
    """
    places = tuple(map(_place_of, rows))
    last = 0
    for place in places:
        if not last <= place.start < place.end <= characters:
            raise ValueError("its places are out of order or outside of the text")
        last = place.end
    return places


def places_within(places: Places, start: int, end: int) -> Places:
    """Those that code points [start, end) overlap."""
    first = bisect_right(places, start, key=lambda place: place.end)
    last = first
    while start < end and last < len(places) and places[last].start < end:
        last += 1
    return places[first:last]


def time_range(places: Places) -> str | None:
    """From when to when a recording has them, as players show it: 12:03-12:17; None if it is none."""
    times = [place.where for place in places if isinstance(place.where, TimeRange)]
    if not times:
        return None
    begin, end = clock(min(each.from_s for each in times)), clock(max(each.to_s for each in times))
    return begin if begin == end else f"{begin}-{end}"


def clock(seconds: float) -> str:
    """Seconds as players show them: 12:03, or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def moved_places(places: Iterable[Place], by: int) -> Places:
    """Places of a text that so many code points were put before."""
    return tuple(replace(place, start=place.start + by, end=place.end + by) for place in places)


def _place_of(row: Sequence[float]) -> Place:
    try:
        sound = all(type(cell) in (int, float) and math.isfinite(cell) for cell in row)
        whole = all(type(cell) is int for cell in row[: 3 if len(row) == _AREA_CELLS else 2])
        if sound and whole and len(row) == _TIME_CELLS and 0 <= row[2] <= row[3]:
            return Place(int(row[0]), int(row[1]), TimeRange(row[2], row[3]))
        if sound and whole and len(row) == _AREA_CELLS:
            _, _, page, left, top, right, bottom = row
            if page >= 1 and 0 <= left <= right <= 1 and 0 <= top <= bottom <= 1:
                area = PageArea(page=int(page), left=left, top=top, right=right, bottom=bottom)
                return Place(int(row[0]), int(row[1]), area)
    except TypeError as error:
        raise ValueError("its places are no lists of numbers") from error
    raise ValueError(f"it has a place {str(row)[:100]} that cannot be")
