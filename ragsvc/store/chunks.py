"""Chunks: spans of a document version under a profile, with their terms. Never changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, delete, func, select

from ragsvc.domain import ChunkBatch, I64Vector, Mention, ProfileId, VersionId
from ragsvc.errors import InternalError, StaleContent
from ragsvc.store.engine import batches, insert_or_ignore, insert_or_replace
from ragsvc.store.relations import mention_rows
from ragsvc.store.rows import ChunkRow
from ragsvc.store.signatures import unpacked
from ragsvc.store.tables import chunk, chunking, profile, signature, vector
from ragsvc.store.tables import mentions as mentions_table
from ragsvc.store.terms import Terms

_I32 = np.dtype("<i4")
_PLACE = ("version_id", "profile_id", "ordinal")
_CONTENT = [column.name for column in chunk.c if column.name not in (*_PLACE, "id")]
_NO_SIGNATURES: Mapping[VersionId, bytes] = MappingProxyType({})
_NO_MENTIONS: Mapping[VersionId, Sequence[Mention]] = MappingProxyType({})

_MEND = "ragsvc verify names the corpus, ragsvc rebuild CORPUS mends it"


class Chunks(Terms):
    """Chunk rows, and the columns that indexes are built from."""

    def unchunked(self, profile_id: ProfileId, version_ids: Sequence[VersionId]) -> list[VersionId]:
        """Those versions that are not ready under a profile: not chunked, or a vector is missing.

        :return: in the order given, without repeats.
        """
        ids = list(dict.fromkeys(version_ids))
        with self._db.read() as connection:
            ready = ready_versions(connection, profile_id, ids)
        return [i for i in ids if i not in ready]

    def put(
        self,
        profile_id: ProfileId,
        items: Sequence[tuple[VersionId, Sequence[ChunkRow]]],
        signatures: Mapping[VersionId, bytes] = _NO_SIGNATURES,
        replaced: Collection[VersionId] = (),
        mentions: Mapping[VersionId, Sequence[Mention]] = _NO_MENTIONS,
    ) -> None:
        """Store the chunks of whole versions; a version chunked meanwhile stays as it is.

        :param signatures: of the whole texts of some versions; b"" when a text has no words.
        :param mentions: what the structure of some versions names, which is the same under every profile.
        :param replaced: versions whose stored chunks are damaged; they get these under the same ids.
        :raises StaleContent: if a version has been deleted meanwhile.
        """
        words: set[str] = set().union(*(row.terms for _, rows in items for row in rows))
        with self._db.write("store.put_chunks") as connection:
            have = _chunked(connection, profile_id, [i for i, _ in items]) - set(replaced)
            fresh = {i: rows for i, rows in items if i not in have}
            generation, ids, new = self._allocate(connection, words if fresh else set())
            if fresh:
                connection.execute(
                    insert_or_replace(chunking, ["chunks"]),
                    [
                        {"version_id": int(i), "profile_id": int(profile_id), "chunks": len(rows)}
                        for i, rows in fresh.items()
                    ],
                )
            records = [
                _record(profile_id, i, ordinal, row, ids)
                for i, rows in fresh.items()
                for ordinal, row in enumerate(rows)
            ]
            if records:
                # Ids stay: readers hold them, and look up their passages by them.
                connection.execute(insert_or_replace(chunk, _CONTENT, key=_PLACE), records)
            _drop_surplus(connection, profile_id, {i: len(fresh[i]) for i in fresh.keys() & set(replaced)})
            signed = [{"version_id": int(i), "data": data} for i, data in signatures.items()]
            if signed:
                connection.execute(insert_or_ignore(signature), signed)
            if mentions:
                connection.execute(insert_or_replace(mentions_table, ["data"]), mention_rows(mentions))
        # Only now: numbers of a transaction that failed must not be remembered.
        self._term_cache.remember(generation, new)

    def differing(
        self, profile_id: ProfileId, items: Sequence[tuple[VersionId, Sequence[ChunkRow]]]
    ) -> set[VersionId]:
        """Those versions whose stored chunks under a profile are not these."""
        words: set[str] = set().union(*(row.terms for _, rows in items for row in rows))
        numbers = self.term_ids(words)
        found: set[VersionId] = set()
        with self._db.read() as connection:
            for some in batches(items, 256):
                stored = _stored(connection, profile_id, [i for i, _ in some])
                for i, rows in some:
                    known = all(word in numbers for row in rows for word in row.terms)
                    wanted = [
                        _record(profile_id, i, ordinal, row, numbers) if known else {}
                        for ordinal, row in enumerate(rows)
                    ]
                    if stored.get(i) != wanted:
                        found.add(i)
        return found

    def cuts(self, profile_id: ProfileId, versions: I64Vector) -> I64Vector:
        """The sum of the chunk ids of each version under a profile, (n,) int64; 0 for none.

        It tells one cutting from another: gc may remove chunks, and the same text be cut again later.
        """
        found: dict[int, int] = {}
        with self._db.read() as connection:
            for some in batches(versions.tolist()):
                statement = (
                    select(chunk.c.version_id, func.sum(chunk.c.id))
                    .where(chunk.c.profile_id == int(profile_id), chunk.c.version_id.in_(some))
                    .group_by(chunk.c.version_id)
                )
                found.update((row[0], row[1]) for row in connection.execute(statement))
        return np.fromiter((found.get(i, 0) for i in versions.tolist()), np.int64, len(versions))

    def chunk_counts(self, profile_id: ProfileId, version_ids: Sequence[VersionId]) -> dict[VersionId, int]:
        """Number of chunks of each version that is chunked under the profile."""
        counts: dict[VersionId, int] = {}
        with self._db.read() as connection:
            for some in batches(list(dict.fromkeys(version_ids))):
                statement = select(chunking.c.version_id, chunking.c.chunks).where(
                    chunking.c.profile_id == profile_id, chunking.c.version_id.in_([int(i) for i in some])
                )
                counts.update(
                    (VersionId(row.version_id), row.chunks) for row in connection.execute(statement)
                )
        return counts

    def batch(self, profile_id: ProfileId, versions: I64Vector | Sequence[int]) -> ChunkBatch:
        """Read everything that indexes need of some versions' chunks.

        :param versions: (n,) int64 version ids.
        :raises StaleContent: if a version is not chunked, or a vector is missing.
        """
        wanted = np.unique(np.asarray(versions, dtype=np.int64)).tolist()
        rows: list[Sequence[Any]] = []
        with self._db.read() as connection:
            found = connection.execute(
                select(profile.c.embedder_fingerprint, profile.c.spec).where(profile.c.id == int(profile_id))
            ).one_or_none()
            if found is None:
                raise InternalError(f"there is no profile {profile_id}")
            if len(_chunked(connection, profile_id, wanted)) != len(wanted):
                raise StaleContent("a document is not chunked under this profile", hint=_MEND)
            for some in batches(wanted):
                rows.extend(_columns(connection, profile_id, found.embedder_fingerprint, some))
        rows.sort(key=lambda row: int(row[0]))
        return _packed(rows, int(found.spec["embedder"]["dimension"]))


def ready_versions(
    connection: Connection, profile_id: ProfileId, version_ids: Sequence[VersionId]
) -> set[VersionId]:
    """Those versions that are chunked under a profile and have a vector for every chunk."""
    ready = _chunked(connection, profile_id, version_ids)
    embedder = select(profile.c.embedder_fingerprint).where(profile.c.id == int(profile_id)).scalar_subquery()
    has_vector = and_(vector.c.embedder == embedder, vector.c.hash == chunk.c.embedded_hash)
    for some in batches(list(ready)):
        lacking = select(chunk.c.version_id).where(
            chunk.c.profile_id == int(profile_id),
            chunk.c.version_id.in_([int(i) for i in some]),
            ~select(vector.c.id).where(has_vector).exists(),
        )
        ready.difference_update(connection.execute(lacking).scalars())
    return ready


def _chunked(connection: Connection, profile_id: ProfileId, version_ids: Iterable[int]) -> set[VersionId]:
    found: set[VersionId] = set()
    for some in batches(list(version_ids)):
        statement = select(chunking.c.version_id).where(
            chunking.c.profile_id == int(profile_id), chunking.c.version_id.in_([int(i) for i in some])
        )
        found.update(connection.execute(statement).scalars())
    return found


def _drop_surplus(connection: Connection, profile_id: ProfileId, counts: Mapping[VersionId, int]) -> None:
    for version, count in counts.items():
        surplus = (chunk.c.profile_id == int(profile_id), chunk.c.version_id == int(version))
        connection.execute(delete(chunk).where(*surplus, chunk.c.ordinal >= count))


def _stored(
    connection: Connection, profile_id: ProfileId, versions: Sequence[VersionId]
) -> dict[VersionId, list[dict[str, Any]]]:
    """Chunks as `_record` makes them, by version; a version whose count of chunks is wrong is left out."""
    ids = [int(i) for i in versions]
    columns = [column for column in chunk.c if column.name != "id"]
    statement = (
        select(*columns)
        .where(chunk.c.profile_id == int(profile_id), chunk.c.version_id.in_(ids))
        .order_by(chunk.c.ordinal)
    )
    found: dict[VersionId, list[dict[str, Any]]] = {i: [] for i in _chunked(connection, profile_id, versions)}
    for row in connection.execute(statement):
        found.setdefault(VersionId(row.version_id), []).append(dict(row._mapping))
    counted = connection.execute(
        select(chunking.c.version_id, chunking.c.chunks).where(
            chunking.c.profile_id == int(profile_id), chunking.c.version_id.in_(ids)
        )
    )
    counts: dict[int, int] = {row[0]: row[1] for row in counted}
    return {i: rows for i, rows in found.items() if counts.get(i) == len(rows)}


def _record(
    profile_id: ProfileId, version_id: VersionId, ordinal: int, row: ChunkRow, ids: Mapping[str, int]
) -> dict[str, Any]:
    counted = sorted((ids[word], count) for word, count in Counter(row.terms).items())
    return {
        "version_id": int(version_id),
        "profile_id": int(profile_id),
        "ordinal": ordinal,
        "start": row.start,
        "end": row.end,
        "page": row.page,
        "headings": list(row.headings),
        "embedded_hash": row.embedded_hash,
        "length": sum(count for _, count in counted),
        "terms": np.array([number for number, _ in counted], dtype=_I32).tobytes(),
        "counts": np.array([count for _, count in counted], dtype=_I32).tobytes(),
        "signature": row.signature,
    }


def _columns(
    connection: Connection, profile_id: ProfileId, embedder: str, versions: Sequence[int]
) -> Sequence[Sequence[Any]]:
    joined = and_(vector.c.embedder == embedder, vector.c.hash == chunk.c.embedded_hash)
    statement = (
        select(
            chunk.c.id,
            chunk.c.version_id,
            vector.c.data,
            chunk.c.length,
            chunk.c.terms,
            chunk.c.counts,
            chunk.c.signature,
        )
        .select_from(chunk)
        .outerjoin(vector, joined)
        .where(chunk.c.profile_id == int(profile_id), chunk.c.version_id.in_(versions))
    )
    rows = connection.execute(statement).all()
    if any(row[2] is None for row in rows):
        raise StaleContent("a chunk has no vector of this profile's embedder", hint=_MEND)
    return rows


def _packed(rows: Sequence[Sequence[Any]], dimension: int) -> ChunkBatch:
    n = len(rows)
    offsets: NDArray[np.int64] = np.zeros(n + 1, dtype=np.int64)
    np.cumsum([len(row[4]) // _I32.itemsize for row in rows], out=offsets[1:])
    size = 4 * dimension
    if any(len(row[2]) != size or len(row[4]) != len(row[5]) or len(row[4]) % 4 for row in rows):
        raise StaleContent("stored vectors or terms are damaged", hint=_MEND)
    vectors = np.frombuffer(b"".join([row[2] for row in rows]), dtype="<f4")
    return ChunkBatch(
        chunk_ids=np.fromiter((row[0] for row in rows), dtype=np.int64, count=n),
        versions=np.fromiter((row[1] for row in rows), dtype=np.int64, count=n),
        vectors=vectors.astype(np.float32, copy=False).reshape(n, dimension),
        lengths=np.fromiter((row[3] for row in rows), dtype=np.int32, count=n),
        term_offsets=offsets,
        terms=np.frombuffer(b"".join([row[4] for row in rows]), dtype=_I32).astype(np.int32, copy=False),
        counts=np.frombuffer(b"".join([row[5] for row in rows]), dtype=_I32).astype(np.int32, copy=False),
        signatures=unpacked([row[6] for row in rows]),
    )


def total_chunks(connection: Connection, profile_id: ProfileId, version_id: VersionId) -> int:
    """Number of chunks of one version under a profile."""
    statement = select(func.coalesce(func.sum(chunking.c.chunks), 0)).where(
        chunking.c.profile_id == int(profile_id), chunking.c.version_id == int(version_id)
    )
    return int(connection.execute(statement).scalar_one())
