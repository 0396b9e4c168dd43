"""Runs queued jobs, one at a time, each in a niced child process of the server."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ragsvc.domain import Caller, InlineDocument, Job, JobKind, JobState
from ragsvc.errors import Overloaded
from ragsvc.service.spool import Spool, sweep_spools
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
POLL_S = 0.2
# A child that was asked to stop does so at its next file or batch; after this it is ended.
GRACE_S = 10.0


class JobRunner:
    """The queue is in the catalog, so it outlives the server; the runner only starts children."""

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
        while not self._stop.is_set():
            try:
                queued = self._catalog.jobs(Caller(), [JobState.QUEUED])
                if queued:
                    self._run_child(min(queued, key=lambda job: (job.created_at, job.id)))
                    continue
            except Exception:
                log.exception("the job queue cannot be read; trying again")
            self._wake.wait(1.0)
            self._wake.clear()

    def _run_child(self, job: Job) -> None:
        command = [sys.executable, "-m", "ragsvc.service.child", job.id]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=_environment(self._settings)
        )
        assert child.stdin is not None
        child.stdin.write(self._settings.model_dump_json(exclude={"api_key"}).encode())
        child.stdin.close()
        asked_at: float | None = None
        while child.poll() is None:
            if self._stop.wait(POLL_S):
                child.terminate()
                child.wait()
                return
            if asked_at is None and self._catalog.job(Caller(), job.id).cancel_requested:
                asked_at = time.monotonic()
            if asked_at is not None and time.monotonic() - asked_at > GRACE_S:
                child.kill()
        self._settle(job, child.returncode)

    def _settle(self, job: Job, code: int) -> None:
        """A child ends its own job; one that died leaves it open."""
        now = self._catalog.job(Caller(), job.id)
        if now.cancel_requested:
            self._catalog.finish(job.id, JobState.CANCELLED)
        elif now.state in (JobState.QUEUED, JobState.RUNNING) and not _still_runs(now):
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            error = {
                "code": "internal",
                "message": f"the job's process ended with {how}",
                "hint": "send it again",
            }
            self._catalog.finish(job.id, JobState.FAILED, error=error)


def _still_runs(job: Job) -> bool:
    return job.pid is not None and is_job_process(job.pid)


def is_job_process(pid: int) -> bool:
    """Whether a process id is one of our children, not a stranger that got its number."""
    try:
        return b"ragsvc.service.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _environment(settings: Settings) -> Mapping[str, str]:
    hidden = f"{settings.model_config.get('env_prefix', '')}API_KEY".upper()
    return {name: value for name, value in os.environ.items() if name.upper() != hidden}
