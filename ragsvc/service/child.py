"""`python -m ragsvc.service.child`: does jobs of the catalog.

On stdin come the settings as a line of JSON, then the id of a job a line. A line on stdout with the id of
a job says that it has ended; how it ended stands in the catalog.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from pathlib import Path

from ragsvc.domain import Caller, Job, JobState, Progress
from ragsvc.errors import Cancelled, RagsvcError
from ragsvc.priority import give_way
from ragsvc.service.serialise import report_json
from ragsvc.service.service import Service
from ragsvc.service.spool import load_spool, wants_retry
from ragsvc.settings import Settings

log = logging.getLogger(__name__)

REPORT_EVERY_S = 0.25


class _Reporter:
    """Writes progress to the catalog now and then, and learns there whether to go on."""

    def __init__(self, service: Service, job_id: str) -> None:
        self._service = service
        self._job_id = job_id
        self._next = 0.0
        self._lock = threading.Lock()
        self._latest = Progress("reading", 0, 0, "files")
        self._stopped = False

    def progress(self, progress: Progress) -> None:
        self._latest = progress
        self.cancelled()

    def finish(self) -> None:
        """Record the last word, whatever the time."""
        latest = self._latest
        done = Progress(latest.stage, latest.total, latest.total, latest.unit)
        self._service.report(self._job_id, done)

    def cancelled(self) -> bool:
        with self._lock:
            if time.monotonic() >= self._next and not self._stopped:
                self._next = time.monotonic() + REPORT_EVERY_S
                latest = self._latest
                self._stopped = not self._service.report(self._job_id, latest)
            return self._stopped


def main() -> int:
    """Do the jobs that come on stdin, until it ends; gives the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    give_way()
    # Stdout carries our word alone: what a library prints goes to stderr.
    ended = os.dup(1)
    os.dup2(2, 1)
    settings = Settings.model_validate_json(sys.stdin.buffer.readline())
    with Service.open(settings) as service:
        for line in sys.stdin.buffer:
            job_id = line.decode().strip()
            if service.claim(job_id, os.getpid()):
                _work(service, service.job(Caller(), job_id), settings.home)
            try:
                # On a line of its own, whatever was printed before stdout was ours.
                os.write(ended, f"\n{job_id}\n".encode())
            except BrokenPipeError:
                break  # the server is gone
    return 0


def _work(service: Service, job: Job, home: Path) -> None:
    caller = Caller(principal=job.owner)
    reporter = _Reporter(service, job.id)
    folder = home / "spool" / str(job.payload["spool"])
    try:
        documents, files = load_spool(folder)
        report = service.ingest_inline(
            caller,
            job.corpus,
            documents,
            files,
            retry=wants_retry(folder),
            progress=reporter.progress,
            cancelled=reporter.cancelled,
        )
        reporter.finish()
        service.finish(job.id, JobState.DONE, result=report_json(report))
    except Cancelled:
        service.finish(job.id, JobState.CANCELLED)
    except RagsvcError as error:
        shown = {"code": error.code, "message": error.message, "hint": error.hint}
        service.finish(job.id, JobState.FAILED, error=shown)
    except Exception as error:
        log.exception("job %s failed", job.id)
        shown = {
            "code": "internal",
            "message": f"unexpected {type(error).__name__}",
            "hint": "see the server's log",
        }
        service.finish(job.id, JobState.FAILED, error=shown)


if __name__ == "__main__":
    raise SystemExit(main())
