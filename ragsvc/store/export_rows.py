"""What leaves with an export, read in short transactions, and the commit that an import makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, Select, select, update

from ragsvc.crashpoints import crash_point
from ragsvc.domain import Caller, Corpus, F32Matrix, Profile, VersionId
from ragsvc.errors import CorpusExists, CorpusNotFound, InternalError, StaleContent
from ragsvc.store.columns import canonical_json
from ragsvc.store.corpora import check_name, claim_roots, find_corpus, insert_corpus
from ragsvc.store.engine import Repository, batches
from ragsvc.store.history import insert_commit
from ragsvc.store.memberships import begin_memberships
from ragsvc.store.permissions import live_at, readable
from ragsvc.store.rows import ExportedChunk, ExportedDocument, NewMembership
from ragsvc.store.tables import (
    chunk,
    chunking,
    corpus,
    document_version,
    membership,
    signature,
    term,
    vector,
)

_PAGE_DOCUMENTS = 1000
_PAGE_CHUNKS = 2000
_I32 = np.dtype("<i4")


class ExportRows(Repository):
    """Reading one commit whole, and making the first commit of a corpus."""

    def documents(self, caller: Caller, corpus: Corpus) -> Iterator[list[ExportedDocument]]:
        """Documents that live at the commit of `corpus` and may be read, by id, a page at a time.

        No transaction stays open between pages: pin the commit.
        """
        m, v = membership.c, document_version.c
        statement = (
            select(
                m.document_id,
                v.version,
                m.title,
                m.source,
                m.origin,
                m.root,
                m.owner,
                m.media_type,
                m.ingested_at,
                m.metadata,
                m.warnings,
            )
            .join(document_version, v.id == m.version_id)
            .where(m.corpus_id == int(corpus.id), live_at(corpus.commit), readable(caller))
            .order_by(m.document_id)
            .limit(_PAGE_DOCUMENTS)
        )
        last = ""
        while True:
            with self._db.read() as connection:
                rows = connection.execute(statement.where(m.document_id > last)).all()
            if not rows:
                return
            last = rows[-1].document_id
            yield [
                ExportedDocument(
                    **{
                        **row._mapping,
                        "metadata": canonical_json(row.metadata),
                        "warnings": canonical_json(row.warnings),
                    }
                )
                for row in rows
            ]

    def versions(self, caller: Caller, corpus: Corpus) -> dict[str, VersionId]:
        """Versions of those documents: their ids, by public name, ascending."""
        m, v = membership.c, document_version.c
        statement = (
            select(v.version, v.id)
            .join(membership, v.id == m.version_id)
            .where(m.corpus_id == int(corpus.id), live_at(corpus.commit), readable(caller))
            .distinct()
            .order_by(v.version)
        )
        with self._db.read() as connection:
            return {row.version: VersionId(row.id) for row in connection.execute(statement)}

    def version_signatures(self, ids: Sequence[VersionId]) -> dict[VersionId, bytes]:
        """Signatures of whole texts, where there are any."""
        found: dict[VersionId, bytes] = {}
        with self._db.read() as connection:
            for some in batches(ids):
                statement = select(signature.c.version_id, signature.c.data).where(
                    signature.c.version_id.in_([int(i) for i in some])
                )
                found.update((VersionId(row[0]), row[1]) for row in connection.execute(statement))
        return found

    def chunks(self, profile: Profile, versions: Mapping[str, VersionId]) -> Iterator[list[ExportedChunk]]:
        """Chunks of some versions, by version and place, about two thousand at a time.

        No transaction stays open between batches.

        :param versions: as of `carried_versions`.
        :raises StaleContent: if a version is not chunked under the profile.
        """
        names = {int(number): name for name, number in versions.items()}
        for group, chunks in self._groups(profile, list(versions.values())):
            for first in range(0, chunks, _PAGE_CHUNKS):
                with self._db.read() as connection:
                    rows = connection.execute(_chunk_page(profile, group, first)).all()
                    words = _words(connection, rows)
                made = [_carried(row, names[row.version_id], words) for row in rows]
                made.sort(key=lambda one: (one.version, one.ordinal))
                yield made

    def vectors(self, profile: Profile, hashes: Sequence[bytes]) -> F32Matrix:
        """Vectors of embedded texts.

        :param hashes: n distinct digests.
        :return: (n, dim) float32, aligned.
        :raises StaleContent: if one is missing or damaged.
        """
        found: dict[bytes, bytes] = {}
        with self._db.read() as connection:
            for some in batches(hashes):
                statement = select(vector.c.hash, vector.c.data).where(
                    vector.c.embedder == profile.embedder_fingerprint, vector.c.hash.in_(some)
                )
                found.update((row[0], row[1]) for row in connection.execute(statement))
        dimension = profile.spec.embedder.dimension
        if any(len(found.get(digest, b"")) != 4 * dimension for digest in hashes):
            raise StaleContent("a chunk has no vector of its profile", hint="ingest its documents again")
        joined = b"".join([found[digest] for digest in hashes])
        return np.frombuffer(joined, dtype="<f4").astype(np.float32, copy=False).reshape(-1, dimension)

    def check_free(self, caller: Caller, name: str) -> None:  # noqa: ARG002
        """Refuse a name that an import cannot take.

        :raises InvalidName: if no corpus can have it.
        :raises CorpusExists: if a corpus of this name has commits.
        """
        check_name(name)
        with self._db.read() as connection:
            _refuse_taken(connection, name)

    def adopt(
        self,
        caller: Caller,
        name: str,
        profile: Profile,
        *,
        born: Sequence[NewMembership],
        roots: Mapping[str, str],
        stats: Mapping[str, Any],
    ) -> Corpus:
        """Make a corpus with its first commit, whole or not at all; the writer lock is held.

        :param profile: a stored one, under which all versions are chunked and embedded.
        :return: the corpus at that commit.
        :raises CorpusExists: if a corpus of this name has commits.
        :raises StaleContent: if prepared content was deleted.
        """
        if not self._db.lock.held:
            raise InternalError("adopt was called without the writer lock")
        check_name(name)
        with self._db.write("store.adopt") as connection:
            _refuse_taken(connection, name)
            insert_corpus(connection, caller, name, profile.id)
            # One that a killed first ingest left empty may have another profile.
            moved = update(corpus).where(corpus.c.name == name).values(profile_id=int(profile.id))
            connection.execute(moved)
            made = find_corpus(connection, name)
            claim_roots(connection, made.id, roots)
            number = insert_commit(connection, caller, made.id, "import", stats, profile.id)
            crash_point("store.adopt.between")
            begin_memberships(connection, profile.id, made.id, number, born)
            return find_corpus(connection, name)

    def _groups(self, profile: Profile, ids: Sequence[VersionId]) -> Iterator[tuple[list[int], int]]:
        """Versions with the number of their chunks: one that has many, or several that have few."""
        group: list[int] = []
        total = 0
        for some in batches(ids):
            statement = select(chunking.c.version_id, chunking.c.chunks).where(
                chunking.c.profile_id == int(profile.id), chunking.c.version_id.in_([int(i) for i in some])
            )
            with self._db.read() as connection:
                counts = {row[0]: row[1] for row in connection.execute(statement)}
            if len(counts) != len(some):
                raise StaleContent("a document is not chunked under its profile", hint="ingest it again")
            for number in map(int, some):
                if group and (total + counts[number] > _PAGE_CHUNKS or len(group) == _PAGE_DOCUMENTS):
                    yield group, total
                    group, total = [], 0
                group.append(number)
                total += counts[number]
        if group:
            yield group, total


def _chunk_page(profile: Profile, versions: Sequence[int], first: int) -> Select[Any]:
    """Chunks of one large version from a place on, or all of several small ones."""
    c = chunk.c
    statement = select(chunk).where(c.profile_id == int(profile.id), c.version_id.in_(versions))
    if len(versions) == 1:
        statement = statement.where(c.ordinal >= first, c.ordinal < first + _PAGE_CHUNKS)
    return statement


def _words(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, str]:
    numbers = np.unique(np.frombuffer(b"".join([row.terms for row in rows]), dtype=_I32)).tolist()
    words: dict[int, str] = {}
    for some in batches(numbers):
        found = connection.execute(select(term.c.id, term.c.term).where(term.c.id.in_(some)))
        words.update((row[0], row[1]) for row in found)
    if len(words) != len(numbers):
        raise StaleContent("terms of a chunk were deleted meanwhile", hint="run the same again")
    return words


def _carried(row: Row[Any], version: str, words: Mapping[int, str]) -> ExportedChunk:
    numbers = np.frombuffer(row.terms, dtype=_I32).tolist()
    counts = np.frombuffer(row.counts, dtype=_I32).tolist()
    # By word: the numbers are those of this catalog.
    pairs = sorted((words[number], count) for number, count in zip(numbers, counts, strict=True))
    return ExportedChunk(
        version=version,
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        page=row.page,
        headings=row.headings,
        embedded_hash=row.embedded_hash,
        terms=[word for word, _ in pairs],
        counts=[count for _, count in pairs],
        length=row.length,
        signature=row.signature,
    )


def _refuse_taken(connection: Connection, name: str) -> None:
    try:
        taken = find_corpus(connection, name).commit != 0
    except CorpusNotFound:
        return
    if taken:
        raise CorpusExists(
            f"there is a corpus {name} already", hint="import it under another name: --as NAME"
        )
