"""Passages -> evidence -> decision -> generator -> checked markers -> citations."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from ragsvc.domain import (
    Answer,
    AnswerEvent,
    CitationEvent,
    Computation,
    DoneEvent,
    FinishReason,
    GenerationRequest,
    Hit,
    PassagesEvent,
    SearchResult,
    TokenEvent,
    Turn,
    UnsupportedSentence,
)
from ragsvc.pipeline.generation.answer_stream import AnswerStream
from ragsvc.pipeline.generation.composition import MARKER_LIKE, AnswerPart, compose
from ragsvc.pipeline.generation.document_roll import roll
from ragsvc.pipeline.generation.paraphrase import Paraphrase
from ragsvc.pipeline.generation.quotation import NAME, RELATIONS, TABLE, Quotation
from ragsvc.pipeline.grounding.answer_shape import SHORT_ANSWERS, SMALL_TALK
from ragsvc.pipeline.grounding.documents import DocumentReader, WholeText
from ragsvc.pipeline.grounding.judgement import Judgement, judge, shape_of
from ragsvc.pipeline.grounding.passage_ground import CitedSpans
from ragsvc.pipeline.grounding.scored_unit import evidence_of
from ragsvc.pipeline.iterators import closed_after
from ragsvc.pipeline.relations.document_list import DocumentList
from ragsvc.pipeline.replies import refusal, small_talk
from ragsvc.pipeline.retrieval.query_rewriter import turns_read
from ragsvc.pipeline.retrieval.search import Retrieval
from ragsvc.pipeline.tables.computation import computed_answer, may_be_computed
from ragsvc.pipeline.tables.stored_tables import TableReader
from ragsvc.protocols import Chat, Generator, Reader, Tokeniser
from ragsvc.text.escapes import unescaped

# How often an empty piece is given on while nothing can be shown: there a client that went away is noticed.
BEAT_S = 0.05


@dataclass(frozen=True, slots=True)
class RetrievedPassages:
    """What retrieval hands over; each corpus from one commit.

    looked: per corpus. seconds: what retrieval took. listed: the documents that the question asks for, where
    it asks which documents mention something.
    """

    result: SearchResult
    looked: tuple[Retrieval, ...]
    seconds: float
    listed: DocumentList | None = None


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """How an answer is written.

    max_false_refusals: (0, 1), the share of answerable questions that may be refused.
    unsupported: what becomes of sentences that no passage bears out.
    history, max_tokens, temperature, stop, instructions: as in Generation.
    """

    max_false_refusals: float
    unsupported: UnsupportedSentence = UnsupportedSentence.FLAG
    history: tuple[Turn, ...] = ()
    max_tokens: int | None = None
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Writers:
    """What answers are made with.

    generator: what writes; None: the answer quotes. documents: gives the documents of passages. reader: finds
    answers in passages; None: there is none. writer: says anew what would be quoted; None: nothing does.
    tables: gives the tables of passages.
    """

    generator: Generator | None
    documents: DocumentReader
    reader: Reader | None
    writer: Chat | None = None
    tables: TableReader = field(default_factory=TableReader)

    @property
    def name(self) -> str:
        """Shown as `generator` in an answer."""
        writer = self.writer or self.generator
        return NAME if writer is None else writer.name


def stream_answer(found: RetrievedPassages, writers: Writers, manner: AnswerOptions) -> Iterator[AnswerEvent]:
    """Answer a question, piece by piece; the last event holds the whole answer."""
    started = time.perf_counter()
    shape = shape_of(found.looked[0])
    named = found.result.corpus.replace(",", ", ")
    answer = Answer(
        corpus=found.result.corpus,
        commit=found.result.commit,
        question=found.result.query,
        answered=False,
        answer=refusal(found.result.query, named),
        confidence=0.0,
        citations=(),
        passages=found.result.hits,
        generator=writers.name,
        timings_s={},
        searched=found.result.searched,
    )
    if shape in SMALL_TALK:
        # What was found for a greeting is about nothing that was asked.
        answer = replace(answer, answer=small_talk(shape, answer.question, named), passages=())
        yield PassagesEvent(())
        yield TokenEvent(answer.answer)
        yield DoneEvent(_counted(answer, manner.history, found.looked[0].parts.tokeniser))
        return
    computed = _listed(found, manner, answer) or _computed(found, writers, manner, answer)
    yield PassagesEvent(computed.passages if computed else answer.passages)
    if computed is not None:
        spent = {"retrieve": round(found.seconds, 6), "compute": round(time.perf_counter() - started, 6)}
        yield TokenEvent(computed.answer)
        for citation in computed.citations:
            yield CitationEvent(citation)
        computed = replace(computed, timings_s=spent)
        yield DoneEvent(_counted(computed, manner.history, found.looked[0].parts.tokeniser))
        return
    by_corpus = [
        (looked, [hit for hit in answer.passages if hit.corpus == looked.snapshot.corpus.name])
        for looked in found.looked
    ]
    judged = judge(by_corpus, shape, writers.documents, writers.reader, manner.max_false_refusals)
    answer = replace(answer, confidence=round(judged.confidence, 6))
    decided = time.perf_counter()
    if not judged.refused:
        anew = writers.writer is not None and judged.shape in SHORT_ANSWERS
        written = _generated if writers.generator else _said_anew if anew else _quoted
        for event in written(found, writers, manner, judged, answer):
            if isinstance(event, DoneEvent):
                answer = event.answer
            else:
                yield event
        for citation in answer.citations:
            yield CitationEvent(citation)
    else:
        yield TokenEvent(answer.answer)
    ended = time.perf_counter()
    timings = {
        "retrieve": round(found.seconds, 6),
        "evidence": round(decided - started, 6),
        "generate": round(ended - decided, 6),
    }
    # Which model a server has may be known only now.
    answer = replace(answer, timings_s=timings, generator=writers.name)
    yield DoneEvent(_counted(answer, manner.history, found.looked[0].parts.tokeniser))


def _listed(found: RetrievedPassages, manner: AnswerOptions, answer: Answer) -> Answer | None:
    """The list of documents that the question asks for; None where it asks for none."""
    if found.listed is None:
        return None
    parts, hits, computation = roll(found.listed)
    answer = replace(answer, passages=hits)
    return _whole(parts, found, manner, answer, generator=RELATIONS, computation=computation)


def _whole(
    parts: Sequence[AnswerPart],
    found: RetrievedPassages,
    manner: AnswerOptions,
    answer: Answer,
    *,
    generator: str,
    computation: Computation,
) -> Answer | None:
    """An answer that was computed; None where it would be cut: half of it may say something else."""
    count = found.looked[0].parts.tokeniser.count
    said = Quotation(parts, answer.passages, max_tokens=manner.max_tokens, stop=manner.stop, count=count)
    whole = Quotation(parts, answer.passages, max_tokens=None, stop=(), count=count)
    if "".join(said.pieces()) != "".join(whole.pieces()):
        return None
    return replace(said.finished(answer), generator=generator, confidence=1.0, computation=computation)


def _computed(
    found: RetrievedPassages, writers: Writers, manner: AnswerOptions, answer: Answer
) -> Answer | None:
    """The answer that tables among the passages give by computing; None where they give none."""
    question = found.result.query
    # A follow-up means more than it says.
    alone = not manner.history or found.looked[0].query.text == question
    inside = [hit for hit in answer.passages if "|" in hit.passage.text]
    if not alone or not inside or not may_be_computed(question):
        return None
    tables = writers.tables.tables(inside, writers.documents.texts(inside))
    made = computed_answer(question, tables)
    if made is None:
        return None
    version = made.table.version
    part = AnswerPart(
        MARKER_LIKE.sub(r"(\1)", made.text),
        made.table.rank,
        WholeText(version.text, version.pages),
        made.spans,
        prose=True,
    )
    computation = Computation(made.query, made.rows)
    return _whole((part,), found, manner, answer, generator=TABLE, computation=computation)


def _quoted(
    found: RetrievedPassages, _: Writers, manner: AnswerOptions, judged: Judgement, answer: Answer
) -> Iterator[AnswerEvent]:
    """The answer in the words of the documents, then all of it in a DoneEvent."""
    parts = found.looked[0].parts
    quotation = Quotation(
        compose(judged.units, judged.shape, parts.analyser, judged.question),
        answer.passages,
        max_tokens=manner.max_tokens,
        stop=manner.stop,
        count=parts.tokeniser.count,
    )
    yield from map(TokenEvent, quotation.pieces())
    yield DoneEvent(quotation.finished(answer))


def _said_anew(
    found: RetrievedPassages, writers: Writers, manner: AnswerOptions, judged: Judgement, answer: Answer
) -> Iterator[AnswerEvent]:
    """The answer in a small model's words where its units bear them out, then all of it in a DoneEvent."""
    assert writers.writer is not None
    parts = found.looked[0].parts
    composed = compose(judged.units, judged.shape, parts.analyser, judged.question)
    paraphrase = Paraphrase(writers.writer, writers.reader, parts.analyser, answer.passages, judged.question)
    quoted = partial(
        Quotation,
        passages=answer.passages,
        max_tokens=manner.max_tokens,
        stop=manner.stop,
        count=parts.tokeniser.count,
    )
    # A text at which the answer ends may begin in one part and end in the next; and where something is
    # escaped, what is right for a part depends on those that follow.
    whole = "".join(quoted(composed, max_tokens=None, stop=()).pieces())
    at_once = not manner.stop and unescaped(whole) == whole
    said: list[AnswerPart] = []
    shown = ""
    # Whoever hands this on may now wait for a model, and not for its turn.
    yield TokenEvent("")
    told = time.perf_counter()
    with closed_after(paraphrase.parts(composed, manner.temperature)) as coming:
        for part in coming:
            text = shown
            if part is not None:
                said.append(part)
                text = "".join(quoted(said).pieces()) if at_once else shown
            if text != shown or time.perf_counter() - told >= BEAT_S:
                yield TokenEvent(text[len(shown) :])
                shown, told = text, time.perf_counter()
            if part is not None and quoted(said).finish is FinishReason.LENGTH:
                break
    finished = quoted(said).finished(answer)
    yield TokenEvent(finished.answer[len(shown) :])
    yield DoneEvent(
        replace(
            finished,
            prompt_tokens=sum(each.prompt_tokens for each in paraphrase.spent),
            completion_tokens=sum(each.completion_tokens for each in paraphrase.spent),
        )
    )


def _generated(
    found: RetrievedPassages, writers: Writers, manner: AnswerOptions, judged: Judgement, answer: Answer
) -> Iterator[AnswerEvent]:
    """What a generator writes, held against the passages, then all of it in a DoneEvent."""
    assert writers.generator is not None
    parts = found.looked[0].parts
    asked = GenerationRequest(
        question=found.result.searched or found.result.query,
        passages=answer.passages,
        evidence=tuple(map(evidence_of, judged.units)),
        history=manner.history,
        max_tokens=manner.max_tokens,
        temperature=manner.temperature,
        stop=manner.stop,
        instructions=manner.instructions,
        count=parts.tokeniser.count,
    )
    writing = AnswerStream(
        writers.generator.stream(asked),
        answer.passages,
        parts.support(answer.passages),
        CitedSpans(answer.passages, parts.analyser),
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
    yield DoneEvent(writing.finished(answer))


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


def merge(hits: Sequence[Hit], k: int) -> tuple[Hit, ...]:
    """The best k hits of several corpora, ranked anew.

    Each corpus was collapsed by itself: `duplicates` names documents of the hit's own corpus alone.
    """
    ordered = sorted(hits, key=lambda h: (-h.score, h.corpus, h.passage.document_id, h.passage.start))
    return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ordered[:k], start=1))
