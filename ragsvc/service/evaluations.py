"""Evaluations of a corpus: from what is asked for to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from ragsvc import __version__
from ragsvc.domain import Caller, Progress
from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.answers import answer_item, bins_of, figures_of_all
from ragsvc.evaluation.citation_metrics import Place
from ragsvc.evaluation.figures import figures_of, percentiles, tests_of
from ragsvc.evaluation.journal import Journal, key_of
from ragsvc.evaluation.questions import Question, Questions, judged, load, unknown_documents
from ragsvc.evaluation.report import InputDefect, Item, ItemKind, Report, Setup
from ragsvc.evaluation.requests import AnswersEvaluation, RetrievalEvaluation, judgements_of
from ragsvc.evaluation.retrieval import pairs_of, retrieval_item
from ragsvc.pipeline.retrieval.search import MAX_K, SearchScope
from ragsvc.pipeline.retrieval.snapshot import Snapshot
from ragsvc.service.evaluation_run import EvaluationRun, GoldTexts, query_vectors
from ragsvc.service.model_registry import ModelRegistry
from ragsvc.service.queries import QueryService
from ragsvc.service.request_limits import accepted
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import parse_filter

Told: TypeAlias = Callable[[Progress], None]
Request: TypeAlias = RetrievalEvaluation | AnswersEvaluation


@dataclass(slots=True)
class _Run:
    """One evaluation as it goes on.

    asked: all that the file holds. questions: those that can be scored.
    settings: all that decides the results. malformed: what of the file could not be used.
    notes: what is odd about the rest.
    gold: where the answers stand, by id of the question. versions: of right documents, by id.
    """

    kind: ItemKind
    source: str
    asked: Questions
    questions: tuple[Question, ...]
    ground: EvaluationRun
    settings: dict[str, Any]
    started: float
    fresh: bool
    told: Told
    malformed: tuple[InputDefect, ...]
    notes: tuple[InputDefect, ...]
    gold: Mapping[str, Sequence[Place]]
    versions: Mapping[str, str]


class Evaluations:
    """Evaluates what the service finds and answers; every run is of one commit.

    A run that was interrupted is taken up where it was, unless something that decides its results has
    changed since.
    """

    def __init__(
        self, catalog: Catalog, loader: ModelRegistry, asker: QueryService, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._loader = loader
        self._asker = asker
        self._settings = settings

    def retrieval(
        self, caller: Caller, request: RetrievalEvaluation, *, progress: Told | None = None
    ) -> Report:
        """Measure what searches find, for the questions of which the right documents are known.

        :raises CorpusNotFound: if there is none of this name.
        :raises SourceNotFound: if the questions cannot be read.
        :raises InvalidRequest: if nothing can be measured with them.
        """
        if not request.modes:
            raise InvalidRequest("no mode was named", hint="name at least one: hybrid, dense, lexical")
        modes = tuple(dict.fromkeys(request.modes))
        asked, source = judgements_of(request)
        scored = judged(asked.questions)
        if not scored:
            raise InvalidRequest(
                f"no question of {source} says which documents answer it",
                hint='give answerable questions "documents": ["id", ...], or "spans"',
            )
        with self._kept(caller, request) as snapshot:
            run = self._run(caller, snapshot, request, source, asked, scored, progress)
            run.settings["modes"] = [mode.value for mode in modes]
            systems = run.ground.searches(run.questions, modes)

            def item(question: Question) -> Item:
                return retrieval_item(question, systems, request.k, run.gold[question.id])

            items, resumed = _items(self._catalog, run, item)
        return _report(run, items, resumed, tests=tests_of(items, pairs_of(list(systems), request.k)))

    def answers(self, caller: Caller, request: AnswersEvaluation, *, progress: Told | None = None) -> Report:
        """Measure answers and refusals; questions without references are measured as far as they go.

        :raises CorpusNotFound: if there is none of this name.
        :raises SourceNotFound: if the questions cannot be read.
        :raises InvalidRequest: if nothing can be measured with them.
        """
        asked = load(request.questions, request.split)
        source = request.questions.name
        with self._kept(caller, request) as snapshot:
            run = self._run(caller, snapshot, request, source, asked, asked.questions, progress)
            run.settings["max_false_refusals"] = self._settings.max_false_refusals
            graded = any(question.expected for question in run.questions)

            def item(question: Question) -> Item:
                got = run.ground.ask(question, request.k)
                return answer_item(question, got, run.gold[question.id], run.versions, graded=graded)

            def fresh() -> QueryService:
                return self._asker.over(self._loader.apart())

            seconds = run.ground.seconds(fresh, run.questions, request.k, run.told)

            items, resumed = _items(self._catalog, run, item)
        references = {question.id: question.answers for question in run.questions}
        return _report(
            run,
            items,
            resumed,
            figures=figures_of_all(items, references),
            reliability=bins_of(items),
            latency_s=percentiles(seconds),
        )

    @contextmanager
    def _kept(self, caller: Caller, request: Request) -> Iterator[Snapshot]:
        """The commit to evaluate; gc leaves it alone meanwhile."""
        snapshot = self._asker.snapshot(caller, request.corpus, request.at)
        corpus = snapshot.corpus
        if not snapshot.alive.any():
            raise InvalidRequest(
                f"{corpus.name} holds nothing to search in", hint=f"ragsvc ingest {corpus.name} PATH"
            )
        reason = f"evaluation of {corpus.name}"
        with self._catalog.pins.pinned(reason, corpus_id=corpus.id, commit_id=corpus.commit):
            yield snapshot

    def _run(
        self,
        caller: Caller,
        snapshot: Snapshot,
        request: Request,
        source: str,
        asked: Questions,
        questions: Sequence[Question],
        progress: Told | None,
    ) -> _Run:
        if not 1 <= request.k <= MAX_K:
            raise InvalidRequest(f"k must be 1 to {MAX_K}, not {request.k}", hint="choose k from this range")
        started = time.perf_counter()
        told = progress or (lambda _: None)
        questions, refused = accepted(questions, source, self._settings.max_question_chars)
        ground = self._ground(caller, snapshot, request, questions, told)
        wanted = {name for question in questions for name in question.judgements}
        corpus = ground.reading.corpus
        named = wanted | {span.document_id for question in questions for span in question.spans}
        held = self._catalog.documents.held_versions(caller, corpus, corpus.commit, sorted(named))
        if wanted and not wanted & held.keys():
            raise InvalidRequest(
                f"{corpus.name} has none of the documents that {source} names, such as {min(wanted)[:80]!r}",
                hint=f"ragsvc documents list {corpus.name} shows the ids of its documents",
            )
        settings = {
            "k": request.k,
            "split": request.split,
            "where": request.where,
            "fusion": self._settings.fusion.value,
            "dense_weight": self._settings.dense_weight,
            "reranker": self._settings.reranker,
            "left_out": len(asked.questions) - len(questions),
            "unknown_documents": len(wanted - held.keys()),
        }
        gold, astray = _gold(self._catalog, ground, source, questions)
        return _Run(
            kind=ItemKind.RETRIEVAL if isinstance(request, RetrievalEvaluation) else ItemKind.ANSWERS,
            source=source,
            asked=asked,
            questions=tuple(questions),
            ground=ground,
            settings=settings,
            started=started,
            fresh=request.fresh,
            told=told,
            malformed=(*asked.malformed, *refused),
            notes=(*asked.notes, *unknown_documents(questions, held, source, corpus.name), *astray),
            gold=gold,
            versions=held,
        )

    def _ground(
        self,
        caller: Caller,
        snapshot: Snapshot,
        request: Request,
        questions: Sequence[Question],
        told: Told,
    ) -> EvaluationRun:
        where = None if request.where is None else parse_filter(request.where)
        where = self._asker.relations.resolved(caller, snapshot.corpus, where)
        if not snapshot.allowed(self._catalog, where, caller).any():
            raise InvalidRequest(
                f"{request.corpus} holds nothing to search in by this filter", hint="choose another filter"
            )
        # The next run asks the same questions of nearly the same passages; who just asks leaves no trace.
        loader = self._loader.apart(self._catalog)
        parts = loader.parts(snapshot.corpus.profile)
        # What is searched for after other turns is not known before.
        texts = [question.text for question in questions if not question.history]
        return EvaluationRun(
            self._catalog,
            self._asker.over(loader),
            self._settings,
            parts,
            SearchScope(self._catalog, snapshot.corpus, snapshot, where, caller),
            request.where,
            query_vectors(self._catalog, parts, texts, told),
        )


def _gold(
    catalog: Catalog, ground: EvaluationRun, source: str, questions: Sequence[Question]
) -> tuple[dict[str, list[Place]], list[InputDefect]]:
    """Where the answers stand, by id of the question, and what is odd about the spans."""
    texts = GoldTexts(catalog, ground.reading)
    found: dict[str, list[Place]] = {}
    astray: list[InputDefect] = []
    for question in questions:
        found[question.id], wrong = texts.places(question)
        astray.extend(InputDefect(question.place(source), error) for error in wrong)
    return found, astray


def _items(catalog: Catalog, run: _Run, make: Callable[[Question], Item]) -> tuple[tuple[Item, ...], int]:
    """The items of all questions, and how many of them an interrupted run had made."""
    corpus = run.ground.reading.corpus
    rest = {"kind": run.kind, "questions": run.asked.digest, "settings": run.settings}
    key = key_of(run.ground.decides() | rest)
    items: list[Item] = []
    resumed = 0
    with Journal(catalog.home.path, key, fresh=run.fresh) as journal:
        for number, question in enumerate(run.questions):
            run.told(Progress("evaluate", number, len(run.questions), "questions"))
            item = journal.items.get(question.id)
            if item is None:
                item = make(question)
                journal.add(item)
            else:
                resumed += 1
            items.append(item)
        # The pin keeps gc away, but nobody is kept from deleting a corpus.
        catalog.history.check_kept(corpus)
        run.told(Progress("evaluate", len(items), len(items), "questions"))
    return tuple(items), resumed


def _report(run: _Run, items: tuple[Item, ...], resumed: int, **rest: Any) -> Report:
    corpus = run.ground.reading.corpus
    more: Mapping[str, Any] = rest.pop("figures", {})
    return Report(
        kind=run.kind,
        setup=Setup(
            corpus=corpus.name,
            commit=int(corpus.commit),
            profile=corpus.profile.fingerprint,
            embedder=corpus.profile.spec.embedder.name,
            questions=run.source,
            digest=run.asked.digest,
            settings=run.settings,
            version=__version__,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        ),
        figures={**figures_of(items), **more},
        items=items,
        malformed=run.malformed,
        notes=run.notes,
        resumed=resumed,
        seconds=round(time.perf_counter() - run.started, 3),
        **({"tests": {}} | rest),
    )
