"""What a torture run does to a home: one line a verb. Each act opens the home anew.

A verb that was killed is run again with the same arguments; `again` has the codes of the errors by which it
may then say that its work stands already.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doubles import CORPUS, ME, HashEmbedder, ingest, open_service, upload

from ragsvc.domain import InlineDocument, JobState, Prune
from ragsvc.errors import RagsvcError
from ragsvc.service import job_worker
from ragsvc.service.service import Service

OTHER = "other"
CARRIED = "carried"


def embedder(name: str) -> HashEmbedder:
    """Another name embeds otherwise."""
    return HashEmbedder(name, "" if name == "hash" else name)


class JobFailed(RagsvcError):
    """What the job says of its failure."""

    def __init__(self, error: Mapping[str, str]) -> None:
        super().__init__(error["message"], hint=error["hint"])
        self.code = error["code"]  # type: ignore[misc]


def sync(service: Service, folder: Path) -> None:
    ingest(service, folder, prune=Prune.REMOVE_ALLOW_EMPTY)


def sync_keep(service: Service, folder: Path) -> None:
    ingest(service, folder, prune=Prune.KEEP)


def sync_part(service: Service, folder: Path, file: str) -> None:
    """One JSONL file by itself; its lines are known already as lines of the folder's file."""
    ingest(service, folder / file, corpus=OTHER, prune=Prune.REMOVE_ALLOW_EMPTY)


def dry_run(service: Service, folder: Path) -> None:
    ingest(service, folder, dry_run=True)


def send(service: Service, folder: Path, documents: dict[str, str], corpus: str = CORPUS) -> None:
    upload(service, documents, corpus)


def delete(service: Service, folder: Path, document_id: str) -> None:
    service.delete_document(ME, CORPUS, document_id)


def delete_corpus(service: Service, folder: Path, corpus: str) -> None:
    service.delete_corpus(ME, corpus)


def job(service: Service, folder: Path, documents: dict[str, str]) -> None:
    """A job sent over HTTP, and the next server's work after a kill: the left job again, or it is sent."""
    service._catalog.jobs.requeue_orphans(lambda _: False)
    waiting = [found for found in service.jobs(ME)[0] if found.state is JobState.QUEUED]
    if not waiting:
        inline = [InlineDocument(name, text) for name, text in documents.items()]
        waiting = [service.submit_ingest(ME, CORPUS, inline, {})]
    for queued in waiting:
        if service.desk.claim(queued.id, 1):
            job_worker._work(service, service.job(ME, queued.id), threading.Event())
        if (ended := service.job(ME, queued.id)).error:
            raise JobFailed(ended.error)


def cancelled_job(service: Service, folder: Path) -> None:
    """A job that is never done; one that a kill left in the queue is cancelled as well."""
    service.submit_ingest(ME, CORPUS, [InlineDocument("never", "never shown")], {})
    for queued in service.jobs(ME)[0]:
        if queued.state is JobState.QUEUED:
            service.cancel_job(ME, queued.id)


def tag(service: Service, folder: Path, label: str) -> None:
    service.maintenance.set_tag(ME, CORPUS, label, move=True)


def untag(service: Service, folder: Path, label: str) -> None:
    service.maintenance.delete_tag(ME, CORPUS, label)


def rollback(service: Service, folder: Path, label: str) -> None:
    service.maintenance.rollback(ME, CORPUS, label)


def reindex(service: Service, folder: Path, embedder: str, chunk_tokens: int) -> None:
    service.maintenance.reindex(ME, CORPUS, embedder=embedder, chunk_tokens=chunk_tokens)


def gc(service: Service, folder: Path, keep: int, vacuum: bool) -> None:
    service.maintenance.collect(ME, None, keep=keep, vacuum=vacuum)


def damage(home: Path) -> None:
    """Spoil rows that derive from others: a vector, and the filter fields of a document."""
    with closing(sqlite3.connect(home / "catalog.db")) as database, database:
        database.execute(
            "UPDATE vector SET data = zeroblob(length(data)) WHERE hash = "
            "(SELECT h.embedded_hash FROM chunk h "
            "JOIN membership m ON m.version_id = h.version_id JOIN corpus c ON c.id = m.corpus_id "
            "WHERE c.name = ? AND m.died IS NULL AND h.profile_id = c.profile_id ORDER BY h.id LIMIT 1)",
            (CORPUS,),
        )
        database.execute(
            "DELETE FROM field WHERE membership_id = (SELECT max(f.membership_id) FROM field f "
            "JOIN membership m ON m.id = f.membership_id JOIN corpus c ON c.id = m.corpus_id "
            "WHERE c.name = ? AND m.died IS NULL)",
            (CORPUS,),
        )


def rebuild(service: Service, folder: Path) -> None:
    service.maintenance.rebuild(ME, CORPUS)


def carry(service: Service, folder: Path, label: str) -> None:
    """Out of the home and into it again, under another name."""
    place = service.settings.home.with_name(f"{service.settings.home.name}-{label}")
    if not place.exists():
        service.maintenance.export_corpus(ME, CORPUS, place)
    service.maintenance.import_corpus(ME, place, name=CARRIED)


@dataclass(frozen=True)
class Verb:
    """One thing to do.

    again: codes of errors that mean "already done" after a kill.
    spoil: what it mends, done to the home first.
    """

    run: Callable[..., None]
    again: tuple[str, ...] = ()
    spoil: Callable[[Path], None] | None = None


VERBS: dict[str, Verb] = {
    "sync": Verb(sync),
    "sync_keep": Verb(sync_keep),
    "sync_part": Verb(sync_part),
    "dry_run": Verb(dry_run),
    "send": Verb(send),
    "delete": Verb(delete, again=("document_not_found",)),
    "delete_corpus": Verb(delete_corpus, again=("corpus_not_found",)),
    "job": Verb(job),
    "cancelled_job": Verb(cancelled_job),
    "tag": Verb(tag),
    "untag": Verb(untag, again=("ref_not_found",)),
    "rollback": Verb(rollback),
    "reindex": Verb(reindex),
    "gc": Verb(gc),
    "rebuild": Verb(rebuild, spoil=damage),
    "carry": Verb(carry, again=("corpus_exists",)),
}


def act(home: str, folder: str, verb: str, arguments: dict[str, Any]) -> None:
    """Open a home and do one thing to it."""
    with open_service(Path(home), embedder) as service:
        VERBS[verb].run(service, Path(folder), **arguments)


def build(
    home: str, folder: str, sent: dict[str, str], other: dict[str, Any], profile: dict[str, Any]
) -> None:
    """A fresh build of what a home should hold in the end.

    :param other: what the second corpus holds. profile: settings that the first has by now.
    """
    with open_service(Path(home), embedder, **profile) as service:
        sync(service, Path(folder))
        if sent:
            upload(service, sent)
    with open_service(Path(home), embedder) as service:
        if other.get("file"):
            sync_part(service, Path(folder), other["file"])
        if other.get("sent"):
            upload(service, other["sent"], OTHER)
