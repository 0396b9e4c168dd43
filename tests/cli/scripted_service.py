"""A double of the service: answers from a script, records what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from ragsvc.domain import (
    Answer,
    AnswerRequest,
    Caller,
    Caveat,
    ChunkerSpec,
    Citation,
    CommitId,
    CorpusDetails,
    CorpusSummary,
    Document,
    DocumentCounts,
    DuplicateGroup,
    DuplicateKind,
    EmbedderSpec,
    Entity,
    EntityEdge,
    EntityKind,
    Failure,
    Hit,
    IngestReport,
    IngestRequest,
    Job,
    JobFilter,
    JobKind,
    JobState,
    NamedDocument,
    Outlier,
    Passage,
    Place,
    Profile,
    ProfileId,
    ProfileSpec,
    Progress,
    RelationGraph,
    SearchRequest,
    SearchResult,
    SkippedSource,
    SourceCaveat,
    Span,
    TextSlice,
    TimeRange,
    TrainedModel,
    VersionId,
)
from ragsvc.errors import CorpusNotFound, DocumentNotFound, JobNotFound

TEXT = "Locks are waited for. A deadlock is found\nafter \x1b[31mone second\u202e."


CAVEAT = Caveat("page_without_text", "page 3 of 12 has no text")


def make_hit(rank: int = 1) -> Hit:
    passage = Passage(
        chunk=1,
        document_id="handbook/locks.md",
        version="ab12",
        version_id=1,
        source="/srv/handbook/locks\udcff.md",
        title="Locks [bold]not markup[/bold]",
        start=0,
        end=len(TEXT),
        text=TEXT,
        page=3,
        headings=("Locks", "Deadlocks"),
        metadata={"lang": "en", "year": float("nan")},
    )
    return Hit(rank=rank, score=0.5, corpus="handbook", passage=passage, duplicates=("copy/locks.md",))


def make_answer(request: AnswerRequest) -> Answer:
    answered = "deadlock" in request.question
    citation = Citation(
        marker=1,
        document_id="handbook/locks.md",
        version="ab12",
        source="/srv/handbook/locks.md",
        title="Locks",
        start=22,
        end=64,
        quote=TEXT[22:64],
        page=3,
        corpus="handbook",
        places=(Place(0, 40, TimeRange(723.4, 730.0)), Place(40, 64, TimeRange(731, 737.9)))
        if "said" in request.question
        else (),
    )
    return Answer(
        corpus=request.corpora[0],
        commit=CommitId(4),
        question=request.question,
        answered=answered,
        answer="A deadlock is found after one second. [1]" if answered else "I cannot answer that.",
        confidence=0.9 if answered else 0.1,
        citations=(citation,) if answered else (),
        passages=(make_hit(),),
        generator="extractive",
        timings_s={"search": 0.01},
        unsupported=(Span(0, 37),) if answered and "doubt" in request.question else (),
    )


def make_job(state: JobState = JobState.RUNNING) -> Job:
    return Job(
        id="j1",
        kind=JobKind.INGEST,
        corpus="handbook",
        state=state,
        done=1,
        total=3,
        unit="files",
        payload={"secret": 1},
        result=None,
        error=None,
        owner="local",
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:01Z",
        pid=12,
        cancel_requested=False,
    )


class ScriptedLifecycle:
    """What `corpora show` looks at; the history itself is tested over a real service."""

    def __init__(self, service: ScriptedService) -> None:
        self._service = service

    def details(self, caller: Caller, corpus: str) -> CorpusDetails:
        embedder = EmbedderSpec(
            name="bundled:x",
            weights="00",
            dimension=384,
            max_tokens=256,
            pooling="mean",
            query_prefix="",
            document_prefix="",
            backend="torch",
            dtype="float32",
        )
        spec = ProfileSpec(embedder, ChunkerSpec("1", 200, 0, 24), "standard-1")
        profile = Profile(ProfileId(1), "ab" * 32, "cd" * 32, spec)
        return CorpusDetails(
            summary=self._service.corpus(caller, corpus), profile=profile, index_bytes=4096, log=(), tags=()
        )

    def outliers(self, caller: Caller, corpus: str, limit: int) -> list[Outlier]:
        return [Outlier("menu.md", 0.912, "a.md")][:limit]

    def duplicates(self, caller: Caller, corpus: str) -> list[DuplicateGroup]:
        return [
            DuplicateGroup(DuplicateKind.EXACT, 1.0, ("a.md", "copy\x1b[31m.md")),
            DuplicateGroup(DuplicateKind.NEAR, 0.84375, ("a.md", "b.md")),
        ]


class ScriptedRelations:
    """Two names, one of which could move the cursor."""

    def graph(
        self, caller: Caller, corpus: str, *, entity: str | None, limit: int, at: str | None
    ) -> RelationGraph:
        ann = Entity("ann", "Ann\x1b[31m", (EntityKind.PERSON, EntityKind.AUTHOR), 7)
        fees = Entity("fees", "Fees", (EntityKind.TAG,), 3)
        document = NamedDocument(
            membership=1, document_id="a.md", version=VersionId(1), title="A", source="/srv/a.md"
        )
        return RelationGraph(
            corpus=corpus,
            commit=CommitId(4),
            entity=ann if entity else None,
            entities=(fees,) if entity else (ann, fees),
            total=9,
            edges=(EntityEdge("ann", "fees", 2),),
            documents=(document,) if entity else (),
            unread=5,
        )


class ScriptedModels:
    """No model was trained."""

    def trained_on(self, caller: Caller, corpus: str) -> list[TrainedModel]:
        return []


class ScriptedService:
    """Knows one corpus, `handbook`, with 450 documents."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.failures: tuple[Failure, ...] = ()
        self.skipped: tuple[SkippedSource, ...] = (SkippedSource("/srv/.git", "hidden"),)
        self.warnings: tuple[SourceCaveat, ...] = ()
        self.error: BaseException | None = None
        self.maintenance = ScriptedLifecycle(self)
        self.models = ScriptedModels()
        self.relations = ScriptedRelations()

    def open(self, settings: Any, *, create: bool = True) -> AbstractContextManager[Any]:
        self.asked.append(settings)
        return nullcontext(self)

    def _record(self, caller: Caller, request: Any) -> None:
        assert isinstance(caller, Caller)
        self.asked.append(request)
        if self.error is not None:
            raise self.error

    def ingest(
        self,
        caller: Caller,
        request: IngestRequest,
        *,
        progress: Callable[[Progress], None] | None = None,
        on_wait: Callable[[str], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> IngestReport:
        self._record(caller, request)
        if progress is not None:
            progress(Progress("reading", 0, 0, "files"))
            progress(Progress("reading", 2, 2, "files"))
        if on_wait is not None:
            on_wait("waiting for another writer")
        counts = DocumentCounts(
            added=2, changed=1, unchanged=7, removed=0, skipped=1, failed=len(self.failures)
        )
        return IngestReport(
            corpus=request.corpus,
            commit=CommitId(4),
            documents=counts,
            chunks_added=9,
            chunks_removed=1,
            embedded=8,
            seconds=1.25,
            failures=self.failures,
            skipped=self.skipped,
            warnings=self.warnings,
        )

    def search(self, caller: Caller, request: SearchRequest) -> SearchResult:
        self._record(caller, request)
        hits = tuple(make_hit(rank) for rank in range(1, min(request.k, 3) + 1))
        return SearchResult(
            corpus=",".join(request.corpora),
            commit=CommitId(4),
            query=request.query,
            mode=request.mode,
            hits=hits,
        )

    def answer(self, caller: Caller, request: AnswerRequest) -> Answer:
        self._record(caller, request)
        return make_answer(request)

    def corpora(self, caller: Caller) -> list[CorpusSummary]:
        return [self.corpus(caller, "handbook")]

    def corpus(self, caller: Caller, name: str) -> CorpusSummary:
        if name != "handbook":
            raise CorpusNotFound(f"corpus {name!r} does not exist", hint=f"ragsvc ingest {name} PATH")
        return CorpusSummary(
            name=name,
            created_at="2026-01-01T00:00:00Z",
            commit=CommitId(4),
            documents=450,
            chunks=900,
            characters=12345,
            embedder="bundled:x",
        )

    def delete_corpus(self, caller: Caller, corpus: str) -> None:
        self._record(caller, ("delete_corpus", corpus))

    def documents(
        self,
        caller: Caller,
        corpus: str,
        *,
        cursor: str | None,
        limit: int,
        at: str | None = None,
        warned: bool = False,
        where: Any = None,
    ) -> tuple[list[Document], str | None]:
        if where is not None:
            self.asked.append(where)
        if warned:
            return [replace(self._document("handbook/a.pdf"), warnings=(CAVEAT,))], None
        start = int(cursor or 0)
        end = min(450, start + limit)
        page = [self._document(f"handbook/{number:03}.md") for number in range(start, end)]
        return page, str(end) if end < 450 else None

    def document(self, caller: Caller, corpus: str, document_id: str, *, at: str | None = None) -> Document:
        if not document_id.startswith("handbook/"):
            raise DocumentNotFound(f"no document {document_id!r}", hint="ragsvc documents list handbook")
        return self._document(document_id)

    @staticmethod
    def _document(document_id: str) -> Document:
        return Document(
            corpus="handbook",
            document_id=document_id,
            version="ab12",
            title="A page",
            source="/srv/page.md",
            media_type="text/markdown",
            characters=len(TEXT),
            metadata={"lang": "en"},
            owner="local",
            born=CommitId(3),
            ingested_at="2026-01-01T00:00:00Z",
        )

    def delete_document(self, caller: Caller, corpus: str, document_id: str) -> CommitId:
        self._record(caller, ("delete_document", corpus, document_id))
        return CommitId(5)

    def text(
        self, caller: Caller, corpus: str, document_id: str, version: str | None, start: Any, end: Any
    ) -> TextSlice:
        return TextSlice(
            document_id=document_id, version=version or "ab12", start=0, end=len(TEXT), text=TEXT
        )

    def jobs(
        self, caller: Caller, where: JobFilter, *, cursor: str | None, limit: int
    ) -> tuple[list[Job], str | None]:
        self._record(caller, (where, cursor, limit))
        return [make_job()], "7" if limit == 1 else None

    def job(self, caller: Caller, job_id: str) -> Job:
        if job_id != "j1":
            raise JobNotFound(f"no job {job_id!r}", hint="ragsvc jobs list")
        return make_job()

    def cancel_job(self, caller: Caller, job_id: str) -> Job:
        self._record(caller, ("cancel", job_id))
        return make_job(JobState.CANCELLED)
