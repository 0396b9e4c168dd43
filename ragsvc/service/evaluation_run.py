"""Searches and answers of thousands of questions over one commit: what is shared by them is done once."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ragsvc import __version__
from ragsvc.domain import (
    AnswerRequest,
    Citation,
    Collapse,
    F32Vector,
    Mode,
    Progress,
    SearchRequest,
)
from ragsvc.errors import DocumentNotFound
from ragsvc.evaluation.answers import AnswerOutcome
from ragsvc.evaluation.citation_metrics import Place
from ragsvc.evaluation.questions import GoldSpan, Question
from ragsvc.evaluation.retrieval import RetrievedChunk, Search
from ragsvc.pipeline.grounding.answerability import MODEL_FILE
from ragsvc.pipeline.profile_parts import ProfileParts
from ragsvc.pipeline.retrieval.chunk_locations import ChunkLocations
from ragsvc.pipeline.retrieval.search import MAX_K, SearchScope, rank
from ragsvc.pipeline.retrieval.search_query import prepare
from ragsvc.pipeline.retrieval.spelling import Speller
from ragsvc.service.queries import QueryService
from ragsvc.service.vector_cache import VectorCache
from ragsvc.settings import Settings
from ragsvc.store.catalog import Catalog

EMBED_STEP = 256
# Questions that are asked for their latency; a hundred say no more of it.
TIMED = 50


def query_vectors(
    catalog: Catalog, parts: ProfileParts, texts: Sequence[str], told: Callable[[Progress], None]
) -> dict[str, F32Vector]:
    """Embed queries in batches, each text once in the life of a catalog (until gc), where it can be kept.

    :return: (dim,) float32 by text.
    """
    memory = VectorCache(catalog, parts.profile.embedder_fingerprint, parts.profile.spec.embedder.dimension)
    # No text that is stored begins so: a query must not be taken for a document, whose prefix differs.
    hashes = {
        text: hashlib.sha256(b"query\0" + text.encode("utf-8")).digest() for text in dict.fromkeys(texts)
    }
    held = memory.held(list(hashes.values()))
    missing = [text for text, digest in hashes.items() if digest not in held]
    for start in range(0, len(missing), EMBED_STEP):
        told(Progress("embed", start, len(missing), "questions"))
        some = missing[start : start + EMBED_STEP]
        matrix = parts.embedder.embed_queries(some)
        made = {hashes[text]: row for text, row in zip(some, matrix, strict=True)}
        memory.keep(made)
        held.update(made)
    return {text: held[digest] for text, digest in hashes.items()}


@dataclass(slots=True)
class EvaluationRun:
    """One commit of one corpus, as one caller sees it through one filter.

    vectors: of the questions, by text.
    """

    catalog: Catalog
    asker: QueryService
    settings: Settings
    parts: ProfileParts
    reading: SearchScope
    where: Mapping[str, object] | None
    vectors: Mapping[str, F32Vector]

    def decides(self) -> dict[str, object]:
        """All that decides what is found and answered here but the settings, as JSON values.

        :raises ModelError: if the reranker's model cannot be used.
        """
        corpus, caller = self.reading.corpus, self.reading.caller
        return {
            "version": __version__,
            "caller": [caller.principal, sorted(caller.groups), caller.tenant],
            "corpus": corpus.uid,
            "commit": corpus.commit_uid,
            "profile": corpus.profile.fingerprint,
            "reranker": self.asker.reranker_fingerprint(),
            "answerability": hashlib.sha256(MODEL_FILE.read_bytes()).hexdigest(),
            "generator": self.asker.generator,
        }

    def searches(self, questions: Sequence[Question], modes: Sequence[Mode]) -> Mapping[str, Search]:
        """A way to search in each mode; it finds what `Service.search` finds without collapsing."""
        terms = {term for question in questions for term in self.parts.analyser.terms(question.text)}
        known = self.catalog.chunks.term_ids(terms)
        places = ChunkLocations(self.reading)
        snapshot = self.reading.snapshot
        allowed = snapshot.allowed(self.catalog, self.reading.where, self.reading.caller)
        weights, close = self.asker.weights_of(self.parts), self.asker.close_look(self.parts)

        speller = Speller(snapshot, self.catalog, self.parts.analyser, self.parts.tokeniser)

        def search(mode: Mode, question: Question) -> list[RetrievedChunk]:
            if question.history or speller.read(question.text, allowed) != question.text:
                return self._as_asked(mode, question)
            vector = None if mode is Mode.LEXICAL else self.vectors[question.text]
            query = prepare(question.text, mode, vector, self.parts.analyser)
            best = places.best(rank(snapshot, query, known, allowed, weights, close), MAX_K)
            return [RetrievedChunk(held.document_id, held.start, held.end, score) for score, held in best]

        return {mode.value: partial(search, mode) for mode in modes}

    def _as_asked(self, mode: Mode, question: Question) -> list[RetrievedChunk]:
        """What is searched for is not what was typed: the service's own way finds it out."""
        request = SearchRequest(
            corpora=(self.reading.corpus.name,),
            query=question.text,
            k=MAX_K,
            mode=mode,
            where=self.where,
            collapse=Collapse.OFF,
            at=str(self.reading.corpus.commit),
            history=question.history,
        )
        result, _ = self.asker.look(self.reading.caller, request)
        passages = [(hit.passage, hit.score) for hit in result.hits]
        return [RetrievedChunk(each.document_id, each.start, each.end, score) for each, score in passages]

    def ask(self, question: Question, k: int) -> AnswerOutcome:
        """Answer as the service does, and read every citation back."""
        ready: dict[str, F32Vector] = {}
        if not question.history:
            ready[self.parts.profile.embedder_fingerprint] = self.vectors[question.text]
        answer = self.asker.answer(self.reading.caller, self._request(question, k), ready)
        return AnswerOutcome(answer, tuple(self._reads_back(citation) for citation in answer.citations))

    def seconds(
        self,
        fresh: Callable[[], QueryService],
        questions: Sequence[Question],
        k: int,
        told: Callable[[Progress], None],
    ) -> dict[str, list[float]]:
        """Ask the first questions one after the other, as a service that was just started is asked.

        Its models are loaded and what it reads of the catalog has been read before; nothing that was
        embedded for these questions is there, so that the next run takes as long.

        :param fresh: gives what answers, without memory of earlier questions.
        :return: of each stage and of all, one per question.
        """
        some = questions[:TIMED]
        found: dict[str, list[float]] = {}
        # What is slow only once: loading, and the first look at the files.
        fresh().answer(self.reading.caller, self._request(some[0], k))
        asker = fresh()
        for number, question in enumerate(some):
            told(Progress("latency", number, len(some), "questions"))
            started = time.perf_counter()
            answer = asker.answer(self.reading.caller, self._request(question, k))
            total = time.perf_counter() - started
            for stage, value in {**answer.timings_s, "total": total}.items():
                found.setdefault(stage, []).append(value)
        return found

    def _request(self, question: Question, k: int) -> AnswerRequest:
        name, at = self.reading.corpus.name, str(self.reading.corpus.commit)
        return AnswerRequest(
            corpora=(name,), question=question.text, k=k, where=self.where, at=at, history=question.history
        )

    def _reads_back(self, citation: Citation) -> bool:
        stored = self.catalog.documents.text(
            self.reading.caller,
            self.reading.corpus,
            citation.document_id,
            citation.version,
            citation.start,
            citation.end,
        )
        return bool(citation.quote) and stored.text == citation.quote


class GoldTexts:
    """Where gold spans stand in the texts of a commit."""

    def __init__(self, catalog: Catalog, reading: SearchScope) -> None:
        self._catalog = catalog
        self._reading = reading
        self._last: tuple[str, str] = ("", "")

    def places(self, question: Question) -> tuple[list[Place], list[str]]:
        """The spans of a question as places.

        :return: and what is odd about them, in words for a person; a span without a place is left out.
        """
        found: list[Place] = []
        wrong: list[str] = []
        for span in question.spans:
            try:
                text = self._text(span.document_id)
            except DocumentNotFound as error:
                wrong.append(f"{error.message}: its span is left out")
                continue
            place = _place(span, text)
            if place is None:
                wrong.append(f"the document {span.document_id!r} does not hold the span, which is left out")
            else:
                quote = span.quote if span.start is None else None
                if quote is not None and (times := text.count(quote)) > 1:
                    where = f"stands {times} times in {span.document_id!r}"
                    wrong.append(f"the quote {quote[:40]!r} {where}: the first counts")
                found.append((span.document_id, *place))
        return found, wrong

    def _text(self, document_id: str) -> str:
        if self._last[0] != document_id:
            caller, corpus = self._reading.caller, self._reading.corpus
            version = self._catalog.documents.get(caller, corpus, document_id, corpus.commit).version
            stored = self._catalog.documents.text(caller, corpus, document_id, version)
            self._last = (document_id, stored.text)
        return self._last[1]


def _place(span: GoldSpan, text: str) -> tuple[int, int] | None:
    if span.start is not None and span.end is not None:
        there = text[span.start : span.end]
        if there == span.quote or (span.quote is None and len(there) == span.end - span.start):
            return span.start, span.end
    if span.quote is None:
        return None
    start = text.find(span.quote)
    if start >= 0:
        return start, start + len(span.quote)
    # Lines may be broken elsewhere in the file that the quote was copied from.
    words = r"\s+".join(map(re.escape, span.quote.split()))
    match = re.search(words, text)
    return match.span() if match else None
