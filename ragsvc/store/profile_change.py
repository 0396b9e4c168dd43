"""Moving the head of a corpus to another profile, once everything is ready under it."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from ragsvc.domain import Caller, CommitId, Corpus, Profile, VersionId
from ragsvc.errors import CorpusNotFound, InternalError, StaleContent
from ragsvc.store.chunks import ready_versions
from ragsvc.store.commits import insert_commit
from ragsvc.store.corpora import find_corpus
from ragsvc.store.engine import Repository
from ragsvc.store.tables import corpus as corpus_table
from ragsvc.store.tables import membership

SHORT = 12
"""Hex digits of a profile's fingerprint that a commit shows."""


class ProfileChange(Repository):
    """The last step of a reindex: one row says which profile a corpus has."""

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
