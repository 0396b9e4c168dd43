"""Questions: from names and text to snapshots, hits and answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from types import MappingProxyType

from ragsvc.domain import (
    Answer,
    AnswerEvent,
    AnswerRequest,
    Caller,
    Corpus,
    DoneEvent,
    F32Vector,
    Hit,
    Mode,
    SearchRequest,
    SearchResult,
)
from ragsvc.errors import CorpusNotFound, InvalidRequest, RagsvcError, StaleContent
from ragsvc.pipeline.generation.answer import AnswerOptions, RetrievedPassages, Writers, merge, stream_answer
from ragsvc.pipeline.grounding.answerability import load_model
from ragsvc.pipeline.grounding.documents import DocumentReader
from ragsvc.pipeline.grounding.judgement import Grounds, grounds_of, shape_of
from ragsvc.pipeline.iterators import closed_after
from ragsvc.pipeline.place_lookup import PlaceLookup
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.pipeline.relations.document_list import DocumentList
from ragsvc.pipeline.retrieval.search import (
    MAX_K,
    RerankStage,
    Retrieval,
    SearchScope,
    Weights,
    hits,
    rank,
)
from ragsvc.pipeline.retrieval.search_query import mixed, prepare_rewritten, query_texts
from ragsvc.pipeline.retrieval.snapshot import Snapshot
from ragsvc.pipeline.retrieval.snapshot_cache import SnapshotCache
from ragsvc.pipeline.retrieval.spelling import Speller
from ragsvc.pipeline.tables.stored_tables import TableReader
from ragsvc.retries import retry_stale
from ragsvc.service.generators import Generators
from ragsvc.service.model_registry import ModelRegistry
from ragsvc.service.relations import RelationService
from ragsvc.service.request_limits import check_history, check_question
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter, parse_filter
from ragsvc.text.analysers import MULTILINGUAL

ATTEMPTS = 10
FULL_MATCH = 0.4
"""`Weights.full_match` where questions and passages may be in different languages: see docs/languages.md."""
NOTHING_READY: Mapping[str, F32Vector] = MappingProxyType({})


def whole_answer(events: Iterator[AnswerEvent]) -> Answer:
    """The answer that a stream ends with."""
    for event in events:
        if isinstance(event, DoneEvent):
            return event.answer
    raise AssertionError("an answer ends with DoneEvent")


class QueryService:
    """Searches and answers, each over one snapshot of each corpus."""

    def __init__(self, catalog: Catalog, loader: ModelRegistry, settings: Settings) -> None:
        self._catalog = catalog
        self.relations = RelationService(catalog)
        self._loader = loader
        self._settings = settings
        self._keeper = SnapshotCache(catalog)
        self._generators = Generators(settings)
        self._documents = DocumentReader(catalog.versions.texts)
        self._tables = TableReader()
        # A server has a thread that follows commits; queries then never wait for one to be taken in.
        self.followed = False

    def over(self, loader: ModelRegistry) -> QueryService:
        """One that shares the snapshots and embeds and reranks by the parts of another loader."""
        made = copy(self)
        made._loader = loader
        return made

    def reranker_fingerprint(self) -> str:
        """See `ModelRegistry.reranker_fingerprint`."""
        return self._loader.reranker_fingerprint()

    @property
    def generator(self) -> str:
        """What writes answers, and how: all that decides what it writes.

        :raises InvalidSetting: if there can be no such generator.
        """
        settings = self._settings
        self._generators.current()
        manner = (
            settings.generator_model,
            settings.prompt_tokens,
            settings.max_answer_tokens,
            settings.temperature,
            settings.unsupported.value,
        )
        return f"{settings.generator} {manner}"

    def search(self, caller: Caller, request: SearchRequest) -> SearchResult:
        """See `Service.search`."""
        result, _ = self.look(caller, request)
        places = PlaceLookup.of(result.hits, self._catalog.versions.places)
        return replace(result, hits=places.hits(result.hits))

    def answer(
        self, caller: Caller, request: AnswerRequest, ready: Mapping[str, F32Vector] = NOTHING_READY
    ) -> Answer:
        """See `Service.answer`; `ready` as in `look`."""
        return whole_answer(self.stream(caller, request, ready))

    def stream(
        self, caller: Caller, request: AnswerRequest, ready: Mapping[str, F32Vector] = NOTHING_READY
    ) -> Iterator[AnswerEvent]:
        """See `Service.stream_answer`; `ready` as in `look`."""
        started = time.perf_counter()
        search = SearchRequest(
            corpora=request.corpora,
            query=request.question,
            k=request.k,
            mode=Mode.HYBRID,
            where=request.where,
            at=request.at,
            history=request.history,
        )
        result, found = self.look(caller, search, ready)
        places = PlaceLookup.of(result.hits, self._catalog.versions.places)
        result = replace(result, hits=places.hits(result.hits))
        commits = {each.snapshot.corpus.name: each.snapshot.commit for each in found}
        listed = None if request.history else self._listed(caller, request, found)
        events = stream_answer(
            RetrievedPassages(result, tuple(found), time.perf_counter() - started, listed),
            Writers(
                self._generators.current(),
                self._documents,
                self._loader.reader(),
                self._generators.writer(),
                self._tables,
            ),
            self._manner(request),
        )
        with closed_after(events):
            for event in events:
                if isinstance(event, DoneEvent):
                    event = DoneEvent(replace(event.answer, commits=commits))
                yield places.event(event)

    def _listed(
        self, caller: Caller, request: AnswerRequest, found: Sequence[Retrieval]
    ) -> DocumentList | None:
        try:
            return self.relations.listed(caller, request.question, request.where, found)
        except StaleContent:
            # gc took a commit or a text since it was searched: what was found is all there is.
            return None

    @property
    def refusal_threshold(self) -> float:
        """The confidence in [0, 1] below which a question is refused."""
        model = load_model(with_reader=self._loader.reader() is not None)
        return model.threshold(self._settings.max_false_refusals)

    def grounds(self, caller: Caller, request: SearchRequest) -> list[Grounds | None]:
        """See `Service.grounds`."""
        result, found = self.look(caller, request)
        return [
            grounds_of(
                looked,
                [hit for hit in result.hits if hit.corpus == looked.snapshot.corpus.name],
                shape_of(looked),
                self._documents,
                self._loader.reader(),
            )
            for looked in found
        ]

    def _manner(self, request: AnswerRequest) -> AnswerOptions:
        settings = self._settings
        return AnswerOptions(
            settings.max_false_refusals,
            settings.unsupported,
            request.history,
            request.max_tokens,
            settings.temperature if request.temperature is None else request.temperature,
            request.stop,
            request.instructions,
        )

    def warm_up(self) -> None:
        """Load the default models now, so that the first question does not wait for them."""
        self._loader.warm_up()
        self._generators.warm_up()

    def refresh(self, caller: Caller, name: str) -> None:
        """Take in the newest commit of a corpus, if it is still there and anything of it was taken in before.

        Who has nothing of it in memory, and follows nothing, reads the newest when it asks.
        """
        with suppress(CorpusNotFound):
            corpus = self._catalog.corpora.get(caller, name)
            if self.followed or self._keeper.held(corpus.uid) is not None:
                self._take_in(corpus)

    def refresh_all(self, caller: Caller) -> list[RagsvcError]:
        """Take in the newest commit of every corpus, and forget those that are gone.

        :return: why some corpora stay at an older commit; the others are up to date.
        """
        live: set[str] = set()
        failures: list[RagsvcError] = []
        for summary in self._catalog.corpora.summaries(caller):
            try:
                corpus = self._catalog.corpora.get(caller, summary.name)
                live.add(corpus.uid)
                self._take_in(corpus)
            except CorpusNotFound:
                continue
            except RagsvcError as error:
                failures.append(error)
        self._keeper.forget(live)
        self._loader.keep_only(self._keeper.profiles())
        return failures

    def check_files(self) -> None:
        """See `SnapshotCache.check_files`."""
        self._keeper.check_files()

    def _take_in(self, corpus: Corpus) -> None:
        held = self._keeper.held(corpus.uid)
        if held is not None and held.corpus.profile.id != corpus.profile.id:
            # Another model: loaded before the head moves here, so that no question waits for it.
            self._loader.warm_up(corpus.profile)
        self._keeper.current(corpus)

    def look(
        self, caller: Caller, request: SearchRequest, ready: Mapping[str, F32Vector] = NOTHING_READY
    ) -> tuple[SearchResult, list[Retrieval]]:
        """Search, and keep what is needed to look closer at what was found.

        :param ready: the embedded query by fingerprint of the embedder, where it was embedded before.
        """
        if not request.corpora:
            raise InvalidRequest("no corpus was named", hint="name at least one")
        check_question("the question", request.query, self._settings.max_question_chars)
        check_history(request.history, self._settings.max_question_chars)
        if not 1 <= request.k <= MAX_K:
            raise InvalidRequest(f"k must be 1 to {MAX_K}, not {request.k}", hint="choose k from this range")
        where = None if request.where is None else parse_filter(request.where)
        names = tuple(dict.fromkeys(request.corpora))
        # By embedder: corpora that share one need the question embedded once.
        # A follow-up is searched by another vector than its own.
        vectors = {} if request.history else dict(ready)
        looked = [self._look(caller, name, request, where, vectors) for name in names]
        result = SearchResult(
            corpus=",".join(names),
            commit=max(item.snapshot.commit for item in looked),
            query=request.query,
            mode=request.mode,
            hits=merge([hit for item in looked for hit in item.hits], request.k),
            searched=_searched(request, looked),
        )
        return result, looked

    def _look(
        self,
        caller: Caller,
        name: str,
        request: SearchRequest,
        where: Filter | None,
        vectors: dict[str, F32Vector],
    ) -> Retrieval:
        def once(attempt: int) -> Retrieval:
            if attempt:
                self.refresh(caller, name)
            return self._look_once(caller, name, request, where, vectors)

        # gc may take a commit while it is read: the head is always there.
        return retry_stale(once, ATTEMPTS)

    def _look_once(
        self,
        caller: Caller,
        name: str,
        request: SearchRequest,
        where: Filter | None,
        vectors: dict[str, F32Vector],
    ) -> Retrieval:
        snapshot = self.snapshot(caller, name, request.at)
        # Everything below is of the snapshot's own profile: the head may have another by now.
        corpus = snapshot.corpus
        parts = self._loader.parts(corpus.profile)
        where = self.relations.resolved(caller, corpus, where)
        allowed = snapshot.allowed(self._catalog, where, caller)
        speller = Speller(snapshot, self._catalog, parts.analyser, parts.tokeniser)
        read = speller.read(request.query, allowed)
        if read != request.query:
            # Another corpus may read it otherwise.
            vectors = {}
        rewritten = parts.rewriter.rewrite(read, request.history)
        vector = None
        if request.mode is not Mode.LEXICAL and snapshot.index.rows:
            embedder = corpus.profile.embedder_fingerprint
            if embedder not in vectors:
                vectors[embedder] = mixed(rewritten, parts.embedder.embed_queries(query_texts(rewritten)))
            vector = vectors[embedder]
        query = prepare_rewritten(rewritten, request.mode, vector, parts.analyser)
        known = self._catalog.chunks.term_ids(query.terms) if query.terms else {}
        shown: list[Hit] = []
        if snapshot.index.rows:
            ranked = rank(snapshot, query, known, allowed, self.weights_of(parts), self.close_look(parts))
            reading = SearchScope(self._catalog, corpus, snapshot, where, caller)
            shown = hits(reading, ranked, request.k, request.collapse)
            self._catalog.history.check_kept(corpus)
        return Retrieval(parts, snapshot, query, known, tuple(shown))

    def weights_of(self, parts: ProfileParts) -> Weights:
        """How the legs are fused."""
        many = parts.analyser.version == MULTILINGUAL
        full_match = FULL_MATCH if many else 0.0
        return Weights(self._settings.fusion, self._settings.dense_weight, full_match)

    def close_look(self, parts: ProfileParts) -> RerankStage | None:
        """The second look at the best candidates that the settings ask for.

        :raises ModelNotFound: if its model is not to be had.
        """
        reranker = self._loader.reranker(parts.analyser)
        return None if reranker is None else RerankStage(reranker, self._catalog.passages.chunk_texts)

    def snapshot(self, caller: Caller, name: str, at: str | None) -> Snapshot:
        """One corpus at a commit; `at` as in `SearchRequest`.

        :raises CorpusNotFound: if there is none of this name.
        """
        if at is not None:
            return self._keeper.past(self._catalog.history.corpus_at(caller, name, at))
        corpus = self._catalog.corpora.get(caller, name)
        held = self._keeper.held(corpus.uid) if self.followed else None
        return held or self._keeper.current(corpus)


def _searched(request: SearchRequest, looked: Sequence[Retrieval]) -> str | None:
    """What was searched for, where it may be other than what was typed."""
    read = [each.query.searched for each in looked]
    if request.history:
        return read[0]
    return next((each for each in read if each != request.query), None)
