"""Runs queued jobs, one at a time, in a niced child process of one of the servers on a home."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ragsvc.domain import Caller, InlineDocument, Job, JobKind, JobState
from ragsvc.errors import JobNotFound, Overloaded
from ragsvc.service.election import Election
from ragsvc.service.process import MODULE, JobProcess
from ragsvc.service.spool import Spool, sweep_spools
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
POLL_S = 0.2
# How often an idle holder looks for jobs that were submitted elsewhere, and how often others try to be it.
LOOK_S = 0.5
STAND_S = 1.0
SWEEP_EVERY_S = 60.0
# A child that was asked to stop does so at its next file or batch; after this it is ended.
GRACE_S = 10.0
# An idle child is kept for so long: it has the model loaded.
LINGER_S = 10.0


class JobRunner:
    """The queue is in the catalog, so it outlives the server; one runner of a home hands the jobs out."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._election = Election(catalog.home)
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
            if len(self._catalog.jobs(caller, [JobState.QUEUED])) >= MAX_QUEUED:
                raise Overloaded(f"{MAX_QUEUED} jobs are waiting already", hint="try again in a minute")
            spool.seal(documents)
            job = self._catalog.create_job(caller, JobKind.INGEST, corpus, {"spool": spool.id}, spool.id)
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
        """Stop starting jobs; the one at work is ended and runs again with the next server."""
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
            sweep_spools(self._catalog.home, self._is_open)
        open_jobs = self._catalog.jobs(Caller(), [JobState.QUEUED, JobState.RUNNING])
        if any(job.state is JobState.RUNNING and not _still_runs(job) for job in open_jobs):
            self._catalog.requeue_orphans(is_job_process)
            open_jobs = self._catalog.jobs(Caller(), [JobState.QUEUED])
        queued = [job for job in open_jobs if job.state is JobState.QUEUED]
        if queued:
            self._process = self._living(self._process)
            self._do(min(queued, key=lambda job: (job.created_at, job.id)), self._process)
            self._idle_since = time.monotonic()
            return True
        if self._process is not None and time.monotonic() - self._idle_since > LINGER_S:
            self._process.close()
            self._process = None
        return False

    def _is_open(self, job_id: str) -> bool:
        try:
            return self._catalog.job(Caller(), job_id).state in (JobState.QUEUED, JobState.RUNNING)
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
        process.begin(job.id)
        asked_at: float | None = None
        while not process.wait(POLL_S):
            if self._stop.is_set():
                return
            if asked_at is None and self._is_unwanted(job):
                asked_at = time.monotonic()
            if asked_at is not None and time.monotonic() - asked_at > GRACE_S:
                process.kill()
                break
        self._settle(job, process.exit_code)

    def _is_unwanted(self, job: Job) -> bool:
        try:
            return self._catalog.job(Caller(), job.id).cancel_requested
        except JobNotFound:
            return True  # it went with its corpus

    def _settle(self, job: Job, exit_code: int | None) -> None:
        """A process ends its own jobs; one that died leaves its last one open."""
        try:
            now = self._catalog.job(Caller(), job.id)
        except JobNotFound:
            return
        if now.state not in (JobState.QUEUED, JobState.RUNNING) or _still_runs(now):
            return
        if now.cancel_requested:
            self._catalog.finish(job.id, JobState.CANCELLED)
        else:
            error = {"code": "internal", "message": _death(exit_code), "hint": "send it again"}
            self._catalog.finish(job.id, JobState.FAILED, error=error)
        Spool(self._catalog.home / "spool" / job.id).discard()


def _death(exit_code: int | None) -> str:
    if exit_code is None:
        return "the job's process left it undone"
    how = f"signal {signal.Signals(-exit_code).name}" if exit_code < 0 else f"exit code {exit_code}"
    return f"the job's process ended with {how}"


def _still_runs(job: Job) -> bool:
    return job.pid is not None and is_job_process(job.pid)


def is_job_process(pid: int) -> bool:
    """Whether a process id is one of our children, not a stranger that got its number."""
    try:
        return MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
