"""Views of an ingest, of the jobs that do it, and of an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ragsvc.domain import (
    DocumentCounts,
    Failure,
    IngestReport,
    Job,
    JobKind,
    JobState,
    SkippedSource,
    SourceCaveat,
)
from ragsvc.errors import RagsvcError
from ragsvc.service.json_values import View


class ErrorView(View):
    """An error, as the command line shows it."""

    code: str = Field(description="Stable code, for programs.")
    message: str = Field(description="What went wrong.")
    hint: str = Field(description="What to do now; may be empty.")

    @classmethod
    def of(cls, error: RagsvcError, hint: str | None = None) -> ErrorView:
        """View an error, with a hint of its own or another one."""
        return cls.model_construct(
            code=error.code, message=error.message, hint=error.hint if hint is None else hint
        )


class DocumentCountsView(View):
    """Numbers of documents, by what became of them."""

    added: int = Field(description="New ones.")
    changed: int = Field(description="With another text, title or metadata.")
    unchanged: int = Field(description="That are as they were.")
    removed: int = Field(description="Whose files are gone.")
    skipped: int = Field(description="That are not read, such as hidden files.")
    failed: int = Field(description="That could not be read.")

    @classmethod
    def of(cls, counts: DocumentCounts) -> DocumentCountsView:
        """View the counts of an ingest."""
        return cls.model_construct(
            added=counts.added,
            changed=counts.changed,
            unchanged=counts.unchanged,
            removed=counts.removed,
            skipped=counts.skipped,
            failed=counts.failed,
        )


class ChunkCountsView(View):
    """Numbers of chunks."""

    added: int = Field(description="New ones.")
    removed: int = Field(description="That are gone.")


class SourceWarningView(View):
    """Something of a file that was seen and not read, or read by a guess."""

    source: str = Field(description="The file, or the id of what was sent.")
    code: str = Field(description="Stable code, for programs.")
    message: str = Field(description="What is missing, in words.")

    @classmethod
    def of(cls, caveat: SourceCaveat) -> SourceWarningView:
        """View a warning of one file."""
        return cls.model_construct(source=caveat.source, code=caveat.code, message=caveat.message)


class FailureView(View):
    """A file that could not be read."""

    source: str = Field(description="The file, or the id of what was sent.")
    code: str = Field(description="Stable code, for programs.")
    error: str = Field(description="What went wrong.")

    @classmethod
    def of(cls, failure: Failure) -> FailureView:
        """View a failure of one file."""
        return cls.model_construct(source=failure.source, code=failure.code, error=failure.error)


class SkippedView(View):
    """A file that was left out."""

    source: str = Field(description="The file.")
    code: str = Field(description="Why, for programs.")

    @classmethod
    def of(cls, skipped: SkippedSource) -> SkippedView:
        """View one file that was left out."""
        return cls.model_construct(source=skipped.source, code=skipped.code)


class IngestView(View):
    """What an ingest did; a job keeps it as its result."""

    corpus: str = Field(description="Corpus.")
    commit: int = Field(description="The head afterwards.")
    documents: DocumentCountsView = Field(description="What became of the documents.")
    warnings: list[SourceWarningView] = Field(description="What was not read, or only by a guess.")
    chunks: ChunkCountsView = Field(description="What became of their chunks.")
    embedded: int = Field(description="Texts that were embedded, and not known before.")
    seconds: float = Field(description="How long it took.")
    failures: list[FailureView] = Field(description="What could not be read.")
    skipped: list[SkippedView] = Field(description="What was left out.")
    notices: list[str] = Field(description="Sentences about the corpus as a whole, for people.")
    dry_run: bool = Field(False, description="true: nothing was changed, this is what would be done.")

    @classmethod
    def of(cls, report: IngestReport, *, dry_run: bool = False) -> IngestView:
        """View what an ingest did, or would do."""
        return cls.model_construct(
            corpus=report.corpus,
            commit=report.commit,
            documents=DocumentCountsView.of(report.documents),
            warnings=[SourceWarningView.of(caveat) for caveat in report.warnings],
            chunks=ChunkCountsView.model_construct(added=report.chunks_added, removed=report.chunks_removed),
            embedded=report.embedded,
            seconds=float(report.seconds),
            failures=[FailureView.of(failure) for failure in report.failures],
            skipped=[SkippedView.of(skipped) for skipped in report.skipped],
            notices=list(report.notices),
            dry_run=dry_run,
        )


class ProgressView(View):
    """How far a job is."""

    done: int = Field(examples=[12], description="Units done.")
    total: int = Field(examples=[120], description="Units in all; 0 while unknown.")
    unit: str = Field(examples=["documents"], description="What is counted.")


class JobView(View):
    """Long work that goes on when its client has gone."""

    id: str = Field(examples=["5f0c3a"], description="Job id.")
    kind: JobKind = Field(examples=["ingest"], description="What it does.")
    corpus: str = Field(examples=["handbook"], description="Corpus it works on.")
    state: JobState = Field(examples=["running"], description="The last three states are final.")
    progress: ProgressView = Field(description="How far it is.")
    attempts: int = Field(examples=[1], description="How often it was begun; more than once after deaths.")
    result: dict[str, Any] | None = Field(
        description="What an ingest did, once `done`; of a `failed` one, what is in nevertheless. In a list "
        "of jobs without lists of files: `counts` has their lengths."
    )
    error: dict[str, Any] | None = Field(description="`code`, `message` and `hint`, once `failed`.")
    # Sent from the first version on, and never put into the OpenAPI document.
    created_at: SkipJsonSchema[str] = Field(description="ISO 8601, UTC.")
    updated_at: SkipJsonSchema[str] = Field(description="ISO 8601, UTC.")

    @classmethod
    def of(cls, job: Job) -> JobView:
        """View a job."""
        # The error of a job that is tried again is nobody's business yet.
        error = job.error if job.state is JobState.FAILED else None
        return cls.model_construct(
            id=job.id,
            kind=job.kind,
            corpus=job.corpus,
            state=job.state,
            progress=ProgressView.model_construct(done=job.done, total=job.total, unit=job.unit),
            attempts=job.attempts,
            result=None if job.result is None else dict(job.result),
            error=None if error is None else dict(error),
            created_at=job.created_at,
            updated_at=job.updated_at,
        )


class JobsView(View):
    """Jobs, latest first."""

    jobs: list[JobView] = Field(description="Latest first.")
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last.")

    @classmethod
    def of(cls, jobs: Iterable[JobView], next_cursor: str | None) -> JobsView:
        """View one page of jobs."""
        return cls.model_construct(jobs=list(jobs), next_cursor=next_cursor)
