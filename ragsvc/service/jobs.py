"""Runs queued jobs, one at a time, in a niced child process of the server."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ragsvc.domain import Caller, InlineDocument, Job, JobKind, JobState
from ragsvc.errors import JobNotFound, Overloaded, RagsvcError
from ragsvc.service.process import MODULE, JobProcess
from ragsvc.service.spool import Spool, sweep_spools
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
POLL_S = 0.2
# A child that was asked to stop does so at its next file or batch; after this it is ended.
GRACE_S = 10.0
# An idle child is kept for so long: it has the model loaded.
LINGER_S = 10.0


class JobRunner:
    """The queue is in the catalog, so it outlives the server; the runner only hands them out."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._wake = threading.Event()

    def submit(self, caller: Caller, corpus: str, spool: Spool, documents: Sequence[InlineDocument]) -> Job:
        """Queue an ingest of a spool.

        :raises Overloaded: when too many jobs wait already.
        """
        if len(self._catalog.jobs(caller, [JobState.QUEUED])) >= MAX_QUEUED:
            spool.discard()
            raise Overloaded(f"{MAX_QUEUED} jobs are waiting already", hint="try again in a minute")
        spool.seal(documents)
        job = self._catalog.create_job(caller, JobKind.INGEST, corpus, {"spool": spool.id}, spool.id)
        self._wake.set()
        return job

    def start(self) -> None:
        """Begin to run jobs, those of an earlier server first."""
        self._catalog.requeue_orphans(is_job_process)
        unfinished = self._catalog.jobs(Caller(), [JobState.QUEUED, JobState.RUNNING])
        sweep_spools(self._catalog.home, {job.id for job in unfinished})
        self._thread = threading.Thread(target=self._run, name="ragsvc-jobs", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop starting jobs; the one at work is ended and runs again with the next server."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        process: JobProcess | None = None
        idle_since = time.monotonic()
        while not self._stop.is_set():
            try:
                queued = self._catalog.jobs(Caller(), [JobState.QUEUED])
                if queued:
                    process = self._living(process)
                    self._do(min(queued, key=lambda job: (job.created_at, job.id)), process)
                    idle_since = time.monotonic()
                    continue
            except Exception:
                log.exception("the job queue cannot be read; trying again")
                self._recover(process)
                process = None
            if process is not None and time.monotonic() - idle_since > LINGER_S:
                process.close()
                process = None
            self._wake.wait(1.0)
            self._wake.clear()
        if process is not None:
            process.close()

    def _living(self, process: JobProcess | None) -> JobProcess:
        if process is not None and process.exit_code is None:
            return process
        if process is not None:
            process.close()
        return JobProcess(self._settings)

    def _recover(self, process: JobProcess | None) -> None:
        """Nobody saw how the job at work ended: end its process, and have the job run again."""
        if process is not None:
            process.close()
        with contextlib.suppress(RagsvcError):
            self._catalog.requeue_orphans(is_job_process)

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
