"""Running heads and feet: lines that stand at the same end of page after page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

_EDGE_LINES = 3
_LEAST_PAGES = 3
_LEAST_SHARE = 0.4
_MAX_LINE_CHARS = 200
_NUMBER = re.compile(r"\d+")
# "2", "- 2 -", "Page 1 of 2", "Seite 1 / 2", and "Page 1" below the text: above it that may be "Exercise 1".
_PAGE_NUMBER = re.compile(r"(?:\W{0,3}#|\W{0,3}(?:[^\W\d]{1,10}\.?\s*)?#\s*(?:/|[^\W\d]{1,4})\s*#)\W{0,3}")
_NUMBER_BELOW = re.compile(r"\W{0,3}(?:[^\W\d]{1,10}\.?\s*)?#\W{0,3}")


def without_running_lines(pages: Sequence[str]) -> list[str]:
    """Take running heads and feet out of the pages of a document.

    One that says more than the number of the page stays where it stands first. Lines with numbers count
    as the same when the numbers are, or when they grow with the pages.
    """
    lines = [page.split("\n") for page in pages]
    seen: dict[tuple[bool, str], list[tuple[int, int]]] = defaultdict(list)
    for number, page in enumerate(lines):
        for at_top, place in _edges(page):
            seen[at_top, _key(page[place])].append((number, place))
    filled = sum(any(line.strip() for line in page) for page in lines)
    gone: set[tuple[int, int]] = set()
    for (at_top, key), places in seen.items():
        only_numbers = _only_numbers(key, at_top)
        least = 2 if only_numbers else _LEAST_PAGES
        if len({number for number, _ in places}) < max(least, filled * _LEAST_SHARE):
            continue
        if not _numbered(places, lines):
            gone.update(_repeated(places, lines))
        elif only_numbers:
            gone.update(places)
        elif not at_top or key.startswith("#"):
            outermost = [_outermost(lines[number], at_top) == place for number, place in places]
            gone.update(places[1:] if all(outermost) else ())
    return [
        "\n".join(line for place, line in enumerate(page) if (number, place) not in gone)
        for number, page in enumerate(lines)
    ]


def _only_numbers(key: str, at_top: bool) -> bool:
    """Whether a line says nothing but which page this is."""
    return bool(_PAGE_NUMBER.fullmatch(key) or (not at_top and _NUMBER_BELOW.fullmatch(key)))


def _outermost(page: Sequence[str], at_top: bool) -> int:
    """The first or last line that holds something, but for a bare number of the page."""
    filled = [place for place, line in enumerate(page) if line.strip()]
    ordered = filled if at_top else filled[::-1]
    return next((place for place in ordered if not _only_numbers(_key(page[place]), at_top)), -1)


def _edges(page: Sequence[str]) -> list[tuple[bool, int]]:
    """Places of the first and the last few lines that hold something; True: at the top."""
    filled = [place for place, line in enumerate(page) if line.strip()]
    top, bottom = filled[:_EDGE_LINES], filled[-_EDGE_LINES:]
    found = [(True, place) for place in top] + [(False, place) for place in bottom]
    return [(at_top, place) for at_top, place in found if len(page[place]) <= _MAX_LINE_CHARS]


def _key(line: str) -> str:
    return _NUMBER.sub("#", " ".join(line.lower().split()))


def _repeated(places: Sequence[tuple[int, int]], lines: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """All but the first of lines that are the same to the letter, where there are enough of them."""
    same: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, place in places:
        same[" ".join(lines[number][place].split())].append((number, place))
    return [
        place for group in same.values() if len({number for number, _ in group}) >= _LEAST_PAGES
        for place in group[1:]
    ]  # fmt: skip


def _numbered(places: Sequence[tuple[int, int]], lines: Sequence[Sequence[str]]) -> bool:
    """Whether a number in the lines grows with the pages."""
    if len(places) < 2:
        return False
    rows = [
        [int(n) for n in _NUMBER.findall(lines[number][place])[:4] if len(n) < 7] for number, place in places
    ]
    width = min(map(len, rows))
    for column in range(width):
        steps = {row[column] - number for row, (number, _) in zip(rows, places, strict=True)}
        if len(steps) == 1:
            return True
    return False
