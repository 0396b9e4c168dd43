"""Document versions: immutable, content-addressed texts, and what earlier parses gave."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from sqlalchemy import Connection, Row, select

from ragsvc.domain import Failure, ParsedDocument, Places, VersionId, VersionText, places_of
from ragsvc.errors import StaleContent
from ragsvc.store.columns import as_caveats, as_rows, canonical_json
from ragsvc.store.engine import Repository, batches, insert_or_ignore, insert_or_replace, now
from ragsvc.store.rows import CachedParse, CachedPart
from ragsvc.store.tables import document_version, parse_cache

ParseKey: TypeAlias = tuple[str, str]
"""(hex digest of the bytes, kind): the kind (file suffix) may decide how bytes are parsed."""

_READ_CHARS = 8_000_000


def version_name(document: ParsedDocument) -> str:
    """Public id of the version that stores this document: 32 hex digits."""
    content = [document.title, document.text, document.media_type, list(document.pages)]
    if document.places:
        # Two scans may say the same at different places; texts without any keep the ids that they have.
        content.append([place.row for place in document.places])
    return hashlib.sha256(canonical_json(content).encode("ascii")).hexdigest()[:32]


class Versions(Repository):
    """The content caches before chunking; they need no lock and are safe to fill twice."""

    def parsed(self, parser: str, keys: Sequence[ParseKey]) -> dict[ParseKey, CachedParse]:
        """Find what this parser made of these bytes before; unknown keys are left out.

        A file with documents inside is unknown when one of them is not stored any more.
        """
        wanted = set(keys)
        rows: dict[ParseKey, Any] = {}
        c = parse_cache.c
        columns = (c.digest, c.kind, c.version_id, c.metadata, c.code, c.error, c.warnings, c.parts)
        with self._db.read() as connection:
            for digests in batches(sorted({digest for digest, _ in wanted})):
                statement = select(*columns).where(c.digest.in_(digests), c.parser == parser)
                for row in connection.execute(statement):
                    rows[row.digest, row.kind] = row
        made = ((key, _assembled(key, rows)) for key in wanted & rows.keys())
        return {key: parse for key, parse in made if parse is not None}

    def put_parsed(
        self, parser: str, items: Sequence[tuple[ParseKey, ParsedDocument | Failure]]
    ) -> list[CachedParse]:
        """Store what a parser made of files: versions, or the failure. A later result replaces an earlier.

        :return: aligned with `items`.
        """
        if not items:
            return []
        documents: list[ParsedDocument] = []
        for _, made in items:
            if isinstance(made, ParsedDocument):
                documents += [made, *(part.document for part in made.parts)]
        with self._db.write("store.put_parsed") as connection:
            ids = iter(_put_versions(connection, documents))
            results = [
                CachedParse(version_id=None, metadata={}, code=made.code, error=made.error)
                if isinstance(made, Failure)
                else _stored(made, ids)
                for _, made in items
            ]
            rows: list[dict[str, Any]] = []
            for (key, _), result in zip(items, results, strict=True):
                rows.append(_cache_row(parser, key, result))
                rows += (
                    _cache_row(parser, _part_key(key, part.suffix), part.result) for part in result.parts
                )
            outcome = ("version_id", "metadata", "code", "error", "warnings", "parts")
            connection.execute(insert_or_replace(parse_cache, outcome), rows)
        return results

    def put(self, documents: Sequence[ParsedDocument]) -> list[VersionId]:
        """Store documents that come from no file; equal ones get one version.

        :return: aligned with `documents`.
        """
        if not documents:
            return []
        with self._db.write("store.put_versions") as connection:
            return _put_versions(connection, documents)

    def ids(self, names: Sequence[str]) -> dict[str, VersionId]:
        """Ids of those public version names that are stored."""
        with self._db.read() as connection:
            return _version_ids(connection, names)

    def text_hashes(self, ids: Sequence[VersionId]) -> dict[VersionId, str]:
        """sha256 hex of the texts of those versions that are stored."""
        found: dict[VersionId, str] = {}
        c = document_version.c
        with self._db.read() as connection:
            for some in batches(ids):
                rows = connection.execute(select(c.id, c.text_hash).where(c.id.in_([int(i) for i in some])))
                found.update((VersionId(row.id), row.text_hash) for row in rows)
        return found

    def texts(self, ids: Sequence[VersionId]) -> Iterator[VersionText]:
        """Read versions in the order given, a few at a time, with no transaction left open.

        :raises StaleContent: if one of them has been deleted.
        """
        for some in batches(ids, 256):
            with self._db.read() as connection:
                sizes = connection.execute(
                    select(document_version.c.id, document_version.c.characters).where(
                        document_version.c.id.in_([int(i) for i in some])
                    )
                )
                characters: dict[int, int] = {row.id: row.characters for row in sizes}
            group: list[VersionId] = []
            total = 0
            for version_id in some:
                size = characters.get(version_id, 0)
                if group and total + size > _READ_CHARS:
                    yield from self._texts(group)
                    group, total = [], 0
                group.append(version_id)
                total += size
            yield from self._texts(group)

    def places(self, ids: Sequence[VersionId]) -> dict[VersionId, Places]:
        """Places of those versions that are stored and have any."""
        found: dict[VersionId, Places] = {}
        c = document_version.c
        with self._db.read() as connection:
            for some in batches(ids):
                statement = select(c.id, c.characters, c.places).where(
                    c.id.in_([int(i) for i in some]), c.places.is_not(None)
                )
                for row in connection.execute(statement):
                    found[VersionId(row.id)] = places_of(row.places, row.characters)
        return found

    def _texts(self, ids: Sequence[VersionId]) -> list[VersionText]:
        columns = document_version.c
        statement = select(columns.id, columns.title, columns.text, columns.media_type, columns.pages).where(
            columns.id.in_([int(i) for i in ids])
        )
        with self._db.read() as connection:
            found = {
                row.id: VersionText(
                    id=row.id,
                    title=row.title,
                    text=row.text,
                    media_type=row.media_type,
                    pages=tuple(row.pages),
                )
                for row in connection.execute(statement)
            }
        if missing := [i for i in ids if i not in found]:
            raise StaleContent(
                f"{len(missing)} prepared documents were deleted meanwhile", hint="run the same again"
            )
        return [found[i] for i in ids]


def _part_key(key: ParseKey, suffix: str) -> ParseKey:
    """The row of a document inside a file: the same bytes, another kind; no file's kind holds a control."""
    return key[0], f"{key[1]}\x1f{suffix}"


def _assembled(key: ParseKey, rows: Mapping[ParseKey, Any]) -> CachedParse | None:
    row = rows[key]
    parts: list[CachedPart] = []
    for suffix, parent in row.parts:
        found = rows.get(_part_key(key, suffix))
        if found is None:
            return None
        parts.append(CachedPart(suffix, parent, _outcome(found)))
    return replace(_outcome(row), parts=tuple(parts))


def _outcome(row: Row[Any]) -> CachedParse:
    return CachedParse(
        version_id=row.version_id,
        metadata=row.metadata,
        code=row.code,
        error=row.error,
        warnings=as_caveats(row.warnings),
    )


def _stored(made: ParsedDocument, ids: Iterator[VersionId]) -> CachedParse:
    """A document whose version, and whose parts' versions, are the next of `ids`."""
    # Metadata as it will be read back, so that a later comparison finds no difference.
    metadata = json.loads(canonical_json(dict(made.metadata)))
    whole = CachedParse(version_id=next(ids), metadata=metadata, warnings=made.warnings)
    parts = (CachedPart(part.suffix, part.parent, _stored(part.document, ids)) for part in made.parts)
    return replace(whole, parts=tuple(parts))


def _cache_row(parser: str, key: ParseKey, result: CachedParse) -> dict[str, Any]:
    return {
        "digest": key[0],
        "kind": key[1],
        "parser": parser,
        "version_id": result.version_id,
        "metadata": dict(result.metadata),
        "code": result.code,
        "error": result.error,
        "warnings": as_rows(result.warnings),
        "parts": [[part.suffix, part.parent] for part in result.parts],
    }


def _put_versions(connection: Connection, documents: Sequence[ParsedDocument]) -> list[VersionId]:
    if not documents:
        return []
    names = [version_name(document) for document in documents]
    created_at = now()
    known = _version_ids(connection, names)
    rows = {
        name: {
            "version": name,
            "title": document.title,
            "text": document.text,
            "text_hash": hashlib.sha256(document.text.encode("utf-8")).hexdigest(),
            "characters": len(document.text),
            "media_type": document.media_type,
            "pages": list(document.pages),
            "created_at": created_at,
            "places": [place.row for place in document.places] or None,
        }
        for name, document in zip(names, documents, strict=True)
        if name not in known
    }
    if rows:
        connection.execute(insert_or_ignore(document_version), list(rows.values()))
        known |= _version_ids(connection, list(rows))
    return [known[name] for name in names]


def _version_ids(connection: Connection, names: Sequence[str]) -> dict[str, VersionId]:
    found: dict[str, VersionId] = {}
    for some in batches(names):
        statement = select(document_version.c.version, document_version.c.id).where(
            document_version.c.version.in_(some)
        )
        found.update((row.version, VersionId(row.id)) for row in connection.execute(statement))
    return found
