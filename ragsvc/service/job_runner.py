"""Runs queued jobs, one at a time, in a niced child process of one of the servers on a home.

Every job has a budget: so many deaths of its process, so long without progress, and a turn after which it
makes room for the jobs of other corpora. A job that has used it up is given up; the others go on.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ragsvc.domain import Caller, InlineDocument, Job, JobKind, JobPause, JobState
from ragsvc.errors import HomeNotWritable, JobCrashed, JobNotFound, JobStalled, Overloaded
from ragsvc.service.job_budget import JobBudget, JobVerdict, give_up, how_it_died, is_own_death
from ragsvc.service.job_process import JobProcess, end_job_process
from ragsvc.service.job_salvage import SURE
from ragsvc.service.spool import Spool, sweep_spools
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.home_files import open_lock_file

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
POLL_S = 0.2
# How often an idle holder looks for jobs that were submitted elsewhere, and how often others try to be it.
LOOK_S = 0.5
STAND_S = 1.0
SWEEP_EVERY_S = 60.0
# An idle child is kept for so long: it has the model loaded.
LINGER_S = 10.0


class JobRunner:
    """The queue is in the catalog, so it outlives the server; one runner of a home hands the jobs out."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._election = JobElection(catalog.home.path)
        self._process: JobProcess | None = None
        self._idle_since = 0.0
        self._sweep_at = 0.0
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()

    def submit(self, caller: Caller, corpus: str, spool: Spool, documents: Sequence[InlineDocument]) -> Job:
        """Queue an ingest of a spool; what fails to be queued is removed.

        :raises Overloaded: when too many jobs wait already.
        """
        try:
            if self._catalog.jobs.count(JobState.QUEUED) >= MAX_QUEUED:
                raise Overloaded(f"{MAX_QUEUED} jobs are waiting already", hint="try again in a minute")
            spool.seal(documents)
            job = self._catalog.jobs.create(caller, JobKind.INGEST, corpus, {"spool": spool.id}, spool.id)
        except BaseException:
            spool.discard()
            raise
        spool.release()
        self._wake.set()
        return job

    def start(self) -> None:
        """Stand for election, and run jobs once it is won: those of dead servers first."""
        self._thread = threading.Thread(target=self._run, name="ragsvc-jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop starting jobs; the one at work is ended, is queued again, and loses no attempt by it."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        complained = False
        while not self._stop.is_set():
            try:
                if not self._election.stand():
                    self._rest(STAND_S)
                    continue
                if not self._turn():
                    self._rest(LOOK_S)
                complained = False
            except Exception:
                # Once for a trouble that lasts.
                if not complained:
                    log.exception("the job queue cannot be read; trying again")
                complained = True
                self._recover()
                self._rest(STAND_S)
        if self._process is not None:
            self._process.close()
        self._election.resign()

    def _rest(self, seconds: float) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _turn(self) -> bool:
        """Do a holder's work: sweep, queue orphans again, do the next job; False when there is none."""
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_EVERY_S
            self._sweep()
        self._reclaim()
        job = self._catalog.jobs.next_queued()
        if job is not None:
            self._process = self._living(self._process)
            self._do(job, self._process)
            self._idle_since = time.monotonic()
            return True
        if self._process is not None and time.monotonic() - self._idle_since > LINGER_S:
            self._process.close()
            self._process = None
        return False

    def _sweep(self) -> None:
        sweep_spools(self._catalog.home.path, self._is_open)
        self._catalog.jobs.expire(_ago(self._settings.keep_jobs_days), self._settings.keep_jobs)
        self._catalog.records.expire(_ago(self._settings.keep_records_days))

    def _reclaim(self) -> None:
        """Take over the jobs that another server left: whoever holds the election has the only process.

        A process that outlived its server is ended first, so that no job is done twice at a time and each
        can be cancelled.
        """
        open_jobs = self._catalog.jobs.all(Caller(), [JobState.RUNNING])
        if not open_jobs:
            return
        home = self._catalog.home.path
        pids = {job.pid for job in open_jobs if job.pid is not None}
        living = {pid for pid in pids if not end_job_process(pid, home)}
        if living:
            log.warning("processes %s of a server that is gone cannot be ended", sorted(living))
        words = "the server or the job's process ended while the job ran"
        error = _shown(JobCrashed.code, words, sure=False)
        for job in self._catalog.jobs.requeue_orphans(lambda pid: pid in living, error):
            self._conclude(job)

    def _is_open(self, job_id: str) -> bool:
        try:
            return self._catalog.jobs.get(Caller(), job_id).state in (JobState.QUEUED, JobState.RUNNING)
        except JobNotFound:
            return False

    def _living(self, process: JobProcess | None) -> JobProcess:
        if process is not None and process.exit_code is None:
            return process
        if process is not None:
            process.close()
        return JobProcess(self._settings)

    def _recover(self) -> None:
        """Nobody saw how the job at work ended: end its process, so that the job counts as an orphan."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _do(self, job: Job, process: JobProcess) -> None:
        budget = JobBudget(job, self._settings)
        process.begin(job.id)
        while not process.wait(POLL_S):
            if self._stop.is_set():
                process.close()
                self._settle(job.id, JobPause.STOP, None)
                return
            verdict = budget.judge(self._look(job.id), self._others_wait(job, budget))
            if verdict is JobVerdict.ASK:
                process.make_room()
            elif verdict is JobVerdict.STALLED:
                process.kill()
                words = f"the job made no progress for {budget.stall_s:.0f} s and was ended"
                self._settle(job.id, JobPause.DEATH, _shown(JobStalled.code, words, sure=False))
                return
            elif verdict is JobVerdict.END:
                process.kill()
                self._settle(job.id, JobPause.TURN, None)
                return
        code = process.exit_code
        error = _shown(JobCrashed.code, how_it_died(code), sure=is_own_death(code))
        self._settle(job.id, JobPause.DEATH, error)

    def _look(self, job_id: str) -> Job | None:
        """The job as it is now; None: it went with its corpus."""
        try:
            return self._catalog.jobs.get(Caller(), job_id)
        except JobNotFound:
            return None

    def _others_wait(self, job: Job, budget: JobBudget) -> bool:
        return budget.turn_is_over and self._catalog.jobs.next_queued(besides=job.corpus) is not None

    def _settle(self, job_id: str, pause: JobPause, error: Mapping[str, Any] | None) -> None:
        """A process ends its own jobs; one that died leaves its last one open, to be tried again."""
        job = self._look(job_id)
        if job is None:
            Spool(self._catalog.home.spool(job_id)).discard()
            return
        if job.state is JobState.QUEUED and pause is JobPause.DEATH and self._has_died():
            self._catalog.jobs.claim(job_id, 0)  # it died before it could
        self._catalog.jobs.requeue(job_id, pause, error)
        self._conclude(self._catalog.jobs.get(Caller(), job_id))

    def _has_died(self) -> bool:
        return self._process is None or self._process.exit_code is not None

    def _conclude(self, job: Job) -> None:
        """Give a job up that has used up its budget; remove the uploads of one that has ended."""
        if job.state is JobState.QUEUED:
            spent = give_up(job, self._settings.job_attempts)
            if spent is None:
                return
            result, error = spent
            self._catalog.jobs.finish(job.id, JobState.FAILED, result, error)
            log.warning("job %s of %s was given up: %s", job.id, job.corpus, error["message"])
            job = replace(job, state=JobState.FAILED)
        if job.state in (JobState.FAILED, JobState.CANCELLED):
            self._catalog.deletion.drop_unborn(job.corpus, ingests=0)
        if job.state is not JobState.RUNNING:
            Spool(self._catalog.home.spool(job.id)).discard()


def _ago(days: float) -> str:
    """A time as stored: so many days before now, or the first of all times."""
    try:
        oldest = datetime.now(UTC) - timedelta(days=days)
    except OverflowError:
        return ""
    return oldest.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(code: str, message: str, *, sure: bool) -> dict[str, Any]:
    return {"code": code, "message": message, "hint": "send it again", SURE: sure}


class JobElection:
    """An advisory lock that is tried, never waited for; the kernel frees it when its holder dies."""

    def __init__(self, home: Path) -> None:
        self._path = home / "jobs.lock"
        self._descriptor: int | None = None

    @property
    def won(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def stand(self) -> bool:
        """Try to win; True also for whoever has won already.

        :raises HomeNotWritable: if the lock file cannot be opened or locked.
        """
        if self._descriptor is not None:
            return True
        try:
            descriptor = open_lock_file(self._path)
        except OSError as error:
            raise self._refused(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise self._refused(error) from error
        self._descriptor = descriptor
        return True

    def resign(self) -> None:
        """Let another one win."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _refused(self, error: OSError) -> HomeNotWritable:
        return HomeNotWritable(
            f"{self._path} cannot be locked: {error.strerror}",
            hint="choose a folder that you may write to, on a file system with locks (flock): --home DIR",
        )
