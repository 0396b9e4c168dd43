"""Retention: commits that are not kept go, and then all content that nothing needs.

What goes is found anew each time from what is there, so a killed gc is simply continued by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from sqlalchemy import Connection, delete, select, update

from ragsvc.domain import Caller, CollectReport, I64Vector
from ragsvc.errors import InternalError, InvalidRequest
from ragsvc.store.engine import Section, batches, insert_or_replace
from ragsvc.store.garbage import Garbage, survey
from ragsvc.store.pins import living_pins, sweep_pins
from ragsvc.store.retention import Choice, Place, choose, places_of
from ragsvc.store.tables import (
    chunk,
    chunking,
    commit,
    counter,
    document_version,
    field,
    membership,
    parse_cache,
    signature,
    term,
    vector,
)
from ragsvc.store.terms import GENERATION, generation_of

# Rows of one transaction: few, so that an ingest that runs beside does not wait.
_MEMBERSHIPS = 1000
_VERSIONS = 100
_SMALL = 1000
_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Collected:
    """What a gc did to the rows, and the index files that are needed after it."""

    report: CollectReport
    places: tuple[Place, ...]


@dataclass(slots=True)
class _Work:
    """Rows that were deleted, counted as it goes on; why it stopped early."""

    versions: int = 0
    chunks: int = 0
    vectors: int = 0
    terms: int = 0
    postponed: str = ""


_Step: TypeAlias = Callable[[Connection, _Work], None]


class Collection(Section):
    """The one who takes rows away while others read and prepare."""

    def collect(self, caller: Caller, name: str | None, keep: int, *, dry_run: bool) -> Collected:  # noqa: ARG002
        """Collect commits beyond the newest `keep`, then what no commit of any corpus needs.

        Tagged and pinned commits are kept. Content is left for the next time while an ingest prepares
        some. The writer lock is held, unless with a dry run, which writes nothing.

        :param name: the corpus whose commits may go; None: all corpora.
        :param keep: at least 1.
        :raises InvalidRequest: if keep is less.
        :raises CorpusNotFound: with similar names in the hint.
        """
        if keep < 1:
            raise InvalidRequest(f"keep must be at least 1, not {keep}", hint="the head is always kept")
        home = self._db.path.parent
        if dry_run:
            with self._db.read() as connection:
                choice = choose(connection, home, name, keep)
                garbage = survey(connection, home, choice.doomed)
                places = places_of(connection, home, choice.doomed)
            return Collected(_report(choice, garbage, _all_of(garbage), dry_run=True), places)
        if not self._db.lock.held:
            raise InternalError("collect was called without the writer lock")
        with self._db.write("store.collect") as connection:
            sweep_pins(connection, home)
            choice = choose(connection, home, name, keep)
            for some in batches(choice.doomed):
                gone = update(commit).where(commit.c.id.in_([int(i) for i in some]))
                connection.execute(gone.values(collected=1))
        # From here on nobody reads those commits: whoever began before asks `check_kept` at the end.
        with self._db.read() as connection:
            garbage = survey(connection, home, ())
        self._forget(garbage.memberships)
        work = self._remove(garbage)
        with self._db.read() as connection:
            places = places_of(connection, home, ())
        self._db.checkpoint()
        return Collected(_report(choice, garbage, work, dry_run=False), places)

    def reusable_bytes(self) -> int:
        """Free pages inside the catalog's file, which new content fills first."""
        with self._db.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return int(pages) * int(size)

    def vacuum(self) -> int:
        """Give free pages back to the disk; the writer lock is held.

        :return: bytes by which the files have shrunk.
        :raises DiskFull: if there is no room for a second copy of the catalog, which it takes meanwhile.
        """
        return self._db.vacuum()

    def _forget(self, memberships: I64Vector) -> None:
        for some in batches(memberships.tolist(), _MEMBERSHIPS):
            begun = time.monotonic()
            with self._db.write("store.collect_memberships") as connection:
                connection.execute(delete(field).where(field.c.membership_id.in_(some)))
                connection.execute(delete(membership).where(membership.c.id.in_(some)))
            _give_way(begun)

    def _remove(self, garbage: Garbage) -> _Work:
        work = _Work(postponed=_later(garbage.preparing))
        if work.postponed:
            return work
        for step in _steps(garbage):
            begun = time.monotonic()
            with self._db.write("store.collect_content") as connection:
                # Who began to prepare since then may build upon what is to go.
                known = {pin.id for pin in garbage.pins}
                pins = [p for p in living_pins(connection, self._db.path.parent) if p.commit_id is None]
                if newcomer := next((p.reason for p in pins if p.id not in known), ""):
                    work.postponed = _later(newcomer)
                    return work
                step(connection, work)
            _give_way(begun)
        return work


def _give_way(begun: float) -> None:
    """Whoever waits to write looks now and then: leave the door open for as long as it was shut."""
    time.sleep(min(_PAUSE_S, time.monotonic() - begun))


def _steps(garbage: Garbage) -> Iterator[_Step]:
    """The transactions that remove content, in an order in which none leaves a reference to nothing."""
    for ids in batches(garbage.versions.tolist(), _VERSIONS):
        yield partial(_drop_versions, ids)
    stay = garbage.chunkings[~np.isin(garbage.chunkings[:, 0], garbage.versions)]
    for profile_id in np.unique(stay[:, 1]).tolist():
        mine = stay[stay[:, 1] == profile_id, 0]
        for ids in batches(mine.tolist(), _VERSIONS):
            yield partial(_drop_chunkings, profile_id, ids)
    for ids in batches(garbage.vectors.tolist(), _SMALL):
        yield partial(_drop_vectors, ids)
    for ids in batches(garbage.terms.tolist(), _SMALL):
        yield partial(_drop_terms, garbage.last_chunk, ids)


def _drop_versions(ids: Sequence[int], connection: Connection, work: _Work) -> None:
    work.chunks += connection.execute(delete(chunk).where(chunk.c.version_id.in_(ids))).rowcount
    for table in (chunking, parse_cache, signature):
        connection.execute(delete(table).where(table.c.version_id.in_(ids)))
    gone = delete(document_version).where(document_version.c.id.in_(ids))
    work.versions += connection.execute(gone).rowcount


def _drop_chunkings(profile_id: int, ids: Sequence[int], connection: Connection, work: _Work) -> None:
    for table in (chunk, chunking):
        gone = delete(table).where(table.c.version_id.in_(ids), table.c.profile_id == profile_id)
        count = connection.execute(gone).rowcount
        work.chunks += count if table is chunk else 0


def _drop_vectors(ids: Sequence[int], connection: Connection, work: _Work) -> None:
    work.vectors += connection.execute(delete(vector).where(vector.c.id.in_(ids))).rowcount


def _drop_terms(last_chunk: int, ids: Sequence[int], connection: Connection, work: _Work) -> None:
    """Chunks that came since the survey may use a term that nothing used then."""
    fresh = connection.execute(select(chunk.c.terms).where(chunk.c.id > last_chunk)).scalars()
    unused = np.setdiff1d(ids, np.frombuffer(b"".join(fresh), dtype="<i4")).tolist()
    work.terms += connection.execute(delete(term).where(term.c.id.in_(unused))).rowcount
    generation = generation_of(connection) + 1
    connection.execute(insert_or_replace(counter, ["value"]), {"name": GENERATION, "value": generation})


def _all_of(garbage: Garbage) -> _Work:
    """What removing all of it would come to."""
    return _Work(
        versions=len(garbage.versions),
        chunks=garbage.chunks,
        vectors=len(garbage.vectors),
        terms=len(garbage.terms),
        postponed=_later(garbage.preparing),
    )


def _later(reason: str) -> str:
    return f"{reason}: run gc again afterwards" if reason else ""


def _report(choice: Choice, garbage: Garbage, work: _Work, *, dry_run: bool) -> CollectReport:
    return CollectReport(
        commits=len(choice.doomed),
        documents=len(garbage.memberships),
        versions=work.versions,
        chunks=work.chunks,
        vectors=work.vectors,
        terms=work.terms,
        indexes=0,
        freed_bytes=0,
        reusable_bytes=0,
        kept=choice.kept,
        postponed=work.postponed,
        dry_run=dry_run,
        seconds=0.0,
    )
