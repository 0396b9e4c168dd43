"""Retention: commits that are not kept go, and then all content that nothing needs.

What goes is found anew each time from what is there, so a killed gc is simply continued by the next one.
The writer lock is held for a fraction of a second at a time. What was found to be garbage is removed only
as long as nobody has committed since; then it is looked for again.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from sqlalchemy import Connection, update

from ragsvc.domain import Caller, CollectReport
from ragsvc.errors import InvalidRequest
from ragsvc.store.engine import Repository, batches
from ragsvc.store.gc.pins import living_pins, sweep_pins
from ragsvc.store.gc.retention import CommitChoice, ProfileUse, choose, places_of
from ragsvc.store.gc.survey import GarbageSurvey, latest_of, survey
from ragsvc.store.gc.sweep import Step, SweepWork, steps
from ragsvc.store.lock_turns import SLICE_S, LockTurns
from ragsvc.store.tables import commit

# Surveys in a row that a commit made useless; the next one is made under the writer lock.
_VAIN = 3


@dataclass(frozen=True, slots=True)
class CollectorResult:
    """What a gc did to the rows, and the index files that are needed after it."""

    report: CollectReport
    places: tuple[ProfileUse, ...]


class GarbageCollector(Repository):
    """The one who takes rows away while others read and prepare."""

    def collect(
        self,
        caller: Caller,  # noqa: ARG002
        name: str | None,
        keep: int,
        *,
        dry_run: bool,
        turns: LockTurns | None = None,
    ) -> CollectorResult:
        """Collect commits beyond the newest `keep`, then what no commit of any corpus needs.

        Tagged and pinned commits are kept. Content is left for the next time while an ingest prepares
        some. The writer lock is taken in turns, unless with a dry run, which writes nothing.

        :param name: the corpus whose commits may go; None: all corpora.
        :param keep: at least 1.
        :param turns: None: those of the writer lock, with its usual patience.
        :raises InvalidRequest: if keep is less.
        :raises CorpusNotFound: with similar names in the hint.
        :raises WriterBusy: if another writer held the lock for too long; what was collected stays so.
        """
        if keep < 1:
            raise InvalidRequest(f"keep must be at least 1, not {keep}", hint="the head is always kept")
        home = self._db.path.parent
        if dry_run:
            with self._db.read() as connection:
                choice = choose(connection, home, name, keep)
                garbage = survey(connection, home, choice.doomed)
                places = places_of(connection, home, choice.doomed)
            return CollectorResult(_report(choice, _all_of(garbage), dry_run=True), places)
        turns = turns or LockTurns(self._db.lock)
        with turns.turn(), self._db.write("store.collect") as connection:
            sweep_pins(connection, home)
            choice = choose(connection, home, name, keep)
            for some in batches(choice.doomed):
                gone = update(commit).where(commit.c.id.in_([int(i) for i in some]))
                connection.execute(gone.values(collected=1))
        # From here on nobody reads those commits: whoever began before asks `check_kept` at the end.
        work = self._remove(turns)
        self._db.owe_checkpoint()
        self._db.empty_log()
        return CollectorResult(_report(choice, work, dry_run=False), self.places())

    def places(self) -> tuple[ProfileUse, ...]:
        """The index files that are needed now; no others come to be while the writer lock is held."""
        with self._db.read() as connection:
            return places_of(connection, self._db.path.parent, ())

    def reusable_bytes(self) -> int:
        """Free pages inside the catalog's file, which new content fills first."""
        return self._db.reusable_bytes()

    def vacuum(self, turns: LockTurns) -> int:
        """Give free pages back to the disk, in one turn of the writer lock.

        :return: bytes by which the files have shrunk.
        :raises DiskFull: if there is no room for a second copy of the catalog, which it takes meanwhile.
        :raises WriterBusy: if another writer held the lock for too long.
        """
        with turns.turn():
            before = self._db.vacuum()
        self._db.empty_log()
        return max(0, before - self._db.size_bytes())

    def _remove(self, turns: LockTurns) -> SweepWork:
        work = SweepWork()
        vain = 0
        while True:
            done = work.steps
            if self._pass(turns, work, steady=vain >= _VAIN):
                return work
            vain = 0 if work.steps > done else vain + 1

    def _pass(self, turns: LockTurns, work: SweepWork, *, steady: bool) -> bool:
        """Look for garbage, and remove it for as long as nobody commits.

        :param steady: look and begin to remove in one turn, so that something is done for certain:
            without it nothing is where commits come faster than a survey is made.
        :return: False when it has to be looked for again.
        """
        with ExitStack() as hold:
            if steady:
                hold.enter_context(turns.turn())
            garbage = self._survey()
            until = time.monotonic() + SLICE_S
            work.postponed = _later(garbage.preparing)
            for step in steps(garbage):
                with turns.turn(), self._writing(step) as connection:
                    if latest_of(connection) != garbage.commit:
                        return False
                    if step.content and (newcomer := self._newcomer(connection, garbage)):
                        work.postponed = _later(newcomer)
                        return True
                    step.run(connection, work)
                work.steps += 1
                if time.monotonic() > until:
                    hold.close()
        return True

    def _writing(self, step: Step) -> AbstractContextManager[Connection]:
        if step.content:
            return self._db.write("store.collect_content")
        return self._db.write("store.collect_memberships")

    def _survey(self) -> GarbageSurvey:
        with self._db.read() as connection:
            return survey(connection, self._db.path.parent, ())

    def _newcomer(self, connection: Connection, garbage: GarbageSurvey) -> str:
        """Who began to prepare content since the survey, and may build upon what is to go; "": nobody."""
        # Whole pins are compared: the number of one that is gone is given out again.
        pins = living_pins(connection, self._db.path.parent)
        return next((pin.reason for pin in pins if pin.commit_id is None and pin not in garbage.pins), "")


def _all_of(garbage: GarbageSurvey) -> SweepWork:
    """What removing all of it would come to."""
    return SweepWork(
        documents=len(garbage.memberships),
        versions=len(garbage.versions),
        chunks=garbage.chunks,
        vectors=len(garbage.vectors),
        terms=len(garbage.terms),
        postponed=_later(garbage.preparing),
    )


def _later(reason: str) -> str:
    return f"{reason}: run gc again afterwards" if reason else ""


def _report(choice: CommitChoice, work: SweepWork, *, dry_run: bool) -> CollectReport:
    return CollectReport(
        commits=len(choice.doomed),
        documents=work.documents,
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
