"""What shape of answer a question asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.models.embedder import SentenceTransformerEmbedder
from ragsvc.pipeline.grounding.answer_shape import FITTED_TO, SMALL_TALK, AnswerShape, shape_model


@pytest.mark.e2e
def test_questions_of_other_subjects_have_the_shape_that_they_ask_for() -> None:
    asked = {
        "how do I descale the kettle?": AnswerShape.STEPS,
        "is there a night bus?": AnswerShape.YES_NO,
        "how many oars are there?": AnswerShape.COUNT,
        "thanks a lot!": AnswerShape.THANKS,
        "hello": AnswerShape.GREETING,
        "what can you do?": AnswerShape.CAPABILITY,
        "summarise this document": AnswerShape.SUMMARY,
    }
    vectors = SentenceTransformerEmbedder(FITTED_TO, threads=1).embed_queries(list(asked))
    model = shape_model()
    found = {q: model.shape_of(q, vector) for q, vector in zip(asked, vectors, strict=True)}
    assert found == asked


@given(st.text(max_size=80))
def test_every_question_has_a_shape_and_probabilities_that_add_up(question: str) -> None:
    known = shape_model().probabilities(question)
    assert set(known) <= set(AnswerShape)
    assert sum(known.values()) == pytest.approx(1.0)
    assert isinstance(shape_model().shape_of(question), AnswerShape)


def test_a_long_question_is_no_small_talk() -> None:
    question = "thanks, and what does the warranty of the pump that I bought last year cover, also in winter?"
    assert shape_model().shape_of(question) not in SMALL_TALK
