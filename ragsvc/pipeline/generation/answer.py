"""Passages -> evidence -> decision -> generator -> checked markers -> citations."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragsvc.domain import (
    Answer,
    AnswerEvent,
    CitationEvent,
    DoneEvent,
    Evidence,
    Generation,
    Hit,
    PassagesEvent,
    SearchResult,
    TokenEvent,
    Turn,
    Unsupported,
)
from ragsvc.pipeline.closing import closed_after
from ragsvc.pipeline.generation.writing import Writing
from ragsvc.pipeline.grounding.answerability import features_of, load_model
from ragsvc.pipeline.grounding.evidence import find_evidence
from ragsvc.pipeline.grounding.nearness import nearness_of
from ragsvc.pipeline.grounding.support import Support
from ragsvc.pipeline.retrieval.condense import turns_read
from ragsvc.pipeline.retrieval.retrieve import Looked
from ragsvc.protocols import Generator, Tokeniser

# How often an empty piece is given on while nothing can be shown: there a client that went away is noticed.
BEAT_S = 0.05
REFUSAL = "I cannot answer this from the documents in {corpus}."


@dataclass(frozen=True, slots=True)
class Found:
    """What retrieval hands over; each corpus from one commit.

    looked: per corpus. seconds: what retrieval took.
    """

    result: SearchResult
    looked: tuple[Looked, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is written.

    max_false_refusals: (0, 1), the share of answerable questions that may be refused.
    unsupported: what becomes of sentences that no passage bears out.
    history, max_tokens, temperature, stop, instructions: as in Generation.
    """

    max_false_refusals: float
    unsupported: Unsupported = Unsupported.FLAG
    history: tuple[Turn, ...] = ()
    max_tokens: int | None = None
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    instructions: str = ""


def stream_answer(found: Found, generator: Generator, manner: Manner) -> Iterator[AnswerEvent]:
    """Answer a question, piece by piece; the last event holds the whole answer."""
    passages = found.result.hits
    yield PassagesEvent(passages)
    started = time.perf_counter()
    question = found.result.query
    standing = found.result.searched or question
    parts = found.looked[0].parts
    evidence, confidence = judge(found)
    judged = time.perf_counter()
    answer = Answer(
        corpus=found.result.corpus,
        commit=found.result.commit,
        question=question,
        answered=False,
        answer=REFUSAL.format(corpus=found.result.corpus.replace(",", ", ")),
        confidence=round(confidence, 6),
        citations=(),
        passages=passages,
        generator=generator.name,
        timings_s={},
        searched=found.result.searched,
    )
    if evidence and confidence >= load_model().threshold(manner.max_false_refusals):
        asked = Generation(
            standing,
            passages,
            tuple(evidence),
            manner.history,
            manner.max_tokens,
            manner.temperature,
            manner.stop,
            manner.instructions,
            parts.tokeniser.count,
        )
        nearness = nearness_of(parts.text_vectors, parts.profile.spec.embedder)
        writing = Writing(
            generator.stream(asked),
            passages,
            Support(passages, parts.analyser, nearness),
            manner.unsupported,
            answer.answer,
            stops=bool(manner.stop),
        )
        # What was found is judged: whoever hands this on may now wait for a model, and not for its turn.
        yield TokenEvent("")
        with closed_after(writing.pieces()) as pieces:
            told = time.perf_counter()
            for piece in pieces:
                if piece or time.perf_counter() - told >= BEAT_S:
                    yield TokenEvent(piece)
                    told = time.perf_counter()
        answer = writing.finished(answer)
        for citation in answer.citations:
            yield CitationEvent(citation)
    else:
        yield TokenEvent(answer.answer)
    ended = time.perf_counter()
    timings = {
        "retrieve": round(found.seconds, 6),
        "evidence": round(judged - started, 6),
        "generate": round(ended - judged, 6),
    }
    # Which model a server has may be known only now.
    answer = replace(answer, timings_s=timings, generator=generator.name)
    yield DoneEvent(_counted(answer, manner.history, parts.tokeniser))


def _counted(answer: Answer, history: Sequence[Turn], tokeniser: Tokeniser) -> Answer:
    """The answer with the tokens that its generator did not tell: of what was read of the messages, and
    of what was said."""
    count = tokeniser.count
    asked = (answer.question, *turns_read(history))
    return replace(
        answer,
        prompt_tokens=answer.prompt_tokens or sum(map(count, asked)),
        completion_tokens=answer.completion_tokens or count(answer.answer),
    )


def judge(found: Found) -> tuple[list[Evidence], float]:
    """Find evidence in every corpus.

    :return: evidence, best first, and the confidence of the corpus that answers best, in [0, 1].
    """
    evidence: list[Evidence] = []
    confidence = 0.0
    for looked in found.looked:
        name = looked.snapshot.corpus.name
        passages = [hit for hit in found.result.hits if hit.corpus == name]
        vector, parts = looked.query.vector, looked.parts
        # A question without a word that the analyser keeps asks for nothing that could be found.
        if vector is None or not passages or not looked.query.terms:
            continue
        sentences = find_evidence(looked.query.text, vector, passages, parts.text_vectors, parts.analyser)
        if sentences:
            confidence = max(confidence, load_model().confidence(features_of(looked, passages, sentences)))
            evidence.extend(sentences)
    return sorted(evidence, key=lambda item: -item.score), confidence


def merge(hits: Sequence[Hit], k: int) -> tuple[Hit, ...]:
    """The best k hits of several corpora, ranked anew.

    Each corpus was collapsed by itself: `duplicates` names documents of the hit's own corpus alone.
    """
    ordered = sorted(hits, key=lambda h: (-h.score, h.corpus, h.passage.document_id, h.passage.start))
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ordered[:k], start=1))
