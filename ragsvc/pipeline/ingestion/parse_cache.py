"""Where parsed documents go: into the catalog, or for a dry run nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Protocol, TypeAlias

from ragsvc.domain import CutText, Failure, ParsedDocument, VersionId, VersionText
from ragsvc.pipeline.ingestion.indexer import hash_of
from ragsvc.pipeline.ingestion.plan import Plan
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import CachedParse, CachedPart, Membership
from ragsvc.store.versions import version_name
from ragsvc.text.file_parser import PARSER_VERSION
from ragsvc.text.worker_orders import DRAFT
from ragsvc.text.worker_pool import ParserPool

ParseKey: TypeAlias = tuple[str, str]
"""(sha256 hex of the bytes, kind)."""

LINE_KIND = "jsonl-line"
INLINE_KIND = "inline"
TEXT_KIND = "text"
RECORDING_KIND = "/recording"
_MAKERS = {LINE_KIND: "line-1", INLINE_KIND: "text-1", RECORDING_KIND: "recording-1"}


class ParseCache(Protocol):
    """Remembers what bytes were parsed to."""

    def find(self, keys: Sequence[ParseKey]) -> dict[ParseKey, CachedParse]:
        """What these bytes were parsed to before; unknown keys are left out."""
        ...

    def put(self, items: Sequence[tuple[ParseKey, ParsedDocument | Failure]]) -> list[CachedParse]:
        """Keep results, aligned with `items`."""
        ...


def text_key(text_hash: str) -> ParseKey:
    """The key of a stored text that is to be cut."""
    return text_hash, TEXT_KIND


def parser_of(key: ParseKey) -> str:
    """The parser version that a result depends on; text that needs no parser outlives its updates."""
    return _MAKERS.get(key[1].partition(";")[0], PARSER_VERSION)


class CatalogParseCache:
    """The catalog's own cache."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def find(self, keys: Sequence[ParseKey]) -> dict[ParseKey, CachedParse]:
        """See Shelf."""
        found: dict[ParseKey, CachedParse] = {}
        for parser, some in _by_parser(keys).items():
            found |= self._catalog.versions.parsed(parser, some)
        return found

    def put(self, items: Sequence[tuple[ParseKey, ParsedDocument | Failure]]) -> list[CachedParse]:
        """See Shelf."""
        if not items:
            return []
        stored: dict[ParseKey, CachedParse] = {}
        for parser, keys in _by_parser([key for key, _ in items]).items():
            wanted = set(keys)
            some = [item for item in items if item[0] in wanted]
            results = self._catalog.versions.put_parsed(parser, some)
            stored |= dict(zip((key for key, _ in some), results, strict=True))
        return [stored[key] for key, _ in items]


class DryParseCache(CatalogParseCache):
    """Reads the catalog and writes nothing.

    Texts that the catalog does not have get ids below zero, and are kept in memory to be counted.
    """

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self._ids: dict[str, VersionId] = {}
        self.new: dict[VersionId, VersionText] = {}

    def put(self, items: Sequence[tuple[ParseKey, ParsedDocument | Failure]]) -> list[CachedParse]:
        """See Shelf."""
        return [
            CachedParse(version_id=None, metadata={}, code=made.code, error=made.error)
            if isinstance(made, Failure)
            else self._result_of(made)
            for _, made in items
        ]

    def _result_of(self, made: ParsedDocument) -> CachedParse:
        parts = tuple(CachedPart(p.suffix, p.parent, self._result_of(p.document)) for p in made.parts)
        return CachedParse(
            version_id=self._id_of(made), metadata=made.metadata, warnings=made.warnings, parts=parts
        )

    def _id_of(self, parsed: ParsedDocument) -> VersionId:
        name = version_name(parsed)
        if name not in self._ids:
            stored = self._catalog.versions.ids([name]).get(name)
            if stored is None:
                stored = VersionId(-len(self.new) - 1)
                self.new[stored] = VersionText(
                    id=stored,
                    title=parsed.title,
                    text=parsed.text,
                    media_type=parsed.media_type,
                    pages=parsed.pages,
                )
            self._ids[name] = stored
        return self._ids[name]


def count_chunks(
    catalog: Catalog,
    parts: ProfileParts,
    pool: ParserPool,
    shelf: DryParseCache,
    live: Mapping[str, Membership],
    plan: Plan,
) -> tuple[int, int, int]:
    """What publishing the plan would do, without doing it. What cannot be cut counts as nothing.

    :return: chunks added, chunks removed, texts to embed.
    """
    before = {row.version_id for row in live.values()}
    dead = {row.document_id for row in plan.died}
    after = {row.version_id for row in live.values() if row.document_id not in dead}
    after |= {row.version_id for row in plan.born}
    fresh = sorted(after - before)
    stored = catalog.versions.texts([version for version in fresh if version >= 0])
    hashes: set[bytes] = set()
    added = 0
    unstored = (shelf.new[version] for version in fresh if version < 0)
    for _, made in pool.cut(parts.cutter, chain(stored, unstored), verb=DRAFT):
        if isinstance(made, CutText):
            added += len(made.chunks)
            hashes.update(hash_of(chunk.draft.embedded_text) for chunk in made.chunks)
    missing = catalog.vectors.missing(parts.profile.embedder_fingerprint, sorted(hashes))
    gone = catalog.chunks.chunk_counts(parts.profile.id, sorted(before - after))
    return added, sum(gone.values()), len(missing)


def _by_parser(keys: Sequence[ParseKey]) -> dict[str, list[ParseKey]]:
    grouped: dict[str, list[ParseKey]] = {}
    for key in keys:
        grouped.setdefault(parser_of(key), []).append(key)
    return grouped
