"""The tables that passages stand in, whole and typed, with the words that lead to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from ragsvc.domain import Hit, Span, VersionId, VersionText
from ragsvc.lru_cache import LruCache
from ragsvc.pipeline.tables.derived_columns import derived_columns
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.table_words import TableWords
from ragsvc.pipeline.tables.typed_table import TypedTable, typed_table, words_in
from ragsvc.text.tables import WholeTable, whole_tables

MAX_TABLES = 12
MAX_TEXT_CHARS = 8_000_000
KEPT_CHARS = 8_000_000
_ENTRY_CHARS = 200
# Of a document that is a table, and little beside it, the title says what a row is.
_MOST = 0.7
_HEADING_CHARS = 200
_NOT_WORDS = re.compile(r"[\W_\d]+")
_BEFORE_REST = frozenset(
    {"of", "for", "in", "at", "by", "from", "with", "von", "der", "für", "nach", "aus", "im"}
)


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table of a stored version. rank: of the best hit that stands in it. text: the whole stored text."""

    rank: int
    version: VersionText
    words: TableWords

    @property
    def table(self) -> TypedTable:
        """Its columns and rows."""
        return self.words.table

    def line_spans(self, rows: Iterable[int]) -> list[Span]:
        """The lines of the column names and of some rows."""
        start, end = self.table.source.header
        lines = [self.table.rows[row] for row in rows]
        return [Span(start, end), *(Span(line.start, line.end) for line in lines)]


class TableReader:
    """Gives the tables that hits stand in; those read last are kept. Safe between threads."""

    def __init__(self) -> None:
        self._kept: LruCache[tuple[VersionId, str], tuple[tuple[WholeTable, TableWords | None], ...]] = (
            LruCache(
                KEPT_CHARS,
                lambda tables: _ENTRY_CHARS + sum(source.end - source.start for source, _ in tables),
            )
        )

    def tables(self, hits: Sequence[Hit], texts: Iterable[VersionText]) -> list[StoredTable]:
        """Each table once, best hit first; none of texts that are too long, nor more than twelve."""
        versions = {text.id: text for text in texts if len(text.text) <= MAX_TEXT_CHARS}
        found: dict[tuple[VersionId, int], StoredTable] = {}
        for hit in hits:
            passage = hit.passage
            version = versions.get(passage.version_id)
            if version is None:
                continue
            for source, words in self._of(version, passage.document_id):
                inside = source.start < passage.end and passage.start < source.end
                if inside and words is not None and len(found) < MAX_TABLES:
                    found.setdefault((version.id, source.start), StoredTable(hit.rank, version, words))
        return list(found.values())

    def _of(self, version: VersionText, document: str) -> tuple[tuple[WholeTable, TableWords | None], ...]:
        return self._kept.get_or_make((version.id, document), lambda: tuple(_read(version, document)))


def _read(version: VersionText, document: str) -> Iterator[tuple[WholeTable, TableWords | None]]:
    for source in whole_tables(version.text):
        named = _titles(version, source, document)
        name = next(iter(named), "table")
        subjects = list(dict.fromkeys(word for title in named for word in _subjects(title)))
        table = typed_table(source, name, subjects)
        if table is not None:
            table = replace(table, columns=(*table.columns, *derived_columns(table)))
        yield source, None if table is None else TableWords(table)


def _titles(version: VersionText, source: WholeTable, document: str) -> list[str]:
    """What says what the rows are: the heading right above, and of a document that is a table its names."""
    above = version.text[max(0, source.start - _HEADING_CHARS) : source.start].rstrip()
    line = above.rsplit("\n", 1)[-1]
    found = [line.lstrip("# ").strip()] if line.startswith("#") else []
    if source.end - source.start >= _MOST * len(version.text):
        name = document.rsplit("#", 1)[-1]
        # A table of a database may have a schema before its name, and no extension behind.
        stem = name.rsplit(".", 1)[-1] if name == version.title else PurePosixPath(name).stem
        found += [title for title in (_NOT_WORDS.sub(" ", stem).strip(), version.title) if title]
    return found


def _subjects(title: str) -> list[str]:
    """The small words of a title, first the one that names what is listed: "List of open orders"."""
    words = [word for word in words_in(title) if word.isalpha()]
    known = lexicon()
    parts: list[list[str]] = [[]]
    for word in words:
        if word in _BEFORE_REST:
            parts.append([])
        elif word not in known.listing and word not in known.neutral:
            parts[-1].append(word)
    parts = [part for part in parts if part]
    if not parts:
        return []
    head = parts[0][-1]
    return [head, *(word for part in parts for word in part if word != head)]
