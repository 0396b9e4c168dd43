"""A service in memory, with the interface of the real one and none of its weight."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from fake_embedding import fake_embeddings
from fake_history import HEAD, PROFILE, FakeLifecycle, FakeRelations

from ragsvc.domain import (
    Answer,
    AnswerEvent,
    AnswerRequest,
    Caller,
    ChunkId,
    Citation,
    CitationEvent,
    CommitId,
    CorpusSummary,
    Document,
    DoneEvent,
    Hit,
    InlineDocument,
    Job,
    JobFilter,
    JobKind,
    JobState,
    Passage,
    PassagesEvent,
    Readiness,
    SearchRequest,
    SearchResult,
    TextSlice,
    TokenEvent,
    VersionId,
)
from ragsvc.errors import CorpusNotFound, DocumentNotFound, InvalidFilter, InvalidRequest, JobNotFound
from ragsvc.service.generative import GenerativeModels
from ragsvc.service.records import RecordService
from ragsvc.settings.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import parse_filter

TIME = "2025-01-31T09:00:00Z"


class FakeSpool:
    """A folder of uploaded files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.documents: dict[str, str] = {}

    def file(self, name: str) -> Path:
        return self.folder / name

    def add(self, document: InlineDocument) -> None:
        self.documents[document.document_id] = document.text

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@cache
def blank_home() -> Path:
    """A home that knows the corpus `handbook`, made once: to copy it is quicker than to migrate another."""
    home = Path(tempfile.mkdtemp(prefix="ragsvc-fake-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with Catalog.open(home) as catalog:
        catalog.corpora.create(Caller(), "handbook", PROFILE.spec)
    return home


class FakeService:
    """Corpora are dicts of texts; a search finds every document; an answer quotes the first.

    stall: seconds between two tokens of a streamed answer. block: when set, searches wait for it.
    failure: raised by search, answer and, after its first token, by a streamed answer.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.corpora_texts: dict[str, dict[str, str]] = {
            "handbook": {"handbook/a.md": "Backups are nightly."}
        }
        self.maintenance = FakeLifecycle(self)
        self.relations = FakeRelations(self)
        self.embeddings = fake_embeddings(self)
        self.jobs_by_id: dict[str, Job] = {}
        self.stall = 0.0
        self.block: threading.Event | None = None
        self.failure: Exception | None = None
        self.tokens = 3
        self.sent = 0
        self.stream_closed = threading.Event()
        self.is_ready = True
        self.started = self.closed = False
        self.spools: list[FakeSpool] = []
        self._lock = threading.Lock()
        self._home = Path(tempfile.gettempdir()) / f"ragsvc-fake-{uuid.uuid4().hex}"

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True
        if "records" in self.__dict__:
            self.records.close()
            del self.records
        if "catalog" in self.__dict__:
            self.catalog.close()
            self.__dict__.pop("models", None)
            del self.catalog
        shutil.rmtree(self._home, ignore_errors=True)

    def ready(self) -> Readiness:
        return Readiness(self.is_ready, "" if self.is_ready else "loading the model", "fake", CommitId(1))

    # writing

    def new_spool(self) -> FakeSpool:
        self._home.mkdir(exist_ok=True)
        spool = FakeSpool(Path(tempfile.mkdtemp(dir=self._home)))
        self.spools.append(spool)
        return spool

    def submit_spool(
        self, caller: Caller, corpus: str, spool: FakeSpool, documents: Sequence[InlineDocument]
    ) -> Job:
        found = [path for path in spool.folder.rglob("*") if path.is_file()]
        texts = {str(p.relative_to(spool.folder)): p.read_bytes().decode(errors="replace") for p in found}
        spool.discard()
        return self._job(corpus, texts | spool.documents)

    def submit_ingest(
        self,
        caller: Caller,
        corpus: str,
        documents: Sequence[InlineDocument],
        files: Mapping[str, Any],
        *,
        retry: bool = False,
    ) -> Job:
        return self._job(corpus, {document.document_id: document.text for document in documents})

    def _job(self, corpus: str, texts: Mapping[str, str]) -> Job:
        with self._lock:
            self.corpora_texts.setdefault(corpus, {}).update(texts)
            name = f"{len(self.jobs_by_id):06x}"
            job = self._new_job(name, corpus, len(texts))
            self.jobs_by_id[name] = job
        return job

    @staticmethod
    def _new_job(name: str, corpus: str, total: int, state: JobState = JobState.QUEUED) -> Job:
        result = None
        return Job(
            id=name,
            kind=JobKind.INGEST,
            corpus=corpus,
            state=state,
            done=0,
            total=total,
            unit="documents",
            payload={},
            result=result,
            error=None,
            owner="local",
            created_at=TIME,
            updated_at=TIME,
            pid=None,
            cancel_requested=False,
        )

    def delete_document(self, caller: Caller, corpus: str, document_id: str) -> CommitId:
        self.document(caller, corpus, document_id)
        del self.corpora_texts[corpus][document_id]
        return CommitId(2)

    def delete_corpus(self, caller: Caller, corpus: str) -> None:
        self._texts(corpus)
        del self.corpora_texts[corpus]

    # reading

    def corpora(self, caller: Caller) -> list[CorpusSummary]:
        return [self.corpus(caller, name) for name in sorted(self.corpora_texts)]

    def corpus(self, caller: Caller, name: str) -> CorpusSummary:
        texts = self._texts(name)
        return CorpusSummary(
            name=name,
            created_at=TIME,
            commit=HEAD,
            documents=len(texts),
            chunks=len(texts),
            characters=sum(map(len, texts.values())),
            embedder="fake",
        )

    def documents(
        self,
        caller: Caller,
        corpus: str,
        *,
        cursor: str | None,
        limit: int,
        at: str | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> tuple[list[Document], str | None]:
        self.maintenance.find(corpus, at)
        if where is not None:
            parse_filter(where)
        if cursor is not None and not cursor.startswith("after:"):
            raise InvalidRequest("cursor is not one of ours", hint="start without a cursor")
        after = cursor.removeprefix("after:") if cursor else ""
        names = [name for name in sorted(self._texts(corpus)) if name > after]
        page = [self.document(caller, corpus, name) for name in names[:limit]]
        return page, f"after:{names[limit - 1]}" if len(names) > limit else None

    def document(self, caller: Caller, corpus: str, document_id: str, *, at: str | None = None) -> Document:
        self.maintenance.find(corpus, at)
        text = self._text(corpus, document_id)
        return Document(
            corpus=corpus,
            document_id=document_id,
            version="ab12",
            title=document_id,
            source="upload",
            media_type="text/plain",
            characters=len(text),
            metadata={"lang": "en"},
            owner="local",
            born=CommitId(1),
            ingested_at=TIME,
        )

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
        self.maintenance.find(corpus, at)
        text = self._text(corpus, document_id)
        first, last = min(start or 0, len(text)), len(text) if end is None else min(end, len(text))
        return TextSlice(
            document_id=document_id, version=version or "ab12", start=first, end=last, text=text[first:last]
        )

    def search(self, caller: Caller, request: SearchRequest) -> SearchResult:
        if self.block is not None:
            self.block.wait(10)
        if self.failure is not None:
            raise self.failure
        commit = self._commit(request)
        hits = self._hits(request.corpora, request.k, request.where)
        searched = " ".join((request.query, *(turn.content for turn in request.history)))
        return SearchResult(
            corpus=",".join(request.corpora),
            commit=commit,
            query=request.query,
            mode=request.mode,
            hits=hits,
            searched=searched if request.history else None,
        )

    @cached_property
    def catalog(self) -> Catalog:
        """Made when it is first needed: most tests ask for none."""
        shutil.copytree(blank_home(), self._home, dirs_exist_ok=True)
        return Catalog.open(self._home)

    @cached_property
    def models(self) -> GenerativeModels:
        """The real one, over a home where nothing was trained."""
        return GenerativeModels(self.catalog, self.settings)

    @cached_property
    def records(self) -> RecordService:
        """The real one, over answers of ours."""
        return self._records(self._events)

    def _records(self, ask: Callable[[Caller, AnswerRequest], Iterator[AnswerEvent]]) -> RecordService:
        return RecordService(self.catalog, self.settings, ask, lambda: 0.5)

    def answer(self, caller: Caller, request: AnswerRequest) -> Answer:
        if self.failure is not None:
            raise self.failure

        def at_once(_: Caller, asked: AnswerRequest) -> Iterator[AnswerEvent]:
            yield DoneEvent(self._answer(asked, self._hits(asked.corpora, asked.k, asked.where)))

        records = self._records(at_once)
        try:
            return records.answer(caller, request)
        finally:
            records.close()

    def stream_answer(self, caller: Caller, request: AnswerRequest) -> Iterator[AnswerEvent]:
        return self.records.stream(caller, request)

    def _events(self, caller: Caller, request: AnswerRequest) -> Iterator[AnswerEvent]:
        hits = self._hits(request.corpora, request.k, request.where)
        answer = self._answer(request, hits)
        try:
            yield PassagesEvent(hits)
            for _ in range(self.tokens):
                time.sleep(self.stall)
                self.sent += 1
                yield TokenEvent("word ")
                if self.failure is not None:
                    raise self.failure
            for citation in answer.citations:
                yield CitationEvent(citation)
            yield DoneEvent(answer)
        finally:
            self.stream_closed.set()

    # jobs

    def job(self, caller: Caller, job_id: str) -> Job:
        if job_id not in self.jobs_by_id:
            raise JobNotFound(f"there is no job {job_id!r}", hint="GET /v1/jobs lists them")
        return self.jobs_by_id[job_id]

    def jobs(
        self, caller: Caller, where: JobFilter, *, cursor: str | None = None, limit: int = 100
    ) -> tuple[list[Job], str | None]:
        if cursor is not None and not cursor.isdigit():
            raise InvalidRequest("the cursor is none of ours", hint="begin without a cursor")
        wanted = [
            job
            for job in self.jobs_by_id.values()
            if where.corpus in (None, job.corpus) and where.state in (None, job.state)
        ]
        start = int(cursor or 0)
        return wanted[::-1][start : start + limit], (
            str(start + limit) if len(wanted) > start + limit else None
        )

    def cancel_job(self, caller: Caller, job_id: str) -> Job:
        job = self.job(caller, job_id)
        self.jobs_by_id[job_id] = self._new_job(job.id, job.corpus, job.total, JobState.CANCELLED)
        return self.jobs_by_id[job_id]

    # the rest

    def _commit(self, request: SearchRequest | AnswerRequest) -> CommitId:
        return max(self.maintenance.find(name, request.at) for name in request.corpora)

    def _texts(self, corpus: str) -> dict[str, str]:
        if corpus not in self.corpora_texts:
            raise CorpusNotFound(f"there is no corpus {corpus!r}", hint="GET /v1/corpora lists them")
        return self.corpora_texts[corpus]

    def _text(self, corpus: str, document_id: str) -> str:
        texts = self._texts(corpus)
        if document_id not in texts:
            raise DocumentNotFound(f"there is no document {document_id!r}", hint="list the documents")
        return texts[document_id]

    def _hits(self, corpora: Sequence[str], k: int, where: Mapping[str, Any] | None) -> tuple[Hit, ...]:
        if where is not None and any(name.startswith("$") for name in where):
            raise InvalidFilter("filter: unknown operator", hint="use $eq, $in, ...")
        found = [(name, *item) for name in corpora for item in sorted(self._texts(name).items())]
        return tuple(
            Hit(rank=rank, score=1.0 / rank, corpus=corpus, passage=_passage(document_id, text))
            for rank, (corpus, document_id, text) in enumerate(found[:k], start=1)
        )

    def _answer(self, request: AnswerRequest, hits: tuple[Hit, ...]) -> Answer:
        cited = tuple(
            Citation(
                marker=1,
                document_id=p.document_id,
                version=p.version,
                source=p.source,
                title=p.title,
                start=p.start,
                end=p.end,
                quote=p.text,
                page=p.page,
            )
            for p in (hit.passage for hit in hits[:1])
        )
        names = ",".join(request.corpora)
        text = "word " * self.tokens
        return Answer(
            corpus=names,
            commit=self._commit(request),
            question=request.question,
            answered=bool(hits),
            answer=text,
            confidence=0.9,
            citations=cited,
            passages=hits,
            generator="fake",
            timings_s={"search": 0.001},
            searched=request.question if request.history else None,
            prompt_tokens=5,
            completion_tokens=self.tokens,
        )


def _passage(document_id: str, text: str) -> Passage:
    return Passage(
        chunk=ChunkId(1),
        document_id=document_id,
        version="ab12",
        version_id=VersionId(1),
        source="upload",
        title=document_id,
        start=0,
        end=len(text),
        text=text,
        page=None,
        headings=(),
        metadata={"lang": "en"},
    )
