"""Scans and pictures of text: who reads them, if anybody, and until when."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ragsvc.domain import Caveat
from ragsvc.errors import DocumentError, NoText
from ragsvc.text.limits import Pace, ParseLimits
from ragsvc.text.ocr import HINT, find_tessdata, has_rapidocr
from ragsvc.text.placed_text import PlacedText
from ragsvc.text.readers.attachments import count_of, shown
from ragsvc.text.readers.media import Medium, media_of
from ragsvc.text.readers.pdf import PAGE_WITHOUT_TEXT, PdfPage, empty_pages, pictures_of

PICTURES_UNREAD = "pictures_unread"
_SIGN = re.compile(r"\w")
# Less is a logo, a bullet or a number of a figure.
_LEAST_SIGNS = 4
# Of the time that a file is given.
_SHARE_FOR_PICTURES = 0.6


@dataclass(frozen=True, slots=True)
class Sight:
    """Who reads pictures, if anybody, and until when."""

    limits: ParseLimits
    size_bytes: int
    started: float = field(default_factory=time.monotonic)

    @property
    def by_kreuzberg(self) -> bool:
        """By Tesseract, which the parser itself calls."""
        return self.limits.reads_pictures and find_tessdata() is not None

    @property
    def by_rapidocr(self) -> bool:
        """By the extra."""
        return self.limits.reads_pictures and find_tessdata() is None and has_rapidocr()

    @property
    def deadline(self) -> float:
        """Of time.monotonic(): what is read by then is kept, rather than nothing."""
        seconds = self.limits.seconds_for(self.size_bytes, Pace.PICTURES)
        return self.started + seconds * _SHARE_FOR_PICTURES


def read_picture(data: bytes, name: str, sight: Sight) -> tuple[list[PlacedText], tuple[Caveat, ...]]:
    """Texts of the frames of a picture.

    :raises NoText: if nothing reads pictures here.
    """
    if not sight.limits.reads_pictures:
        raise NoText(f"{name} is a picture", hint="RAGSVC_OCR is off.")
    if not sight.by_rapidocr:
        raise NoText(f"{name} is a picture", hint=HINT)
    from ragsvc.text.readers import pictures

    return pictures.read_picture(data, name, sight.deadline)


def read_media(
    data: bytes, pages: Sequence[str], sight: Sight, by_parser: Callable[[bytes, str], str]
) -> tuple[list[str], tuple[Caveat, ...]]:
    """Add the text in pictures inside an Office file to its slide, or else to the end, or say what is unread.

    :param pages: slides, or the whole text as one.
    :param by_parser: reads a picture by its bytes and name where the parser can.
    """
    filled, told, unread = list(pages), list[str](), list[str]()
    late = False
    for medium in media_of(data):
        late = late or time.monotonic() > sight.deadline
        seen = None if late or not medium.data else _look(medium, sight, by_parser)
        if seen is None:
            unread.append(medium.name)
        elif len(_SIGN.findall(text := seen[0].strip())) >= _LEAST_SIGNS:
            place = medium.slide if medium.slide is not None and medium.slide < len(filled) else -1
            filled[place] = "\n\n".join(filter(None, (filled[place].rstrip("\n"), f"Picture: {text}"))) + "\n"
            told.append(f"{medium.name}{seen[1]}")
    caveats: list[Caveat] = []
    if told:
        words = f"text of {count_of(told, 'picture')} inside read, with confidence: {shown(told)}"
        caveats.append(Caveat("read_from_picture", words))
    if unread:
        words = f"{count_of(unread, 'picture')} inside not read: {shown(unread)}"
        caveats.append(Caveat(PICTURES_UNREAD, words + _reason(sight, late=late)))
    return filled, tuple(caveats)


def _look(medium: Medium, sight: Sight, by_parser: Callable[[bytes, str], str]) -> tuple[str, str] | None:
    """The text of a picture, and how sure it is; None where nothing reads it."""
    if sight.by_kreuzberg:
        try:
            return by_parser(medium.data, medium.name), ""
        except DocumentError:
            return None
    if not sight.by_rapidocr:
        return None
    from ragsvc.text.readers.pictures import see_picture

    seen = see_picture(medium.data)
    return None if seen is None else (seen.placed.text, f" {seen.confidence:.2f}")


def _reason(sight: Sight, *, late: bool) -> str:
    if not sight.limits.reads_pictures:
        return " (RAGSVC_OCR is off)"
    if late:
        return " (no time was left: raise RAGSVC_PARSE_TIMEOUT_S)"
    return "" if sight.by_kreuzberg or sight.by_rapidocr else f" ({HINT.rstrip('.')})"


def read_scans(
    data: bytes, pages: Sequence[str], plain: Sequence[PdfPage], caveats: tuple[Caveat, ...], sight: Sight
) -> tuple[list[PlacedText], tuple[Caveat, ...]]:
    """Read the pages on which something stands, but no text, as pictures of text.

    :param caveats: of the pages so far.
    :return: the pages, and what is left to say of them.
    """
    empty = [place for place, page in enumerate(pages) if not page.strip() and plain[place].drawn]
    filled = list(map(PlacedText, pages))
    if not empty:
        return filled, caveats
    from ragsvc.text.readers.pictures import read_frames

    numbers = [place + 1 for place in empty]
    texts, more = read_frames(pictures_of(data, empty), len(pages), sight.deadline, numbers)
    for place, text in zip(empty, texts, strict=False):
        filled[place] = text
    told = tuple(made for made in caveats if made.code != PAGE_WITHOUT_TEXT)
    return filled, (*told, *empty_pages([page.text for page in filled], plain), *more)
