"""A quoted answer: its markers, its citations, and what a caller allows of it."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from pipeline.grounded import PLAIN, hits_of, parts_of

from ragsvc.domain import Answer, CommitId, FinishReason, Span
from ragsvc.pipeline.generation.composition import AnswerPart
from ragsvc.pipeline.generation.quotation import Quotation

SENTENCES = ("Backups are made nightly.", "They rest thirty days.", "Anna restores any file quickly.")
WHOLE = "Backups are made nightly. [1] They rest thirty days. [1] Anna restores any file quickly. [2]"
TEXTS = (" ".join(SENTENCES[:2]), SENTENCES[2])
EMPTY = Answer(
    corpus="c",
    commit=CommitId(1),
    question="q",
    answered=False,
    answer="no",
    confidence=0.5,
    citations=(),
    passages=(),
    generator="",
    timings_s={},
)


def quotation(
    max_tokens: int | None,
    stop: tuple[str, ...],
    count: Callable[[str], int] = lambda s: len(s.split()),
) -> Quotation:
    documents = parts_of(TEXTS, PLAIN)
    places = [(1, TEXTS[0].index(SENTENCES[0])), (1, TEXTS[0].index(SENTENCES[1])), (2, 0)]
    found = [
        AnswerPart(sentence, number, documents[number], (Span(at, at + len(sentence)),), True)
        for sentence, (number, at) in zip(SENTENCES, places, strict=True)
    ]
    return Quotation(found, hits_of(TEXTS), max_tokens=max_tokens, stop=stop, count=count)


def test_markers_count_documents_in_order_of_appearance() -> None:
    answer = quotation(None, ()).finished(EMPTY)
    assert answer.answer == WHOLE
    assert [(c.marker, c.document_id, c.quote) for c in answer.citations] == [
        (1, "d1", SENTENCES[0]),
        (1, "d1", SENTENCES[1]),
        (2, "d2", SENTENCES[2]),
    ]


def test_sentences_are_kept_whole_as_long_as_one_fits() -> None:
    assert "".join(quotation(12, ()).pieces()) == "Backups are made nightly. [1] They rest thirty days. [1]"
    assert "".join(quotation(3, ()).pieces()) == "Backups are made"
    assert "".join(quotation(100, ("thirty",)).pieces()) == "Backups are made nightly. [1] They rest"
    assert quotation(12, ()).finished(EMPTY).finish is FinishReason.LENGTH
    assert quotation(100, ("thirty",)).finished(EMPTY).finish is FinishReason.STOP


def test_what_is_cut_is_not_cited() -> None:
    assert [c.quote for c in quotation(100, ("thirty",)).finished(EMPTY).citations] == [SENTENCES[0]]
    assert quotation(3, ()).finished(EMPTY).citations == ()


@given(st.integers(1, 20) | st.none(), st.lists(st.sampled_from(["a", ". ", "[", "rest", "\n", "Backups"])))
def test_the_answer_is_the_beginning_that_is_allowed(max_tokens: int | None, stop: list[str]) -> None:
    answer = quotation(max_tokens, tuple(stop)).finished(EMPTY)
    assert WHOLE.startswith(answer.answer)
    assert not any(each in answer.answer for each in stop)
    assert max_tokens is None or len(answer.answer.split()) <= max_tokens
