"""What the process that does a job tells the catalog, and how a job is called off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragsvc.domain import Caller, Job, JobPause, JobState, Progress
from ragsvc.service.job_process import is_job_process
from ragsvc.service.spool import Spool
from ragsvc.store.catalog import Catalog


class JobDesk:
    """The paperwork of jobs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def claim(self, job_id: str, process: int) -> bool:
        """Take a queued job for a process; False when another has it."""
        return self._catalog.jobs.claim(job_id, process)

    def report(self, job_id: str, progress: Progress) -> bool:
        """Record a job's progress; False when it is to stop."""
        return self._catalog.jobs.progress(job_id, progress.done, progress.total, progress.unit)

    def save_salvage(self, job_id: str, salvage: Mapping[str, Any]) -> None:
        """Record how far a job is whose documents are taken apart."""
        self._catalog.jobs.save_salvage(job_id, salvage)

    def make_room(self, job_id: str) -> None:
        """Put a running job back into the queue, for others to have their turn."""
        self._catalog.jobs.requeue(job_id, JobPause.TURN)

    def finish(
        self,
        job_id: str,
        state: JobState,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        """End a job, and remove what was uploaded for it."""
        self._catalog.jobs.finish(job_id, state, result, error)
        self.discard_uploads(job_id)

    def cancel(self, caller: Caller, job_id: str) -> Job:
        """Cancel a job, or ask the process that does it to stop.

        :raises JobNotFound: if there is none of that id.
        """
        job = self._catalog.jobs.cancel(caller, job_id)
        if job.state is JobState.RUNNING and not (
            job.pid and is_job_process(job.pid, self._catalog.home.path)
        ):
            # Its process is gone, and with it who would have noticed.
            self._catalog.jobs.finish(job_id, JobState.CANCELLED)
            job = self._catalog.jobs.get(caller, job_id)
        if job.state is JobState.CANCELLED:
            self.discard_uploads(job_id)
        return job

    def discard_uploads(self, job_id: str) -> None:
        """Remove what was uploaded for a job."""
        Spool(self._catalog.home.spool(job_id)).discard()
