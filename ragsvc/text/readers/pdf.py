"""A second look at the pages of a PDF: what the parser lost, and what nobody can read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pypdfium2

from ragsvc.domain import Caveat
from ragsvc.text.kept_words import compare
from ragsvc.text.readers.hyphens import MARK, mend
from ragsvc.text.readers.page_lines import without_running_lines

PAGE_WITHOUT_TEXT = "page_without_text"

_DOTS = 200
_MAX_SIDE = 2400
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
_LOST_SHARE = 0.1
_LOST_WORDS = 3
_UNREADABLE = 12
_UNREADABLE_SHARE = 0.01
_SHOWN_PAGES = 12
_OUTSIDE_WORDS = 12
# A page of one rule or one dot is as good as empty.
_DRAWN_OBJECTS = 1
_FROM_THE_RIGHT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PdfPage:
    """A page as the second reader sees it. drawn: whether anything stands on it. outside: words beside it."""

    text: str
    drawn: bool
    outside: int


def read_pages(data: bytes) -> list[PdfPage]:
    """Read all pages plainly; [] for a file that the second reader cannot open."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return []
    try:
        return [_page(document, number) for number in range(len(document))]
    finally:
        document.close()


def _page(document: pypdfium2.PdfDocument, number: int) -> PdfPage:
    try:
        page = document[number]
        text_page = page.get_textpage()
        text = str(text_page.get_text_bounded(*_bounds(page), errors="replace"))
        whole = str(text_page.get_text_range(errors="replace"))
        drawn = sum(1 for _ in zip(page.get_objects(max_depth=1), range(_DRAWN_OBJECTS), strict=False)) > 0
    except (pypdfium2.PdfiumError, ValueError, IndexError):
        return PdfPage("", False, 0)
    text_page.close()
    page.close()
    return PdfPage(text, drawn, max(len(whole.split()) - len(text.split()), 0))


def _bounds(page: pypdfium2.PdfPage) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of what can be seen, in the page's own coordinates.

    A page that is turned by a quarter counts as high as it is wide: programs write for either box.
    """
    # Not its own boxes alone: they may be those of all pages, which it inherits.
    left, bottom, right, top = page.get_bbox()
    if page.get_rotation() % 180:
        longer = max(right - left, top - bottom)
        return left, bottom, left + longer, bottom + longer
    return left, bottom, right, top


def pictures_of(data: bytes, places: Sequence[int]) -> Iterator[Any]:
    """Pages as pictures: (height, width, 3) uint8, blue first; read one before taking the next.

    :param places: numbers of pages from 0.
    """
    document = pypdfium2.PdfDocument(data)
    try:
        for place in places:
            page = document[place]
            scale = min(_DOTS / 72, _MAX_SIDE / max(*page.get_size(), 1))
            yield page.render(scale=scale, rev_byteorder=False, prefer_bgrx=False).to_numpy()[:, :, :3]
            page.close()
    finally:
        document.close()


def complete_pages(pages: Sequence[str], plain: Sequence[PdfPage]) -> tuple[list[str], tuple[Caveat, ...]]:
    """Mend the pages of the parser, and say what of them could not be read.

    :param pages: as the parser gave them. plain: as the second reader sees them; [] when it cannot.
    """
    mended = [page.replace("\r\n", "\n").replace("\r", "\n") for page in pages]
    if len(plain) == len(mended):
        mended = [
            in_reading_order(_fuller(page, other.text), other.text)
            for page, other in zip(mended, plain, strict=True)
        ]
    elif plain and not any(page.strip() for page in mended):
        mended = [page.text.replace("\r\n", "\n") for page in plain]
    mended = without_running_lines(mend(mended))
    mended = [_CONTROLS.sub("\ufffd", page) for page in mended]
    return mended, (*empty_pages(mended, plain), *_outside(plain), *_unreadable(mended))


def _fuller(page: str, plain: str) -> str:
    """The page of the second reader where the first one lost lines of it."""
    lines = plain.replace("\r\n", "\n").replace("\ufffe", MARK).replace(MARK, "")
    found = compare(page.replace(MARK, ""), lines.split("\n"))
    if found.lost >= _LOST_WORDS and found.lost > found.words * _LOST_SHARE:
        return plain.replace("\r\n", "\n").replace("\r", "\n")
    return page


def empty_pages(pages: Sequence[str], plain: Sequence[PdfPage]) -> tuple[Caveat, ...]:
    """Pages on which something is drawn, but no text, where others have text."""
    if not any(page.strip() for page in pages) or len(plain) != len(pages):
        return ()
    empty = [
        str(number)
        for number, (page, other) in enumerate(zip(pages, plain, strict=True), start=1)
        if not page.strip() and other.drawn
    ]
    if not empty:
        return ()
    more = f" and {len(empty) - _SHOWN_PAGES} more" if len(empty) > _SHOWN_PAGES else ""
    which = f"page {empty[0]}" if len(empty) == 1 else f"pages {', '.join(empty[:_SHOWN_PAGES])}{more}"
    verb = "has" if len(empty) == 1 else "have"
    return (Caveat(PAGE_WITHOUT_TEXT, f"{which} of {len(pages)} {verb} no text that can be read"),)


def _outside(plain: Sequence[PdfPage]) -> tuple[Caveat, ...]:
    """Words that lie beside their page, where nobody sees them."""
    words = sum(page.outside for page in plain)
    if words < _OUTSIDE_WORDS:
        return ()
    return (Caveat("hidden_text", f"{words} words outside of the pages left out"),)


def _unreadable(pages: Sequence[str]) -> tuple[Caveat, ...]:
    """Characters of fonts that do not say what they mean."""
    bad = sum(page.count("\ufffd") + _private(page) for page in pages)
    size = sum(map(len, pages))
    if bad < _UNREADABLE and bad <= size * _UNREADABLE_SHARE:
        return ()
    return (Caveat("unreadable_characters", f"{bad} of {size} characters cannot be read"),)


def _private(text: str) -> int:
    return len(re.findall("[\ue000-\uf8ff]", text))


def in_reading_order(page: str, plain: str) -> str:
    """A page of the parser with the lines of the second reader that hold the same words in another order.

    Only lines with right-to-left letters are looked at. A line whose words stand on several lines of the
    second reader, each in its own order, stays.
    """
    if not _FROM_THE_RIGHT.search(page):
        return page
    known: dict[tuple[str, ...], set[str]] = {}
    for line in plain.splitlines():
        if _FROM_THE_RIGHT.search(line):
            known.setdefault(_words(line), set()).add(" ".join(line.split()))
    return "\n".join(_ordered(line, known) for line in page.split("\n"))


def _ordered(line: str, known: dict[tuple[str, ...], set[str]]) -> str:
    if not _FROM_THE_RIGHT.search(line):
        return line
    found = known.get(_words(line), set())
    return next(iter(found)) if len(found) == 1 else line


def _words(line: str) -> tuple[str, ...]:
    """Words in an order that does not depend on that of the line; signs between them may be mirrored."""
    return tuple(sorted(_WORD.findall(unicodedata.normalize("NFKC", line))))
