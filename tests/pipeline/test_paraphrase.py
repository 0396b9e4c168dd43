"""Answers said anew: what a model writes stands only where its unit bears it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.grounded import ANALYSER, MARKDOWN, PLAIN, hits_of, parts_of

from ragsvc.domain import Delta, F64Matrix, FinishReason, Message, ReaderFinding, ReaderText, Span
from ragsvc.pipeline.generation.composition import AnswerPart
from ragsvc.pipeline.generation.copies import are_copied, identifiers_of
from ragsvc.pipeline.generation.paraphrase import Paraphrase, WriterSource, prompt_of
from ragsvc.pipeline.grounding.units import UnitKind, units_of

QUESTION = "When was the Ghent lock built?"
TEXTS = (
    "The Ghent lock (it has 12 gates) was built in 1969.",
    "It was then closed by Anna Peeters.",
)


class Script:
    """A Chat that writes one text, a few characters a piece, and tells what it was asked."""

    name = "script"

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked: list[str] = []
        self.ended = False

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        self.asked.append(messages[-1].content)
        try:
            yield from (Delta(self.text[at : at + 3]) for at in range(0, len(self.text), 3))
            yield Delta("", FinishReason.STOP, 7, 9)
        finally:
            self.ended = True


class Judge:
    """A Reader that says how sure it is, and finds an answer in the texts that hold it."""

    def __init__(self, support: float, answer: str = "") -> None:
        self._support = support
        self._answer = answer

    def read(self, question: str, texts: Sequence[ReaderText]) -> list[ReaderFinding]:
        starts = [text.text.find(self._answer) if self._answer else -1 for text in texts]
        return [
            ReaderFinding(
                ((at, at + len(self._answer), 2.0),) if at >= 0 else (), 2.0 if at >= 0 else -2.0, 0, 0
            )
            for at in starts
        ]

    def support(self, claim: str, texts: Sequence[str]) -> F64Matrix:
        return np.array([[self._support, 1.0 - self._support, 0.0]] * len(texts))


def units(texts: Sequence[str] = TEXTS, kind: UnitKind = UnitKind.SENTENCE) -> list[AnswerPart]:
    """Each text as a document of one unit."""
    found = []
    for number, document in parts_of(texts, PLAIN).items():
        unit = next(each for each in units_of(document) if each.kind is kind)
        found.append(AnswerPart(unit.text, number, document, (Span(unit.start, unit.end),), True, unit=unit))
    return found


def said(
    written: str, parts: Sequence[AnswerPart] | None = None, judge: Judge | None = None
) -> tuple[list[str], Paraphrase, Script]:
    script = Script(written)
    paraphrase = Paraphrase(script, judge or Judge(0.9, "1969"), ANALYSER, hits_of(TEXTS), QUESTION)
    found = [part for part in paraphrase.parts(parts or units(), 0.0) if part is not None]
    for part in found:
        # What is cited stays, whatever is said of it.
        assert part.document.slice(part.spans[0].start, part.spans[0].end) in TEXTS
    return [part.text for part in found], paraphrase, script


def test_a_sentence_that_its_unit_bears_out_stands() -> None:
    found, paraphrase, script = said(
        "The Ghent lock was built in 1969. [1] It was closed by Anna Peeters. [2]"
    )
    assert found == ["The Ghent lock was built in 1969.", "It was closed by Anna Peeters."]
    assert (paraphrase.kept, paraphrase.replaced) == (2, 0)
    assert script.asked == [f"{QUESTION}\n[1] {TEXTS[0]}\n[2] {TEXTS[1]}"]
    assert [each.completion_tokens for each in paraphrase.spent] == [9]


@pytest.mark.parametrize(
    "sentence",
    [
        "The Ghent lock was built in 1996.",
        "The Antwerp lock was built in 1969.",
        "The Ghent lock was not built in 1969.",
        "The Ghent lock was built in 1969 by Jan Claes.",
        "The old Ghent lock was built in 1969.",
        "Pears ripen late in the autumn.",
    ],
)
def test_one_that_it_does_not_bear_out_is_replaced_by_the_unit(sentence: str) -> None:
    found, paraphrase, _ = said(f"{sentence} [1] It was closed by Anna Peeters. [2]")
    assert found == [TEXTS[0], "It was closed by Anna Peeters."]
    assert (paraphrase.kept, paraphrase.replaced) == (1, 1)


def test_a_title_names_what_is_spoken_of_and_replaces_nothing() -> None:
    texts = ("# Upgrading the lock\n\nGoing back is possible for a week.", "# The lock\n\nIt has 12 gates.")
    hits = hits_of(texts)
    parts = []
    for number, document in parts_of(texts, MARKDOWN).items():
        unit = next(each for each in units_of(document) if each.kind is UnitKind.SENTENCE)
        parts.append(AnswerPart(unit.text, number, document, (Span(unit.start, unit.end),), True, unit=unit))
    back, gates = (
        WriterSource(part, hit, "Can I?", ANALYSER, None) for part, hit in zip(parts, hits, strict=True)
    )
    assert gates.bears_out("The lock has 12 gates.")
    assert back.bears_out("Going back is possible for a week.")
    assert not back.bears_out("Upgrading the lock is possible for a week.")


def test_the_reader_may_object() -> None:
    sentence = "The Ghent lock was built in 1969. [1]"
    assert said(sentence, judge=Judge(0.9, "1969"))[0][0] != TEXTS[0]
    assert said(sentence, judge=Judge(0.1, "1969"))[0][0] == TEXTS[0]


@pytest.mark.parametrize(
    ("sentence", "answer", "stands"),
    [
        ("The Ghent lock was built in 1969.", "built in 1969", True),
        ("The Ghent lock was built in 1969.", "12 gates", False),
        # Where the reader knows of no answer, all of the unit may be it.
        ("The Ghent lock was built in 1969.", "", False),
        ("The Ghent lock has 12 gates, it was built in 1969.", "", True),
        # What stands in no brackets is kept, if it is a name or a number.
        ("The lock was built in 1969.", "built in 1969", False),
    ],
)
def test_a_sentence_leaves_out_nothing_that_may_answer(sentence: str, answer: str, stands: bool) -> None:
    (part, _), (hit, _) = units(), hits_of(TEXTS)
    # What is asked for stays, brackets or not.
    gates = "Which gates has the lock?"
    assert not WriterSource(part, hit, gates, ANALYSER, Judge(0.9, "1969")).answers(
        "The Ghent lock was built in 1969."
    )
    assert WriterSource(part, hit, QUESTION, ANALYSER, Judge(0.9, answer)).answers(sentence) == stands


def test_units_that_nothing_is_written_of_are_quoted() -> None:
    assert said("")[0] == list(TEXTS)
    assert said("The Ghent lock was built in 1969. [1]")[0] == ["The Ghent lock was built in 1969.", TEXTS[1]]
    assert said("The lock was built in 1969. [7]")[0] == list(TEXTS)
    assert said("The lock was built in 1969, and then")[0] == list(TEXTS)


def test_units_keep_their_order_whatever_the_model_writes_first() -> None:
    closed = "It was closed by Anna Peeters."
    assert said(f"{closed} [2] The Ghent lock was built in 1969. [1]")[0] == [TEXTS[0], closed]


def test_a_model_that_repeats_itself_is_ended() -> None:
    found, _, script = said("The Ghent lock was built in 1969. [1] " * 20)
    assert found == ["The Ghent lock was built in 1969.", TEXTS[1]]
    assert script.ended


def test_lists_and_code_are_never_said_anew() -> None:
    parts = units(("- grease the gates\n- drain the lock",), UnitKind.LIST)
    script = Script("Grease the gates. [1]")
    found = list(Paraphrase(script, None, ANALYSER, hits_of(TEXTS), "?").parts(parts, 0.0))
    assert (found, script.asked) == (parts, [])


@given(st.text("The lock was built in 1969.[]12 \n", max_size=80))
def test_whatever_is_written_every_unit_is_told(written: str) -> None:
    script = Script(written)
    paraphrase = Paraphrase(script, None, ANALYSER, hits_of(TEXTS), QUESTION)
    found = [part for part in paraphrase.parts(units(), 0.0) if part is not None]
    assert {part.number for part in found} == {1, 2}
    for part in found:
        assert part.text in TEXTS or set(part.text.lower().split()) & set(
            TEXTS[part.number - 1].lower().split()
        )


def test_what_must_be_copied() -> None:
    said = "The option --max-age of AB-12 is 3.5 in Ghent, not ab."
    assert identifiers_of(said) == ["--max-age", "AB-12", "3.5", "Ghent"]


PRICES = "The lock AB-12 costs 30 EUR, and the lock AB-21 costs 45 EUR; Anna Peeters sells both to Jan Claes."


@pytest.mark.parametrize(
    ("sentence", "fair"),
    [
        ("The lock AB-12 costs 30 EUR.", True),
        ("Anna Peeters sells both to Jan Claes.", True),
        ("The lock AB-13 costs 30 EUR.", False),
        ("Both sell for 30 EUR.", False),
        ("Both were drained by Anna Peeters.", False),
    ],
)
def test_identifiers_stand_beside_the_words_that_they_have_in_the_unit(sentence: str, fair: bool) -> None:
    assert are_copied(sentence, [PRICES], ANALYSER) == fair


@given(st.lists(st.sampled_from(PRICES.split()), min_size=1).map(" ".join))
def test_a_copy_is_one(text: str) -> None:
    assert are_copied(text, ["Locks", text], ANALYSER)


def test_titles_stand_before_their_units() -> None:
    assert prompt_of("Why?", [("Locks", "It has 12 gates."), ("", "It is old.")]) == (
        "Why?\n[1] (Locks) It has 12 gates.\n[2] It is old."
    )
