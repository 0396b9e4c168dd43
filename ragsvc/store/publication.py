"""Commits that are made of what is stored already: going back, another profile, and repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from ragsvc.crashpoints import crash_point
from ragsvc.domain import Caller, CommitId, Corpus, Profile, RollbackReport, VersionId
from ragsvc.errors import CorpusNotFound, InternalError, StaleContent
from ragsvc.store.chunks import ready_versions
from ragsvc.store.corpora import find_corpus
from ragsvc.store.engine import Repository, batches
from ragsvc.store.history import find_commit, insert_commit
from ragsvc.store.memberships import end_memberships
from ragsvc.store.metadata_index import field_rows
from ragsvc.store.permissions import live_at
from ragsvc.store.tables import commit, corpus, field, membership
from ragsvc.store.tables import corpus as corpus_table

_IDENTITY = ("id", "corpus_id", "born", "died")
SHORT = 12
"""Hex digits of a profile's fingerprint that a commit shows."""


class Publication(Repository):
    """New commits without new texts."""

    def rollback(self, caller: Caller, name: str, ref: str) -> RollbackReport:
        """Make a corpus what it was at a commit; the commits in between stay in the history.

        The writer lock is held.

        :param ref: as in `Commits.corpus_at`.
        :return: with the head as it was when nothing differs.
        :raises CorpusNotFound: with similar names in the hint.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        """
        if not self._db.lock.held:
            raise InternalError("rollback was called without the writer lock")
        with self._db.write("store.rollback") as connection:
            head = find_corpus(connection, name)
            target = find_commit(connection, head, ref)
            profile_id = connection.execute(
                select(commit.c.profile_id).where(commit.c.id == int(target))
            ).scalar_one()
            wanted, unwanted = _difference(connection, head, target)
            moved = profile_id != int(head.profile.id)
            both = wanted.keys() & unwanted.keys()
            report = RollbackReport(
                corpus=name,
                commit=head.commit,
                previous=head.commit,
                to=target,
                added=len(wanted) - len(both),
                changed=len(both),
                removed=len(unwanted) - len(both),
                profile_changed=moved,
            )
            if not wanted and not unwanted and not moved:
                return report
            stats = {
                "added": report.added,
                "changed": report.changed,
                "removed": report.removed,
                "to": int(target),
            }
            number = insert_commit(connection, caller, head.id, "rollback", stats, profile_id)
            if moved:
                place = corpus.c.id == int(head.id)
                connection.execute(update(corpus).where(place).values(profile_id=profile_id))
            end_memberships(connection, head.id, number, [row.id for row in unwanted.values()])
            crash_point("store.rollback.between")
            _revive(connection, head, number, list(wanted.values()))
        return replace(report, commit=number)

    def move_head(self, caller: Caller, corpus: Corpus, profile: Profile, uid: str) -> CommitId:
        """Give a corpus another profile, by a new commit, whole or not at all; the writer lock is held.

        :param corpus: as it was when the profile was chosen; commits since then do no harm.
        :param uid: of the commit; index files that were written before bear it.
        :return: the new commit.
        :raises StaleContent: if a live document is not ready under the profile, or the corpus has
            been given another profile meanwhile.
        :raises CorpusNotFound: if the corpus was deleted meanwhile.
        """
        if not self._db.lock.held:
            raise InternalError("move_head was called without the writer lock")
        with self._db.write("store.reindex") as connection:
            head = find_corpus(connection, corpus.name)
            if head.uid != corpus.uid:
                raise CorpusNotFound(f"{corpus.name} was deleted meanwhile", hint="run the same again")
            if head.profile.id != corpus.profile.id:
                raise StaleContent(f"{corpus.name} was reindexed meanwhile", hint="run the same again")
            _check_ready(connection, corpus, profile)
            stats = {
                "from": head.profile.fingerprint[:SHORT],
                "to": profile.fingerprint[:SHORT],
                "from_embedder": head.profile.spec.embedder.name,
                "to_embedder": profile.spec.embedder.name,
            }
            number = insert_commit(connection, caller, head.id, "reindex", stats, profile.id, uid)
            place = corpus_table.c.id == int(head.id)
            connection.execute(update(corpus_table).where(place).values(profile_id=int(profile.id)))
        return number

    def mend(
        self, caller: Caller, corpus: Corpus, memberships: Sequence[int], stats: Mapping[str, Any], uid: str
    ) -> CommitId:
        """Write the filter fields of some memberships anew, and make a commit: servers then look again.

        The writer lock is held. No document changes.

        :param uid: of the commit; index files that were mended before bear it.
        """
        if not self._db.lock.held:
            raise InternalError("mend was called without the writer lock")
        with self._db.write("store.mend") as connection:
            for some in batches(list(memberships)):
                connection.execute(delete(field).where(field.c.membership_id.in_(some)))
                columns = (membership.c.id, membership.c.corpus_id, membership.c.metadata)
                statement = select(*columns).where(membership.c.id.in_(some))
                rows = [made for row in connection.execute(statement) for made in field_rows(*row)]
                if rows:
                    connection.execute(insert(field), rows)
            return insert_commit(connection, caller, corpus.id, "rebuild", stats, corpus.profile.id, uid)


def _difference(
    connection: Connection, head: Corpus, target: CommitId
) -> tuple[dict[str, Row[Any]], dict[str, Row[Any]]]:
    """Rows to be live again, and live rows to end, by document id; equal ones are in neither."""
    m = membership.c
    mine = m.corpus_id == int(head.id)
    # A row that lives at both commits is the same row: rows are never changed but in `died`.
    ended = select(membership).where(mine, live_at(target), m.died.is_not(None))
    later = select(membership).where(mine, m.died.is_(None), m.born > int(target))
    wanted = {row.document_id: row for row in connection.execute(ended)}
    unwanted = {row.document_id: row for row in connection.execute(later)}
    for document_id in wanted.keys() & unwanted.keys():
        if _content(wanted[document_id]) == _content(unwanted[document_id]):
            del wanted[document_id], unwanted[document_id]
    return wanted, unwanted


def _content(row: Row[Any]) -> Mapping[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in _IDENTITY}


def _revive(connection: Connection, head: Corpus, number: CommitId, rows: Sequence[Row[Any]]) -> None:
    m, f = membership.c, field.c
    for some in batches(rows):
        copies = [{**_content(row), "corpus_id": int(head.id), "born": int(number)} for row in some]
        connection.execute(insert(membership), copies)
        # The field rows of each old membership, under the number of its copy.
        new = membership.alias("new")
        old_ids = [row.id for row in some]
        copied = (
            select(new.c.id, f.corpus_id, f.name, f.kind, f.text, f.number)
            .join(membership, m.id == f.membership_id)
            .join(
                new,
                and_(
                    new.c.corpus_id == m.corpus_id,
                    new.c.document_id == m.document_id,
                    new.c.born == int(number),
                ),
            )
            .where(f.membership_id.in_(old_ids))
        )
        names = ["membership_id", "corpus_id", "name", "kind", "text", "number"]
        connection.execute(insert(field).from_select(names, copied))


def _check_ready(connection: Connection, corpus: Corpus, profile: Profile) -> None:
    live = select(membership.c.version_id).where(
        membership.c.corpus_id == int(corpus.id), membership.c.died.is_(None)
    )
    ids = [VersionId(i) for i in connection.execute(live.distinct()).scalars()]
    missing = len(ids) - len(ready_versions(connection, profile.id, ids))
    if missing:
        raise StaleContent(
            f"{missing} documents of {corpus.name} are not indexed under the new profile",
            hint="run the same again: what was embedded is kept",
        )
