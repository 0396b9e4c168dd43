"""Memberships: which document version is live in a corpus at which commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, insert, select, union, update

from ragsvc.crashpoints import crash_point
from ragsvc.domain import Caller, CommitId, CorpusId, I64Vector, ProfileId, VersionId
from ragsvc.errors import CorpusNotFound, InternalError, StaleContent
from ragsvc.store.chunks import ready_versions
from ragsvc.store.columns import as_caveats, as_rows
from ragsvc.store.corpora import claim_roots, head_of
from ragsvc.store.engine import Repository, batches, now
from ragsvc.store.filters import Filter, matching
from ragsvc.store.history import insert_commit
from ragsvc.store.metadata_index import field_rows
from ragsvc.store.permissions import live_at, readable
from ragsvc.store.rows import Membership, NewMembership
from ragsvc.store.tables import corpus, document_version, field, membership


class Memberships(Repository):
    """Planning, publishing, and the version sets that indexes follow."""

    def live(self, corpus_id: CorpusId) -> dict[str, Membership]:
        """Everything live at the head, by document id."""
        m = membership.c
        statement = select(
            m.id, m.document_id, m.version_id, m.metadata, m.source, m.origin, m.root, m.owner, m.warnings
        ).where(m.corpus_id == int(corpus_id), m.died.is_(None))
        with self._db.read() as connection:
            return {
                row.document_id: Membership(**{**row._mapping, "warnings": as_caveats(row.warnings)})
                for row in connection.execute(statement)
            }

    def publish(
        self,
        caller: Caller,
        corpus_id: CorpusId,
        *,
        kind: str,
        born: Sequence[NewMembership],
        died: Sequence[int],
        roots: Mapping[str, str],
        stats: Mapping[str, Any],
    ) -> CommitId:
        """Make a planned change visible, whole or not at all; the writer lock is held.

        :param kind: what made the change, such as "ingest".
        :param died: membership ids that end; a replaced document is in `died` and in `born`.
        :param roots: what root names stand for; recorded with the change.
        :return: the new commit, or the head when nothing is born and nothing dies.
        :raises StaleContent: if the plan is outdated or prepared content was deleted.
        :raises RootConflict: if a root name stands for another path that still exists.
        :raises CorpusNotFound: if the corpus was deleted meanwhile.
        """
        if not self._db.lock.held:
            raise InternalError("publish was called without the writer lock")
        with self._db.write("store.publish") as connection:
            profile_id = _profile_of(connection, corpus_id)
            claim_roots(connection, corpus_id, roots)
            if not born and not died:
                return head_of(connection, corpus_id)
            number = insert_commit(connection, caller, corpus_id, kind, stats, profile_id)
            end_memberships(connection, corpus_id, number, died)
            crash_point("store.publish.between")
            begin_memberships(connection, profile_id, corpus_id, number, born)
        return number

    def live_versions(self, corpus_id: CorpusId, at: CommitId) -> I64Vector:
        """Versions live at a commit: distinct, ascending."""
        with self._db.read() as connection:
            return _versions(connection, _live(corpus_id, at))

    def touched_versions(self, corpus_id: CorpusId, after: CommitId, upto: CommitId) -> I64Vector:
        """Versions of memberships that were born or died in (after, upto]: distinct, ascending."""
        m = membership.c
        ranges = [
            select(m.version_id).where(
                m.corpus_id == int(corpus_id), column > int(after), column <= int(upto)
            )
            for column in (m.born, m.died)
        ]
        with self._db.read() as connection:
            return _ascending(connection.execute(union(*ranges)).scalars().all())

    def live_among(self, corpus_id: CorpusId, at: CommitId, versions: I64Vector | Sequence[int]) -> I64Vector:
        """Those of some versions that are live at a commit: distinct, ascending."""
        wanted: list[int] = np.unique(np.asarray(versions, dtype=np.int64)).tolist()
        found: list[int] = []
        with self._db.read() as connection:
            for some in batches(wanted):
                statement = _live(corpus_id, at).where(membership.c.version_id.in_(some))
                found.extend(connection.execute(statement).scalars())
        return _ascending(found)

    def allowed_versions(
        self, corpus_id: CorpusId, at: CommitId, where: Filter | None, caller: Caller
    ) -> I64Vector:
        """Versions of documents that are live at a commit, match the filter and may be read."""
        statement = _live(corpus_id, at).where(readable(caller))
        if where is not None:
            statement = statement.where(matching(where, int(corpus_id)))
        with self._db.read() as connection:
            return _versions(connection, statement)


def _live(corpus_id: CorpusId, at: CommitId) -> Select[int]:
    return select(membership.c.version_id).where(membership.c.corpus_id == int(corpus_id), live_at(at))


def _versions(connection: Connection, statement: Select[int]) -> I64Vector:
    return _ascending(connection.execute(statement).scalars().all())


def _ascending(ids: Sequence[int]) -> I64Vector:
    return np.unique(np.array(ids, dtype=np.int64))


def _profile_of(connection: Connection, corpus_id: CorpusId) -> ProfileId:
    statement = select(corpus.c.profile_id).where(corpus.c.id == int(corpus_id))
    found = connection.execute(statement).scalar()
    if found is None:
        raise CorpusNotFound("the corpus was deleted meanwhile", hint="run the same again to create it anew")
    return ProfileId(found)


def end_memberships(
    connection: Connection, corpus_id: CorpusId, number: CommitId, died: Sequence[int]
) -> None:
    """End live memberships at a commit, inside the caller's transaction.

    :raises StaleContent: if one of them is not live any more.
    """
    ended = 0
    m = membership.c
    for some in batches(list(died)):
        statement = (
            update(membership)
            .where(m.id.in_([int(i) for i in some]), m.corpus_id == int(corpus_id), m.died.is_(None))
            .values(died=int(number))
        )
        ended += connection.execute(statement).rowcount
    if ended != len(died):
        raise StaleContent("another writer changed these documents first", hint="run the same again")


def begin_memberships(
    connection: Connection,
    profile_id: ProfileId,
    corpus_id: CorpusId,
    number: CommitId,
    born: Sequence[NewMembership],
) -> None:
    """Let documents live from a commit on, inside the caller's transaction.

    :raises StaleContent: if a version is not chunked under the profile, or lacks a vector.
    """
    if not born:
        return
    ids = list(dict.fromkeys(new.version_id for new in born))
    if len(ready_versions(connection, profile_id, ids)) != len(ids):
        raise StaleContent("a prepared document went away before it was published", hint="run the same again")
    shown = _shown(connection, ids)
    time = now()
    rows = [
        {
            "corpus_id": int(corpus_id),
            "document_id": new.document_id,
            "version_id": int(new.version_id),
            "born": int(number),
            "died": None,
            "title": shown[new.version_id][0] or base_name(new.document_id),
            "media_type": shown[new.version_id][1],
            "source": new.source,
            "origin": new.origin,
            "root": new.root,
            "owner": new.owner,
            "ingested_at": new.ingested_at or time,
            "metadata": dict(new.metadata),
            "warnings": as_rows(new.warnings),
        }
        for new in born
    ]
    connection.execute(insert(membership), rows)
    _index_fields(connection, corpus_id, number, born)


def _shown(connection: Connection, ids: Sequence[VersionId]) -> dict[VersionId, tuple[str, str]]:
    columns = document_version.c
    found: dict[VersionId, tuple[str, str]] = {}
    for some in batches(ids):
        statement = select(columns.id, columns.title, columns.media_type).where(
            columns.id.in_([int(i) for i in some])
        )
        found.update((VersionId(row[0]), (row[1], row[2])) for row in connection.execute(statement))
    return found


def base_name(document_id: str) -> str:
    """The title of a document whose text has none."""
    return document_id.rstrip("/").rpartition("/")[2] or document_id


def _index_fields(
    connection: Connection, corpus_id: CorpusId, number: CommitId, born: Sequence[NewMembership]
) -> None:
    m = membership.c
    statement = select(m.document_id, m.id).where(m.corpus_id == int(corpus_id), m.born == int(number))
    ids = {row[0]: row[1] for row in connection.execute(statement)}
    rows = [made for new in born for made in field_rows(ids[new.document_id], int(corpus_id), new.metadata)]
    if rows:
        connection.execute(insert(field), rows)
