"""Documents as people read them: listings, one document, a slice of its text."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from ragsvc.domain import Caller, CommitId, Corpus, Document, TextSlice, places_of, places_within
from ragsvc.errors import DocumentNotFound, InvalidRequest, VersionNotFound
from ragsvc.store.chunks import total_chunks
from ragsvc.store.columns import as_caveats
from ragsvc.store.engine import Repository, batches
from ragsvc.store.filters import Filter, matching
from ragsvc.store.permissions import live_at, readable
from ragsvc.store.tables import document_version, membership

MAX_PAGE = 1000


class Documents(Repository):
    """Reading at a pinned commit."""

    def page(
        self,
        caller: Caller,
        corpus: Corpus,
        commit: CommitId,
        cursor: str | None,
        limit: int,
        *,
        warned: bool = False,
        where: Filter | None = None,
    ) -> tuple[list[Document], str | None]:
        """List live documents by id, a page at a time.

        :param cursor: where the page begins, as an earlier call gave it; None: at the beginning.
        :param limit: 1 to 1000.
        :param warned: only those with warnings. where: only those that match.
        :return: the page, and the cursor of the next one; None after the last.
        :raises InvalidRequest: if the cursor or limit is not valid.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidRequest(f"limit must be 1 to {MAX_PAGE}, not {limit}", hint="page with the cursor")
        statement = _documents(caller, corpus, commit).order_by(membership.c.document_id).limit(limit + 1)
        if warned:
            statement = statement.where(membership.c.warnings != [])
        if where is not None:
            statement = statement.where(matching(where, int(corpus.id)))
        if cursor:
            statement = statement.where(membership.c.document_id > _after(cursor))
        with self._db.read() as connection:
            rows = connection.execute(statement).all()
        page = [_document(corpus, row) for row in rows[:limit]]
        return page, _cursor(page[-1].document_id) if len(rows) > limit else None

    def get(self, caller: Caller, corpus: Corpus, document_id: str, commit: CommitId) -> Document:
        """Read one live document.

        :raises DocumentNotFound: if no document of that id is live at the commit.
        """
        with self._db.read() as connection:
            return _document(corpus, _one(connection, caller, corpus, document_id, commit))

    def held_versions(
        self, caller: Caller, corpus: Corpus, commit: CommitId, ids: Sequence[str]
    ) -> dict[str, str]:
        """The versions by id of those of these documents that are live at the commit."""
        m, v = membership.c, document_version.c
        found: dict[str, str] = {}
        with self._db.read() as connection:
            for some in batches(ids):
                statement = (
                    select(m.document_id, v.version)
                    .join(document_version, v.id == m.version_id)
                    .where(
                        m.corpus_id == int(corpus.id),
                        live_at(commit),
                        readable(caller),
                        m.document_id.in_(some),
                    )
                )
                found.update((row.document_id, row.version) for row in connection.execute(statement))
        return found

    def document_chunk_count(self, caller: Caller, corpus: Corpus, document_id: str, commit: CommitId) -> int:
        """Number of chunks of a live document under the corpus's profile.

        :raises DocumentNotFound: if no document of that id is live at the commit.
        """
        with self._db.read() as connection:
            row = _one(connection, caller, corpus, document_id, commit)
            return total_chunks(connection, corpus.profile.id, row.version_id)

    def text(
        self,
        caller: Caller,
        corpus: Corpus,
        document_id: str,
        version: str,
        start: int = 0,
        end: int | None = None,
    ) -> TextSlice:
        """Slice the stored text of any version that the document ever had in this corpus.

        :param start, end: code points, half open; `end` None: up to the end of the text.
        :raises DocumentNotFound: if the corpus never had the document.
        :raises VersionNotFound: if the document never had the version.
        :raises InvalidRequest: unless 0 <= start <= end <= length of the text.
        """
        m = membership.c
        of_document = (m.corpus_id == int(corpus.id), m.document_id == document_id, readable(caller))
        statement = (
            select(document_version.c.text, document_version.c.places)
            .join(membership, m.version_id == document_version.c.id)
            .where(*of_document, document_version.c.version == version)
            .limit(1)
        )
        with self._db.read() as connection:
            row = connection.execute(statement).one_or_none()
            if row is None:
                if connection.execute(select(m.id).where(*of_document).limit(1)).first() is None:
                    raise _not_found(corpus, document_id)
                raise VersionNotFound(
                    f"{_short(document_id)} never had the version {_short(version)}",
                    hint=f"ragsvc documents show {corpus.name} ID shows the present one",
                )
        stop = len(row.text) if end is None else end
        if not 0 <= start <= stop <= len(row.text):
            raise InvalidRequest(
                f"start {start} and end {stop} do not fit a text of {len(row.text)} characters",
                hint="offsets count code points: 0 <= start <= end <= characters",
            )
        return TextSlice(
            document_id=document_id,
            version=version,
            start=start,
            end=stop,
            text=row.text[start:stop],
            places=places_within(places_of(row.places or (), len(row.text)), start, stop),
        )


def _documents(caller: Caller, corpus: Corpus, commit: CommitId) -> Select[Any]:
    m, v = membership.c, document_version.c
    return (
        select(
            m.document_id,
            m.version_id,
            v.version,
            m.title,
            m.source,
            m.media_type,
            v.characters,
            m.metadata,
            m.owner,
            m.born,
            m.ingested_at,
            m.warnings,
        )
        .join(document_version, v.id == m.version_id)
        .where(m.corpus_id == int(corpus.id), live_at(commit), readable(caller))
    )


def _one(
    connection: Connection, caller: Caller, corpus: Corpus, document_id: str, commit: CommitId
) -> Row[Any]:
    statement = _documents(caller, corpus, commit).where(membership.c.document_id == document_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise _not_found(corpus, document_id)
    return row


def _document(corpus: Corpus, row: Row[Any]) -> Document:
    return Document(
        corpus=corpus.name,
        document_id=row.document_id,
        version=row.version,
        title=row.title,
        source=row.source,
        media_type=row.media_type,
        characters=row.characters,
        metadata=row.metadata,
        owner=row.owner,
        born=CommitId(row.born),
        ingested_at=row.ingested_at,
        warnings=as_caveats(row.warnings),
    )


def _cursor(document_id: str) -> str:
    return base64.urlsafe_b64encode(document_id.encode("utf-8")).decode("ascii").rstrip("=")


def _after(cursor: str) -> str:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("utf-8")
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest(
            "the cursor is not one that a listing returned", hint="leave it out to begin anew"
        ) from error


def _not_found(corpus: Corpus, document_id: str) -> DocumentNotFound:
    return DocumentNotFound(
        f"the corpus {corpus.name!r} has no document {_short(document_id)}",
        hint=f"ragsvc documents list {corpus.name} shows what it has",
    )


def _short(name: str) -> str:
    return repr(name) if len(name) <= 200 else f"{name[:200]!r}..."
