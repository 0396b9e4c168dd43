"""Paragraphs of one book in many languages: the Debian Administrator's Handbook, as Debian packages it.

    apt-get download debian-handbook && dpkg -x debian-handbook_*.deb BOOK

Its pages have the same paragraphs in the same order in every language, so that neither sentences nor
words need be aligned. What is not translated yet stands there in English, and is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import lxml.html

from ragsvc.text.languages import language_of

ENGLISH = "en-US"
SHORTEST, LONGEST = 80, 420
"""Characters of the English paragraph: long enough to say something, short enough to be read whole."""
HELD_OUT_TENTHS = 3


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph. page: the file that it is on. texts: by language, such as "de-DE"; English always."""

    page: str
    texts: Mapping[str, str]

    @property
    def held_out(self) -> bool:
        """Whether it is kept for measuring; whole pages are, as neighbours say similar things."""
        return zlib.crc32(self.page.encode()) % 10 < HELD_OUT_TENTHS


def paragraphs(book: Path) -> list[Paragraph]:
    """Read the book: its folders are languages, with pages of the same names."""
    root = next(book.rglob(ENGLISH)).parent
    found = []
    for page in sorted((root / ENGLISH).glob("*.html")):
        english = _blocks(page)
        others = {}
        for folder in sorted(root.iterdir()):
            there = folder / page.name
            if folder.name != ENGLISH and there.is_file() and len(blocks := _blocks(there)) == len(english):
                others[folder.name] = blocks
        for place, text in enumerate(english):
            if SHORTEST <= len(text) <= LONGEST:
                texts = {ENGLISH: text} | dict(_translated(others, place, text))
                found.append(Paragraph(page.name, texts))
    return found


def _translated(others: Mapping[str, list[str]], place: int, english: str) -> Iterator[tuple[str, str]]:
    for language, blocks in others.items():
        text = blocks[place]
        if text and text != english and language_of(text) != "en":
            yield language, text


def _blocks(page: Path) -> list[str]:
    tree = lxml.html.parse(str(page))
    blocks = tree.xpath("//p | //div[@class='para']")
    return [" ".join(block.text_content().split()) for block in blocks]
