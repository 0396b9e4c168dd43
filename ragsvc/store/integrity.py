"""Looking for damage in what is stored. Nothing is changed, and no lock is taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, and_, func, select

from ragsvc.domain import (
    BoolVector,
    CorpusId,
    I64Vector,
    ParsedDocument,
    Profile,
    ProfileId,
    VersionId,
    places_of,
)
from ragsvc.store.corpora import spec_from_json
from ragsvc.store.engine import Repository, batches
from ragsvc.store.gc.survey import NEVER, integers, lives_at_one
from ragsvc.store.metadata_index import leaves
from ragsvc.store.tables import (
    chunk,
    chunking,
    commit,
    corpus,
    document_version,
    field,
    membership,
    profile,
    term,
    vector,
)
from ragsvc.store.vectors import is_vector
from ragsvc.store.versions import version_name

_TEXTS = 64
_VERSIONS = 256
_I32 = np.dtype("<i4")


class Integrity(Repository):
    """Comparisons of what is stored with what it was made from."""

    def damaged_database(self) -> list[str]:
        """What the database itself finds wrong with the file; [] when nothing."""
        return self._db.faults()

    def kept_profiles(self, corpus_id: CorpusId) -> list[Profile]:
        """Profiles that the uncollected commits of a corpus have, the head's first."""
        columns = (profile.c.id, profile.c.fingerprint, profile.c.embedder_fingerprint, profile.c.spec)
        used = select(commit.c.profile_id).where(
            commit.c.corpus_id == int(corpus_id), commit.c.collected == 0
        )
        with self._db.read() as connection:
            head = connection.execute(
                select(corpus.c.profile_id).where(corpus.c.id == int(corpus_id))
            ).scalar_one_or_none()
            rows = connection.execute(select(*columns).where(profile.c.id.in_(used))).all()
        found = [
            Profile(ProfileId(row.id), row.fingerprint, row.embedder_fingerprint, spec_from_json(row.spec))
            for row in rows
        ]
        return sorted(found, key=lambda one: (one.id != head, one.id))

    def needed_versions(self, corpus_id: CorpusId, profile_id: ProfileId) -> I64Vector:
        """Versions that live at an uncollected commit of this profile: distinct, ascending."""
        m = membership.c
        with self._db.read() as connection:
            kept = connection.execute(
                select(commit.c.id)
                .where(
                    commit.c.corpus_id == int(corpus_id),
                    commit.c.profile_id == int(profile_id),
                    commit.c.collected == 0,
                )
                .order_by(commit.c.id)
            ).scalars()
            numbers = np.array(kept.all(), dtype=np.int64)
            columns = (m.version_id, m.born, func.coalesce(m.died, NEVER))
            rows = integers(connection, select(*columns).where(m.corpus_id == int(corpus_id)))
        if not numbers.size:
            return numbers
        return np.unique(rows[lives_at_one(rows[:, 1], rows[:, 2], numbers), 0])

    def text_faults(self, versions: Sequence[VersionId]) -> dict[VersionId, str]:
        """Versions whose text is not the one that their id and hashes were made from."""
        found: dict[VersionId, str] = {}
        for some in batches(list(versions), _TEXTS):
            statement = select(document_version).where(document_version.c.id.in_([int(i) for i in some]))
            with self._db.read() as connection:
                for row in connection.execute(statement):
                    if fault := _text_fault(row):
                        found[VersionId(row.id)] = fault
        return found

    def chunk_faults(
        self, profile_id: ProfileId, versions: Sequence[VersionId], progress: Callable[[int], None]
    ) -> dict[VersionId, str]:
        """Versions whose chunks under a profile are incomplete, contradict themselves or lack vectors.

        :param progress: told how many more versions were looked at.
        """
        found: dict[VersionId, str] = {}
        with self._db.read() as connection:
            numbers = np.array(connection.execute(select(term.c.id)).scalars().all(), dtype=np.int64)
            row = connection.execute(
                select(profile.c.embedder_fingerprint, profile.c.spec).where(profile.c.id == int(profile_id))
            ).one()
        dimension = int(row.spec["embedder"]["dimension"])
        terms: BoolVector = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.bool_)
        terms[numbers] = True
        for some in batches(list(versions), _VERSIONS):
            with self._db.read() as connection:
                found |= _chunk_faults(
                    connection, profile_id, some, terms, (row.embedder_fingerprint, dimension)
                )
            progress(len(some))
        return found

    def field_faults(self, corpus_id: CorpusId) -> list[tuple[int, str]]:
        """Live memberships whose filter fields are not those of their metadata: (id, document id)."""
        m, f = membership.c, field.c
        live = and_(m.corpus_id == int(corpus_id), m.died.is_(None))
        stored: dict[int, set[tuple[Any, ...]]] = {}
        with self._db.read() as connection:
            rows = connection.execute(select(m.id, m.document_id, m.metadata).where(live)).all()
            statement = (
                select(f.membership_id, f.name, f.kind, f.text, f.number)
                .join(membership, m.id == f.membership_id)
                .where(live)
            )
            for number, *leaf in connection.execute(statement):
                stored.setdefault(number, set()).add(tuple(leaf))
        return [
            (row.id, row.document_id)
            for row in rows
            if {(name, leaf.kind, leaf.text, leaf.number) for name, leaf in leaves(row.metadata)}
            != stored.get(row.id, set())
        ]

    def document_of(self, corpus_id: CorpusId, version: VersionId) -> str:
        """A document of the corpus that has this version, to be named in a message."""
        m = membership.c
        statement = (
            select(m.document_id)
            .where(m.corpus_id == int(corpus_id), m.version_id == int(version))
            .order_by(m.died.is_not(None), m.document_id)
            .limit(1)
        )
        with self._db.read() as connection:
            return connection.execute(statement).scalar_one_or_none() or f"version {version}"


def _text_fault(row: Row[Any]) -> str:
    try:
        digest = hashlib.sha256(row.text.encode("utf-8")).hexdigest()
        name = version_name(
            ParsedDocument(
                title=row.title,
                text=row.text,
                media_type=row.media_type,
                pages=tuple(row.pages),
                places=places_of(row.places or (), len(row.text)),
            )
        )
    except (TypeError, ValueError, AttributeError) as error:
        return f"its text cannot be read: {error}"
    if digest != row.text_hash or len(row.text) != row.characters:
        return "its text is not the one that was stored"
    return "" if name == row.version else "its title, type, pages or places are not the ones that were stored"


def _chunk_faults(
    connection: Connection,
    profile_id: ProfileId,
    versions: Sequence[VersionId],
    terms: BoolVector,
    embedder: tuple[str, int],
) -> dict[VersionId, str]:
    ids = [int(i) for i in versions]
    counted = connection.execute(
        select(chunking.c.version_id, chunking.c.chunks).where(
            chunking.c.profile_id == int(profile_id), chunking.c.version_id.in_(ids)
        )
    )
    chunks: dict[int, int] = {row[0]: row[1] for row in counted}
    joined = and_(vector.c.embedder == embedder[0], vector.c.hash == chunk.c.embedded_hash)
    statement = (
        select(chunk, vector.c.data, document_version.c.characters)
        .join(document_version, document_version.c.id == chunk.c.version_id)
        .outerjoin(vector, joined)
        .where(chunk.c.profile_id == int(profile_id), chunk.c.version_id.in_(ids))
        .order_by(chunk.c.version_id, chunk.c.ordinal)
    )
    found: dict[VersionId, str] = {}
    seen: dict[int, int] = dict.fromkeys(ids, 0)
    for row in connection.execute(statement):
        fault = _row_fault(row, seen[row.version_id], terms, embedder[1])
        seen[row.version_id] += 1
        if fault:
            found.setdefault(VersionId(row.version_id), fault)
    for i in ids:
        if i not in chunks:
            found[VersionId(i)] = "it is not cut into chunks"
        elif seen[i] != chunks[i]:
            found.setdefault(VersionId(i), f"it has {seen[i]} chunks, not {chunks[i]}")
    return found


def _row_fault(row: Row[Any], ordinal: int, terms: BoolVector, dimension: int) -> str:
    place = f"chunk {row.ordinal}"
    if row.ordinal != ordinal or not 0 <= row.start < row.end <= row.characters:
        return f"{place} has no place in the text"
    if len(row.terms) != len(row.counts) or len(row.terms) % _I32.itemsize:
        return f"{place} has other terms than counts"
    numbers, counts = (np.frombuffer(blob, dtype=_I32) for blob in (row.terms, row.counts))
    known = numbers[(numbers >= 0) & (numbers < len(terms))]
    if len(known) != len(numbers) or not terms[known].all():
        return f"{place} has terms that are not there"
    if (counts < 1).any() or counts.sum() != row.length:
        return f"{place} has impossible counts of terms"
    if row.data is None:
        return f"{place} has no vector"
    return "" if is_vector(row.data, dimension) else f"the vector of {place} is damaged"
