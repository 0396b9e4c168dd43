"""`python -m ragsvc.service.job_worker PARENT MARK`: does jobs of the catalog.

PARENT is the process id of the server, MARK names the home to whoever looks at the command line. On stdin
come the settings as a line of JSON, then the id of a job a line. A line on stdout with the id of a job says
that it is over; how it ended stands in the catalog.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from ragsvc.domain import Caller, Job, JobState, Progress
from ragsvc.errors import Cancelled, RagsvcError
from ragsvc.parentage import die_with_parent, offer_to_die
from ragsvc.priority import give_way
from ragsvc.service.job_orders import JobOrders
from ragsvc.service.job_salvage import JobSalvage
from ragsvc.service.service import Service
from ragsvc.service.spool import load_spool, wants_retry
from ragsvc.service.views.jobs import IngestView
from ragsvc.settings import Settings

log = logging.getLogger(__name__)

REPORT_EVERY_S = 0.25


class _Reporter:
    """Writes progress to the catalog now and then, and learns there whether to go on."""

    def __init__(self, service: Service, job_id: str, make_room: threading.Event) -> None:
        self._service = service
        self._job_id = job_id
        self._make_room = make_room
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
        self._service.desk.report(self._job_id, done)

    def cancelled(self) -> bool:
        with self._lock:
            if time.monotonic() >= self._next and not self._stopped:
                self._next = time.monotonic() + REPORT_EVERY_S
                latest = self._latest
                self._stopped = not self._service.desk.report(self._job_id, latest)
            return self._stopped or self._make_room.is_set()


def main() -> int:
    """Do the jobs that come on stdin, until it ends; gives the exit code."""
    die_with_parent(int(sys.argv[1]))
    offer_to_die()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    give_way()
    # Stdout carries our word alone: what a library prints goes to stderr.
    ended = os.dup(1)
    os.dup2(2, 1)
    orders = JobOrders()
    orders.start()
    line = orders.next()
    if line is None:
        return 0
    with Service.open(Settings.model_validate_json(line)) as service:
        while (job_id := orders.next()) is not None:
            if not orders.begin():
                break
            if service.desk.claim(job_id, os.getpid()):
                _work(service, service.job(Caller(), job_id), orders.make_room)
            orders.end()
            try:
                # On a line of its own, whatever was printed before stdout was ours.
                os.write(ended, f"\n{job_id}\n".encode())
            except BrokenPipeError:
                break  # the server is gone
    return 0


def _work(service: Service, job: Job, make_room: threading.Event) -> None:
    reporter = _Reporter(service, job.id, make_room)
    try:
        result, error = _ingest(service, job, reporter)
        reporter.finish()
        service.desk.finish(job.id, JobState.DONE if error is None else JobState.FAILED, result, error)
    except Cancelled:
        if make_room.is_set():
            service.desk.make_room(job.id)
        else:
            service.desk.finish(job.id, JobState.CANCELLED)
    except RagsvcError as error:
        service.desk.finish(job.id, JobState.FAILED, error=error_json(error))
    except Exception as error:
        log.exception("job %s failed", job.id)
        shown = {
            "code": "internal",
            "message": f"unexpected {type(error).__name__}",
            "hint": "see the server's log",
        }
        service.desk.finish(job.id, JobState.FAILED, error=shown)


def _ingest(
    service: Service, job: Job, reporter: _Reporter
) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """Ingest what was sent; gives the result, and the error when something had to be left out."""
    folder = service.settings.home / "spool" / str(job.payload["spool"])
    documents, files = load_spool(folder)
    retry = wants_retry(folder)
    if job.attempts >= service.settings.job_attempts:
        salvage = JobSalvage(service, job, reporter.progress, reporter.cancelled, retry=retry)
        result = salvage.run(documents, files)
        lost = salvage.error()
        return result, None if lost is None else error_json(lost)
    report = service.ingest_inline(
        Caller(principal=job.owner),
        job.corpus,
        documents,
        files,
        retry=retry,
        progress=reporter.progress,
        cancelled=reporter.cancelled,
    )
    return IngestView.of(report).json_object(), None


def error_json(error: RagsvcError) -> dict[str, Any]:
    """An error as a job has it."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


if __name__ == "__main__":
    raise SystemExit(main())
