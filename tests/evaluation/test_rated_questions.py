"""Rated answers as questions: what is right is what people said, and every line is a question."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from made_records import made_record

from ragsvc.domain import AnswerRecord, RecordFeedback, RecordOrigin, Role
from ragsvc.evaluation.drafts.rated_questions import RatingGap, rated_questions
from ragsvc.evaluation.questions import Question, parse


def said(score: float, correction: str = "") -> RecordFeedback:
    return RecordFeedback(
        record="r",
        owner="ada",
        created_at="2026-01-01",
        score=score,
        label="",
        comment="",
        corrected_answer=correction,
        tags=(),
    )


def question_of(record: AnswerRecord, *others: AnswerRecord, **options: Any) -> Question:
    found = rated_questions([record, *others], **options)
    (line,) = found.lines
    return parse(json.dumps(line).encode(), "line-1")


def test_a_good_answer_is_right_where_it_stands() -> None:
    question = question_of(made_record(id="a1", feedback=(said(1.0),)))
    assert (question.id, question.text, question.answers) == ("a1", "How often?", ("Nightly.",))
    assert question.documents == {"r/a.md": 1}
    span = question.spans[0]
    assert (span.document_id, span.start, span.end, span.quote) == ("r/a.md", 0, 7, "Nightly")


def test_a_corrected_answer_is_right_whatever_was_answered() -> None:
    opinions = (said(-1.0, "Weekly."), said(1.0), said(-1.0, "Monthly."), said(-0.5))
    question = question_of(made_record(answered=False, feedback=opinions))
    assert (question.answers, question.documents, question.answerable) == (("Monthly.",), {}, True)


def test_a_refusal_that_was_right_has_no_answer() -> None:
    assert not question_of(made_record(answered=False, citations=(), feedback=(said(1.0),))).answerable


def test_what_is_left_out_is_counted() -> None:
    records = [
        made_record(),
        made_record(feedback=(said(-1.0), said(0.5))),
        made_record(question="", feedback=(said(1.0),)),
        made_record(origin=RecordOrigin.SYNTHETIC, feedback=(said(1.0),)),
    ]
    found = rated_questions(records)
    assert found.lines == ()
    assert found.skipped == {
        RatingGap.UNRATED: 1,
        RatingGap.WITHOUT_CORRECTION: 1,
        RatingGap.WITHOUT_TEXT: 1,
        RatingGap.SYNTHETIC: 1,
    }
    assert question_of(*records, synthetic=True).origin == "synthetic"
    assert rated_questions([made_record(feedback=(said(1),))], corpus="two").lines == ()


def test_the_turns_before_are_its_history() -> None:
    first = made_record(id="1", session="s", question="Who?", answer="Ada.", created_at="2026-01-01T01")
    second = made_record(
        id="2", session="s", parent="1", question="And then?", answer="Bob.", created_at="2026-01-01T02"
    )
    third = made_record(id="3", session="s", parent="2", feedback=(said(1.0),), created_at="2026-01-01T03")
    question = question_of(third, second, first)
    assert [(turn.role, turn.content) for turn in question.history] == [
        (Role.USER, "Who?"),
        (Role.ASSISTANT, "Ada."),
        (Role.USER, "And then?"),
        (Role.ASSISTANT, "Bob."),
    ]


texts = st.sampled_from(["", " ", "Nightly. [1]", "[1]", "Weekly\nor not", "日本"])


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            texts,
            texts,
            st.booleans(),
            st.lists(st.tuples(st.floats(-1, 1), texts), max_size=3),
            st.none() | st.integers(0, 5),
            st.sampled_from(RecordOrigin),
        ),
        max_size=6,
    )
)
def test_every_line_is_a_question_and_every_record_is_accounted_for(rows: list[Any]) -> None:
    records = [
        made_record(
            id=str(number),
            question=question,
            answer=answer,
            answered=answered,
            feedback=tuple(said(*each) for each in opinions),
            parent=None if parent is None else str(parent),
            origin=origin,
        )
        for number, (question, answer, answered, opinions, parent, origin) in enumerate(rows)
    ]
    found = rated_questions(records, synthetic=True)
    assert len(found.lines) + sum(found.skipped.values()) == len(records)
    for line in found.lines:
        question = parse(json.dumps(line).encode(), "line-1")
        assert question.id == line["id"]
