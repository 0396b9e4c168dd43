"""Stored documents, or the parts of long ones around some passages, parsed into blocks once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ragsvc.domain import Hit, Passage, Span, VersionId, VersionText
from ragsvc.errors import StaleContent
from ragsvc.lru_cache import LruCache
from ragsvc.text.blocks import VisibleText
from ragsvc.text.tables import columns_of

# A longer document is parsed around its passages only, so many characters to each side.
WHOLE_CHARS = 60_000
MARGIN_CHARS = 6_000
# Characters of parsed text that are kept: about ten times as much memory.
KEPT_CHARS = 4_000_000

ReadTexts = Callable[[Sequence[VersionId]], Iterable[VersionText]]
"""Reads stored versions."""


@dataclass(frozen=True, slots=True, eq=False)
class DocumentPart:
    """A parsed part of a stored text; equal to itself alone, so that what is made of it can be kept by it.

    offset: of its first character in the stored text; below 0 where column names were put before it.
    first: where in `reading.text` the stored text begins. pages: as of `VersionText`.
    """

    reading: VisibleText
    offset: int
    first: int
    title: str
    pages: tuple[int, ...]

    def slice(self, start: int, end: int) -> str:
        """Stored text by offsets of the stored text, inside the part."""
        return self.reading.text[start - self.offset : end - self.offset]


@dataclass(frozen=True, slots=True, eq=False)
class WholeText:
    """A whole stored text that nothing is read of but slices. pages: as of `VersionText`."""

    text: str
    pages: tuple[int, ...]

    def slice(self, start: int, end: int) -> str:
        """Stored text by its offsets."""
        return self.text[start:end]


class DocumentReader:
    """Gives the parts of documents that passages stand in; those read last are kept. Safe between threads."""

    def __init__(self, read: ReadTexts) -> None:
        self._read = read
        self._kept: LruCache[tuple[VersionId, int, int], DocumentPart] = LruCache(
            KEPT_CHARS, lambda part: len(part.reading.text)
        )

    def parts(self, hits: Sequence[Hit]) -> dict[int, DocumentPart]:
        """By the rank of each hit; hits that stand near each other in a document share one."""
        texts = self._texts({hit.passage.version_id for hit in hits})
        found: dict[int, DocumentPart] = {}
        for version, of in _by_version(hits).items():
            text = texts.get(version)
            if text is None:
                found |= {hit.rank: _of_passage(hit.passage) for hit in of}
                continue
            for span, inside in _spans(text.text, of):
                part = self._part(text, span, inside[0].passage)
                found |= {hit.rank: part for hit in inside}
        return found

    def texts(self, hits: Sequence[Hit]) -> list[VersionText]:
        """The whole stored texts of the documents of hits, each once; of those that are there still."""
        return list(self._texts({hit.passage.version_id for hit in hits}).values())

    def _texts(self, versions: Iterable[VersionId]) -> dict[VersionId, VersionText]:
        try:
            return {text.id: text for text in self._read(sorted(versions))}
        except StaleContent:
            # gc took one since it was found: what was found of it is all there is.
            return {}

    def _part(self, text: VersionText, span: Span, passage: Passage) -> DocumentPart:
        key = (text.id, span.start, span.end)
        return self._kept.get_or_make(key, lambda: _part_of(text, span, passage))


def _part_of(text: VersionText, span: Span, passage: Passage) -> DocumentPart:
    before = _columns_before(passage) if span.start else ""
    return DocumentPart(
        VisibleText(before + text.text[span.start : span.end], text.media_type),
        span.start - len(before),
        len(before),
        text.title,
        text.pages,
    )


def _by_version(hits: Sequence[Hit]) -> dict[VersionId, list[Hit]]:
    found: dict[VersionId, list[Hit]] = {}
    for hit in sorted(hits, key=lambda each: each.passage.start):
        found.setdefault(hit.passage.version_id, []).append(hit)
    return found


def _spans(text: str, hits: Sequence[Hit]) -> list[tuple[Span, list[Hit]]]:
    """Parts of a text with the hits, by start, inside each; each begins and ends with a line."""
    if len(text) <= WHOLE_CHARS:
        return [(Span(0, len(text)), list(hits))]
    found: list[tuple[Span, list[Hit]]] = []
    for hit in hits:
        start = text.rfind("\n", 0, max(0, hit.passage.start - MARGIN_CHARS)) + 1
        stop = text.find("\n", min(len(text), hit.passage.end + MARGIN_CHARS))
        end = len(text) if stop < 0 else stop
        # A line of megabytes is no reason to parse megabytes.
        start = max(start, hit.passage.start - 2 * MARGIN_CHARS)
        end = min(end, hit.passage.end + 2 * MARGIN_CHARS)
        if found and start <= found[-1][0].end:
            found[-1] = (Span(found[-1][0].start, max(end, found[-1][0].end)), [*found[-1][1], hit])
        else:
            found.append((Span(start, end), [hit]))
    return found


def _columns_before(passage: Passage) -> str:
    """The names of the columns of a table that a part may begin in the midst of, as Markdown has them."""
    names = passage.headings[-1] if passage.headings else ""
    columns = columns_of(names)
    return f"{names}\n|{'---|' * len(columns)}\n" if columns else ""


def _of_passage(passage: Passage) -> DocumentPart:
    reading = VisibleText(passage.text, "text/plain")
    return DocumentPart(reading, passage.start, 0, passage.title, ())
