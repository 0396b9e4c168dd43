"""Reading scans: pages drawn from known text, what is read of them, and whether boxes hold their words.

    python -m benchmarks.scans [--pages 2] [--dpi 150 300] [--degrees 0 2] [--layout prose columns rows]

Needs ragsvc[ocr] and a TrueType font (DejaVu or any other that is installed). Pages of prose, of two columns,
and of rows with cells at both edges are drawn word by word, so it is known where each stands; then they are
turned about their middle. *Character errors*: edits between what was drawn and what was read, blanks apart,
for each character drawn. *With their words*: boxes in which the middle of every word lies that they hold.
*Height*: of a box, in lines of the page.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sets import table
from ragsvc.domain import PageArea, ParsedDocument
from ragsvc.text.file_parser import parse_bytes
from ragsvc.text.limits import ParseLimits
from ragsvc.text.markdown import visible

TEXTS = Path(__file__).parents[1] / "corpora" / "handbook"
FONTS = Path("/usr/share/fonts")
# A sheet of A4 in inches, its margin and what stands between two columns; points of the letters.
WIDTH, HEIGHT, MARGIN, GAP, POINTS, LEADING = 8.27, 11.69, 1.0, 0.4, 11, 1.45
PATIENCE_S = 3600.0
LAYOUTS = ("prose", "columns", "rows")
# Words of the two cells of a row.
CELLS = (4, 2)
HEAD = (
    "layout",
    "dpi",
    "degrees",
    "pages",
    "character errors",
    "boxes",
    "with their words",
    "height",
    "s/page",
)


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page as a PNG, its words in reading order, and the middle of each as shares of width and height."""

    png: bytes
    words: tuple[str, ...]
    middles: tuple[tuple[float, float], ...]


def find_font() -> str:
    """A TrueType font, DejaVu Serif where it is; "" without any."""
    found = sorted(FONTS.rglob("*.ttf"), key=lambda path: (path.name != "DejaVuSerif.ttf", path.name))
    return str(found[0]) if found else ""


def texts() -> Iterator[str]:
    """Words of our own handbook, a page at a time."""
    words = [
        word
        for path in sorted(TEXTS.rglob("*.md"))
        for word in visible(path.read_text("utf-8")).split()
        # Long words of code and tables are no prose.
        if word.strip(".,;:()\"'").isalpha() and len(word) < 20
    ]
    for first in range(0, len(words), 320):
        yield " ".join(words[first : first + 320])


def drawn(text: str, font: str, *, dpi: int, degrees: float = 0.0, layout: str = "prose") -> DrawnPage:
    """Draw a text on a sheet; what has no room is left out.

    :param degrees: how far the sheet is turned to the left. layout: one of LAYOUTS.
    """
    from PIL import Image, ImageDraw, ImageFont

    size = (round(WIDTH * dpi), round(HEIGHT * dpi))
    image = Image.new("L", size, 255)
    pen, letters = ImageDraw.Draw(image), ImageFont.truetype(font, round(POINTS * dpi / 72))
    words, middles = [], []
    for word, left, top in _set(text.split(), letters.getlength, dpi, layout):
        pen.text((left, top), word, 0, letters)
        words.append(word)
        middle = (left + letters.getlength(word) / 2, top + POINTS * dpi / 144)
        middles.append(turned(*middle, size, degrees))
    image = image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(dpi, dpi))
    return DrawnPage(out.getvalue(), tuple(words), tuple(middles))


def _set(
    words: Sequence[str], length: Callable[[str], float], dpi: int, layout: str
) -> Iterator[tuple[str, float, float]]:
    """Words with the left and top of each, in pixels, as far as there is room."""
    step, margin, bottom = POINTS * LEADING * dpi / 72, MARGIN * dpi, (HEIGHT - MARGIN) * dpi
    inner = (WIDTH - 2 * MARGIN) * dpi
    if layout == "rows":
        for row in range(min(len(words) // sum(CELLS), int((bottom - margin) / step))):
            cells = words[row * sum(CELLS) :][: sum(CELLS)]
            for cell, at in ((cells[: CELLS[0]], margin), (cells[CELLS[0] :], margin + inner * 0.75)):
                for word in cell:
                    yield word, at, margin + row * step
                    at += length(word + " ")
        return
    columns = 2 if layout == "columns" else 1
    width = (inner - (columns - 1) * GAP * dpi) / columns
    start, left, top = margin, margin, margin
    for word in words:
        if left + length(word) > start + width:
            left, top = start, top + step
        if top + step > bottom:
            start += width + GAP * dpi
            left, top = start, margin
            if start > margin + inner:
                return
        yield word, left, top
        left += length(word + " ")


def turned(x: float, y: float, size: tuple[int, int], degrees: float) -> tuple[float, float]:
    """Where a point of a sheet is, as shares, after the sheet was turned to the left about its middle."""
    middle_x, middle_y = size[0] / 2, size[1] / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    right, down = x - middle_x, y - middle_y
    return (middle_x + right * cos + down * sin) / size[0], (middle_y - right * sin + down * cos) / size[1]


def edits(wanted: str, got: str) -> int:
    """Insertions, deletions and replacements from one text to the other."""
    columns = np.array([ord(sign) for sign in got], dtype=np.int64)
    row = np.arange(len(got) + 1)
    for number, sign in enumerate(wanted, start=1):
        best = np.minimum(row[1:] + 1, row[:-1] + (columns != ord(sign)))
        # The cheapest way along the row: a running minimum once the steps are taken off.
        steps = np.arange(len(got) + 1)
        row = np.minimum.accumulate(np.concatenate(([number], best)) - steps) + steps
    return int(row[-1])


def held(page: DrawnPage, read: ParsedDocument) -> list[bool]:
    """Of each place with a word that was drawn, whether the middles of all such words lie in it."""
    found: list[tuple[str, int]] = [
        (word, number)
        for number, place in enumerate(read.places)
        for word in read.text[place.start : place.end].split()
    ]
    matcher = SequenceMatcher(None, page.words, [word for word, _ in found], autojunk=False)
    inside: dict[int, list[bool]] = {}
    for match in matcher.get_matching_blocks():
        for offset in range(match.size):
            number = found[match.b + offset][1]
            where = read.places[number].where
            assert isinstance(where, PageArea)
            x, y = page.middles[match.a + offset]
            within = where.left <= x <= where.right and where.top <= y <= where.bottom
            inside.setdefault(number, []).append(within)
    return [all(each) for each in inside.values()]


def measured(pages: Sequence[DrawnPage]) -> list[str]:
    """Character errors, boxes, those with their words, their height in lines, and seconds a page."""
    wrong = signs = 0
    boxes: list[bool] = []
    heights: list[float] = []
    began = time.perf_counter()
    for page in pages:
        read = parse_bytes(page.png, "page.png", ParseLimits(timeout_s=PATIENCE_S))
        wanted = "".join(page.words)
        wrong += edits(wanted, "".join(read.text.split()))
        signs += len(wanted)
        boxes += held(page, read)
        areas: list[Any] = [place.where for place in read.places]
        heights += [(area.bottom - area.top) * HEIGHT * 72 / (POINTS * LEADING) for area in areas]
    return [
        f"{100 * wrong / max(1, signs):.2f} %",
        str(len(boxes)),
        f"{100 * sum(boxes) / max(1, len(boxes)):.1f} %",
        f"{float(np.median(heights)) if heights else 0:.1f}",
        f"{(time.perf_counter() - began) / max(1, len(pages)):.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pages", type=int, default=2)
    parser.add_argument("--dpi", type=int, nargs="+", default=[150, 300])
    parser.add_argument("--degrees", type=float, nargs="+", default=[0.0, 2.0])
    parser.add_argument("--layout", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    chosen = parser.parse_args()
    font = find_font()
    if not font:
        raise SystemExit(f"no TrueType font lies below {FONTS}: install one, such as fonts-dejavu")
    some = [text for text, _ in zip(texts(), range(chosen.pages), strict=False)]
    rows = []
    for layout, dpi, degrees in product(chosen.layout, chosen.dpi, chosen.degrees):
        pages = [drawn(text, font, dpi=dpi, degrees=degrees, layout=layout) for text in some]
        rows.append([layout, str(dpi), f"{degrees:g}", str(len(pages)), *measured(pages)])
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
