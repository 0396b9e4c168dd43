"""Deleting a corpus, and with it everything that only it needed: nothing leaks."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
from sqlalchemy import Connection, delete, select

from ragsvc.domain import BoolVector, Caller, CorpusId
from ragsvc.store.corpora import find_corpus
from ragsvc.store.engine import BUSY_TIMEOUT_S, Repository, batches, insert_or_replace
from ragsvc.store.gc.pins import ingest_reason, living_pins
from ragsvc.store.history import insert_commit
from ragsvc.store.record_rows import delete_records, of_corpus
from ragsvc.store.tables import (
    chunk,
    chunking,
    commit,
    corpus,
    counter,
    document_version,
    field,
    job,
    membership,
    mentions,
    parse_cache,
    root,
    signature,
    tag,
    term,
    vector,
)
from ragsvc.store.terms import GENERATION, generation_of


class Deletion(Repository):
    """Removal for good; the file keeps no trace of the text."""

    def delete_corpus(self, caller: Caller, name: str) -> None:
        """Delete a corpus with its history, the records of its answers, and all content that no other needs.

        Content that a running ingest has prepared but not published goes too: its publish
        then raises StaleContent, and running it again helps. Takes the writer lock unless
        this thread holds it; then call `empty_log` when it is free.

        :raises CorpusNotFound: with similar names in the hint.
        :raises WriterBusy: if another process holds the writer lock for too long.
        """
        holding = nullcontext() if self._db.lock.held else self._db.lock.hold(BUSY_TIMEOUT_S)
        with holding, self._db.write("store.delete_corpus") as connection:
            corpus_id = find_corpus(connection, name).id
            _delete_rows(connection, corpus_id, name)
            _delete_content(connection)
            # A commit of its own, so that whoever polls the latest number notices.
            insert_commit(connection, caller, corpus_id, "delete", {}, None)
        # The log still holds the deleted pages; the file itself has them zeroed.
        self._db.owe_checkpoint()
        self._db.empty_log()

    def drop_unborn(self, name: str, ingests: int) -> bool:
        """Delete a corpus that never had a commit, unless others are about to give it one.

        :param ingests: how many running ingests of it do not count, such as the caller's own.
        :return: whether it was deleted.
        """
        with self._db.write("store.drop_unborn") as connection:
            found = connection.execute(select(corpus.c.id).where(corpus.c.name == name)).scalar_one_or_none()
            if found is None:
                return False
            born = select(commit.c.id).where(commit.c.corpus_id == found).limit(1)
            if connection.execute(born).first() is not None:
                return False
            pins = living_pins(connection, self._db.path.parent)
            if sum(pin.reason.startswith(f"{ingest_reason(name)} ") for pin in pins) > ingests:
                return False
            connection.execute(delete(root).where(root.c.corpus_id == found))
            connection.execute(delete(corpus).where(corpus.c.id == found))
        return True

    def empty_log(self) -> bool:
        """Take what was deleted from the log too; for some seconds where a reader is in the way.

        Does nothing when that is done already. Call it without the writer lock, which it takes for moments.

        :return: whether it is done; otherwise a later write of this process does it.
        """
        return self._db.empty_log()


def _delete_rows(connection: Connection, corpus_id: CorpusId, name: str) -> None:
    for table in (field, membership, root, tag, commit):
        connection.execute(delete(table).where(table.c.corpus_id == int(corpus_id)))
    connection.execute(delete(job).where(job.c.corpus == name))
    # Answers and quotes are words of its documents.
    delete_records(connection, of_corpus(name))
    connection.execute(delete(corpus).where(corpus.c.id == int(corpus_id)))


def _delete_content(connection: Connection) -> None:
    live = select(membership.c.id).where(membership.c.version_id == document_version.c.id)
    orphans = select(document_version.c.id).where(~live.exists())
    ids = list(connection.execute(orphans).scalars())
    suspects: set[int] = set()
    for some in batches(ids):
        blobs = connection.execute(select(chunk.c.terms).where(chunk.c.version_id.in_(some))).scalars()
        suspects.update(np.unique(np.frombuffer(b"".join(blobs), dtype="<i4")).tolist())
        for table in (chunk, chunking, mentions, parse_cache, signature):
            connection.execute(delete(table).where(table.c.version_id.in_(some)))
        connection.execute(delete(document_version).where(document_version.c.id.in_(some)))
    # Failures belong to no corpus, but their words may come from the deleted files.
    connection.execute(delete(parse_cache).where(parse_cache.c.version_id.is_(None)))
    needed = select(chunk.c.id).where(chunk.c.embedded_hash == vector.c.hash)
    connection.execute(delete(vector).where(~needed.exists()))
    _delete_terms(connection, suspects)


def _delete_terms(connection: Connection, suspects: set[int]) -> None:
    if not suspects:
        return
    used: BoolVector = np.zeros(max(suspects) + 1, dtype=np.bool_)
    for blob in connection.execute(select(chunk.c.terms)).scalars():
        numbers = np.frombuffer(blob, dtype="<i4")
        used[numbers[numbers < len(used)]] = True
    unused = [number for number in sorted(suspects) if not used[number]]
    for some in batches(unused):
        connection.execute(delete(term).where(term.c.id.in_(some)))
    generation = generation_of(connection) + 1
    connection.execute(insert_or_replace(counter, ["value"]), {"name": GENERATION, "value": generation})
