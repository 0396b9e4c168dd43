"""Going back: a new commit whose documents and profile are those of an earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from ragsvc.crashpoints import crash_point
from ragsvc.domain import Caller, CommitId, Corpus, RollbackReport
from ragsvc.errors import InternalError
from ragsvc.store.commits import find_commit, insert_commit
from ragsvc.store.corpora import find_corpus
from ragsvc.store.engine import Repository, batches
from ragsvc.store.memberships import end_memberships
from ragsvc.store.permissions import live_at
from ragsvc.store.tables import commit, corpus, field, membership

_IDENTITY = ("id", "corpus_id", "born", "died")


class Rollback(Repository):
    """Rollback: rows of memberships only; texts, chunks and vectors are there already."""

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
