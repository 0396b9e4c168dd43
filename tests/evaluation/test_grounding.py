"""Spans are counted as sets of characters would be, and sentences are held to their own quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import Answer, Citation, CommitId
from ragsvc.evaluation.citation_metrics import Place, citation_scores, span_overlap, supported

PLACES = st.lists(
    st.tuples(st.sampled_from("xy"), st.integers(0, 30), st.integers(0, 12)).map(
        lambda row: (row[0], row[1], row[1] + row[2])
    ),
    max_size=6,
)


def citation(marker: int, place: Place, quote: str = "") -> Citation:
    document, start, end = place
    return Citation(
        marker=marker,
        document_id=document,
        version="v",
        source=document,
        title="",
        start=start,
        end=end,
        quote=quote,
        page=None,
    )


def answer(text: str, *quotes: tuple[int, str], answered: bool = True) -> Answer:
    citations = tuple(citation(marker, ("x", 0, len(quote)), quote) for marker, quote in quotes)
    return Answer(
        corpus="c",
        commit=CommitId(1),
        question="?",
        answered=answered,
        answer=text,
        confidence=0.9,
        citations=citations,
        passages=(),
        generator="test",
        timings_s={},
    )


def characters(places: list[Place]) -> set[tuple[str, int]]:
    return {(document, place) for document, start, end in places for place in range(start, end)}


@given(PLACES, PLACES)
def test_overlap_matches_sets_of_characters(retrieved: list[Place], gold: list[Place]) -> None:
    wanted, found = characters(gold), characters(gold) & characters(retrieved)
    recall, iou = span_overlap(retrieved, gold)
    if not wanted:
        assert (recall, iou) == (0.0, 0.0)
        return
    read = sum(end - start for _, start, end in retrieved)
    assert recall == pytest.approx(len(found) / len(wanted))
    assert iou == pytest.approx(len(found) / (read + len(wanted) - len(found)))
    assert 0.0 <= iou <= recall <= 1.0


@given(PLACES, PLACES)
def test_citations_meet_gold_spans_that_share_a_character(cited: list[Place], gold: list[Place]) -> None:
    precision, recall = citation_scores([citation(1, place) for place in cited], gold)
    right = [place for place in cited if characters([place]) & characters(gold)]
    found = [place for place in gold if characters([place]) & characters(cited)]
    assert precision == pytest.approx(len(right) / len(cited) if cited else 0.0)
    assert recall == pytest.approx(len(found) / len(gold) if gold else 0.0)


def test_citations_of_hand_worked_spans() -> None:
    gold = [("x", 0, 10), ("x", 50, 60), ("y", 0, 10)]
    cited = [("x", 5, 20), ("x", 10, 50), ("z", 0, 10), ("x", 59, 61)]
    assert citation_scores([citation(1, place) for place in cited], gold) == (0.5, pytest.approx(2 / 3))


WATER, MOON = "Water boils at 100 degrees Celsius.", "The Moon orbits the Earth in 27 days."


@pytest.mark.parametrize(
    ("text", "verdicts"),
    [
        ("Water boils at 100 degrees Celsius. [1] The Moon orbits the Earth. [2]", [True, True]),
        ("Water boils at 100 degrees Celsius [1]. The Moon orbits the Earth [2].", [True, True]),
        ("Water boils at 100 degrees Celsius.[1]\nThe Moon orbits the Earth.[2]", [True, True]),
        # The quotes are exchanged.
        ("Water boils at 100 degrees Celsius. [2] The Moon orbits the Earth. [1]", [False, False]),
        # A marker inside a sentence speaks for all of it, and several markers speak together.
        ("Boiling water [1] reaches 100 degrees Celsius.", [True]),
        ("Water boils at 100 degrees, the Moon orbits the Earth [1][2].", [True]),
        ("Water boils at 100 degrees, the Moon orbits the Earth [1].", [False]),
        # Without a marker: the next ones of the paragraph.
        ("Water boils at 100 degrees. It is 100 Celsius [1].", [True, True]),
        ("Water boils at 100 degrees.\n\nIt is 100 degrees Celsius [1].", [False, True]),
        ("It is 100 degrees Celsius [1]. Water boils at 100 degrees.", [True, False]),
        # Two words of four, three of five.
        ("Water boils on mountains sooner [1].", [False]),
        ("Water boils at 100 degrees Kelvin. [1]", [True]),
        ("Celsius water froze overnight [1].", [False]),
        ("100 degrees water burns skin. [1]", [True]),
        # Headings and what has no words of content claim nothing.
        ("# Boiling points\n\nWater boils at 100 degrees. [1]\n\n---\n\nSo it is.", [True]),
        ("Water boils. [3]", [False]),
        ("", []),
    ],
)
def test_sentences_are_held_to_the_quotes_of_their_markers(text: str, verdicts: list[bool]) -> None:
    assert supported(answer(text, (1, WATER), (2, MOON))) == verdicts


def test_all_quotes_of_a_number_count_and_a_refusal_claims_nothing() -> None:
    both = answer("Water boils; the Moon orbits the Earth [1].", (1, WATER), (1, MOON))
    assert supported(both) == [True]
    assert supported(answer("I found nothing about water.", answered=False)) == []


@given(
    st.lists(
        st.sampled_from(["Water boils.", "[1]", "[22]", "\n\n", "- item", "# head", "```", "東京です。"])
    )
)
def test_a_sentence_that_its_quote_repeats_is_supported(pieces: list[str]) -> None:
    text = " ".join(pieces)
    quoted = "\n".join(pieces)
    assert len(supported(answer(text))) == len(supported(answer(text, (1, quoted), (22, quoted))))
    assert not any(supported(answer(text)))
    assert all(supported(answer(f"{text} [1]".replace("\n\n", " "), (1, quoted), (22, quoted))))
