"""The composition root: settings in, one object with every verb out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ragsvc.domain import (
    Answer,
    AnswerEvent,
    AnswerRequest,
    Caller,
    CommitId,
    CorpusSummary,
    Document,
    IngestReport,
    IngestRequest,
    InlineDocument,
    Job,
    JobFilter,
    JobState,
    Progress,
    Readiness,
    SearchRequest,
    SearchResult,
    TextSlice,
)
from ragsvc.service.browser import CorpusBrowser
from ragsvc.service.corpus_writer import CorpusWriter, new_pool
from ragsvc.service.drafts import GoldenDrafter
from ragsvc.service.embedding import Embeddings
from ragsvc.service.evaluations import Evaluations
from ragsvc.service.follower import Follower
from ragsvc.service.generative import GenerativeModels
from ragsvc.service.job_desk import JobDesk
from ragsvc.service.job_runner import JobRunner
from ragsvc.service.maintenance import MaintenanceService
from ragsvc.service.model_registry import Embedders, ModelRegistry
from ragsvc.service.queries import QueryService
from ragsvc.service.records import RecordService
from ragsvc.service.spool import Spool
from ragsvc.service.traces import Tracer
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.corpora import check_name
from ragsvc.store.home_files import written
from ragsvc.text.worker_pool import ParserPool

ALL_JOBS = JobFilter()


class Service:
    """Everything that the command line and HTTP can do. Use it from any thread."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        embedders: Embedders | None = None,
        pool: ParserPool | None = None,
    ) -> None:
        self.settings = settings
        self._catalog = catalog
        self._loader = ModelRegistry(settings, embedders)
        workers = pool or new_pool(settings)
        self._own_pool = None if pool else workers
        self.queries = QueryService(catalog, self._loader, settings)
        self._tracer = Tracer.of(settings)
        self.records = RecordService(
            catalog, settings, self.queries.stream, lambda: self.queries.refusal_threshold, self._tracer
        )
        self.relations = self.queries.relations
        self._browser = CorpusBrowser(catalog, self.relations)
        self._writer = CorpusWriter(catalog, self._loader, settings, workers)
        self.maintenance = MaintenanceService(catalog, self._loader, self.queries, settings, workers)
        self.evaluations = Evaluations(catalog, self._loader, self.queries, settings)
        self.drafter = GoldenDrafter(catalog)
        self.embeddings = Embeddings(catalog, self._loader, settings)
        self.models = GenerativeModels(catalog, settings)
        self.desk = JobDesk(catalog)
        self._runner = JobRunner(catalog, settings)
        self._follower = Follower(catalog, self.queries, settings)

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        embedders: Embedders | None = None,
        create: bool = True,
        pool: ParserPool | None = None,
    ) -> Service:
        """Open the home folder; models and indexes load when they are first needed.

        :param embedders: what to embed with, by name; None: sentence-transformers models.
        :param pool: workers that several services share; None: its own.
        :param create: False: no home is made where there is none.
        :raises HomeNotFound: if there is none and none may be made.
        :raises StorageError: if the home folder or its catalog cannot be used.
        :raises MissingExtra: if a setting needs a package that is not installed.
        """
        catalog = Catalog.open(settings.home, create=create)
        try:
            return cls(settings, catalog, embedders, pool)
        except BaseException:
            catalog.close()
            raise

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Serve: load the model, follow new commits, run jobs."""
        self._loader.serve()
        self._runner.start()
        self._follower.start()

    def close(self) -> None:
        """Stop what `start` began and release the catalog."""
        self._follower.close()
        self._runner.close()
        self.records.close()
        self._tracer.close()
        if self._own_pool is not None:
            self._own_pool.close()
        self._catalog.close()

    def ready(self) -> Readiness:
        """Whether questions can be answered now."""
        return self._follower.ready()

    # --- writing ------------------------------------------------------------------------

    def ingest(
        self,
        caller: Caller,
        request: IngestRequest,
        *,
        progress: Callable[[Progress], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> IngestReport:
        """Bring a corpus in step with files; see `pipeline.ingest`."""
        return self._writer.ingest(caller, progress, on_wait, cancelled, request.encoding).files(request)

    def ingest_inline(
        self,
        caller: Caller,
        corpus: str,
        documents: Sequence[InlineDocument],
        files: Mapping[str, Path],
        *,
        retry: bool = False,
        progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> IngestReport:
        """Ingest documents that were sent; same ids replace. retry: as in IngestRequest."""
        made = self._writer.ingest(caller, progress, None, cancelled)
        return made.uploads(corpus, documents, files, retry=retry)

    def delete_document(self, caller: Caller, corpus: str, document_id: str) -> CommitId:
        """Delete a document: from the returned commit on, no search finds it.

        :raises DocumentNotFound: if no live document has this id.
        """
        commit = self._writer.delete_document(caller, corpus, document_id)
        self.queries.refresh(caller, corpus)
        return commit

    def delete_corpus(self, caller: Caller, corpus: str) -> None:
        """Delete a corpus with all its versions, vectors, index files and the records of its answers.

        :raises CorpusNotFound: if there is none of this name.
        """
        queued = [job for job in self._catalog.jobs.all(caller, [JobState.QUEUED]) if job.corpus == corpus]
        self.records.flush()
        self._writer.delete_corpus(caller, corpus)
        for job in queued:
            self.desk.discard_uploads(job.id)

    # --- reading ------------------------------------------------------------------------

    def search(self, caller: Caller, request: SearchRequest) -> SearchResult:
        """Find passages.

        :raises CorpusNotFound: if a corpus does not exist.
        :raises InvalidFilter: if the filter is malformed.
        """
        with self._tracer.search(request):
            return self.queries.search(caller, request)

    def answer(self, caller: Caller, request: AnswerRequest) -> Answer:
        """Answer a question from passages, or say that they do not answer it; see `RecordService.stream`."""
        return self.records.answer(caller, request)

    def stream_answer(self, caller: Caller, request: AnswerRequest) -> Iterator[AnswerEvent]:
        """Answer piece by piece; the last event holds the whole answer."""
        return self.records.stream(caller, request)

    def corpora(self, caller: Caller) -> list[CorpusSummary]:
        """All corpora, by name."""
        return self._catalog.corpora.summaries(caller)

    def corpus(self, caller: Caller, name: str) -> CorpusSummary:
        """One corpus.

        :raises CorpusNotFound: if there is none of this name.
        """
        return self._catalog.corpora.summary(caller, name)

    def documents(
        self,
        caller: Caller,
        corpus: str,
        *,
        cursor: str | None,
        limit: int,
        at: str | None = None,
        warned: bool = False,
        where: Mapping[str, Any] | None = None,
    ) -> tuple[list[Document], str | None]:
        """A page of live documents by id, and the cursor of the next page.

        :param limit: 1..1000. warned: only documents with warnings. where: a filter, as in SearchRequest.
        :param at: a commit number, tag, "head" or "head~N"; None: the head.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        """
        return self._browser.documents(caller, corpus, at, cursor, limit, warned=warned, where=where)

    def document(self, caller: Caller, corpus: str, document_id: str, *, at: str | None = None) -> Document:
        """One live document; `at` as in `documents`.

        :raises DocumentNotFound: if no live document has this id.
        """
        return self._browser.document(caller, corpus, at, document_id)

    def text(
        self,
        caller: Caller,
        corpus: str,
        document_id: str,
        version: str | None,
        start: int | None,
        end: int | None,
        *,
        at: str | None = None,
    ) -> TextSlice:
        """Stored text of any version that the document ever had; the live one when none is named.

        :param at: as in `documents`, when no version is named.
        :raises VersionNotFound: if the document never had this version.
        :raises InvalidRequest: if both a version and `at` are given.
        """
        return self._browser.text(caller, corpus, at, document_id, version, start or 0, end)

    # --- jobs ---------------------------------------------------------------------------

    def new_spool(self) -> Spool:
        """A place to write uploads to before they are submitted."""
        return Spool.create(self._catalog.home.path)

    def submit_spool(
        self, caller: Caller, corpus: str, spool: Spool, documents: Sequence[InlineDocument]
    ) -> Job:
        """Queue an ingest of what was written to the spool.

        :raises InvalidName: if the corpus cannot have this name.
        """
        check_name(corpus)
        return self._runner.submit(caller, corpus, spool, documents)

    def submit_ingest(
        self,
        caller: Caller,
        corpus: str,
        documents: Sequence[InlineDocument],
        files: Mapping[str, BinaryIO],
        *,
        retry: bool = False,
    ) -> Job:
        """Queue an ingest of documents and files."""
        check_name(corpus)
        spool = self.new_spool()
        spool.retry = retry
        try:
            for name, stream in files.items():
                with written(spool.folder), spool.file(name).open("wb") as target:
                    while block := stream.read(1 << 20):
                        target.write(block)
        except BaseException:
            spool.discard()
            raise
        return self._runner.submit(caller, corpus, spool, documents)

    def job(self, caller: Caller, job_id: str) -> Job:
        """One job. Who sees here that it is done can search what it brought.

        :raises JobNotFound: if there is none of this id.
        """
        job = self._catalog.jobs.get(caller, job_id)
        if job.state is JobState.DONE:
            self.queries.refresh(caller, job.corpus)
        return job

    def jobs(
        self, caller: Caller, where: JobFilter = ALL_JOBS, *, cursor: str | None = None, limit: int = 100
    ) -> tuple[list[Job], str | None]:
        """A page of jobs, latest first, and the cursor of the next; results without lists of files.

        :param limit: 1..1000.
        :raises InvalidRequest: if the cursor is none of ours.
        """
        return self._catalog.jobs.page(caller, where, cursor, limit)

    def cancel_job(self, caller: Caller, job_id: str) -> Job:
        """Ask a job to stop; what it has done so far is kept, nothing is published.

        :raises JobNotFound: if there is none of that id.
        """
        return self.desk.cancel(caller, job_id)
