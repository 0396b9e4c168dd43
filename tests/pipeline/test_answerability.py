"""Answerability: the shipped model is sound, the features stand odd questions, unknown names count."""

from __future__ import annotations

import itertools
import json
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from doubles import CORPUS, ME, HashEmbedder, upload
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import AnswerRequest, Evidence, Mode, SearchRequest
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.answerability import MODEL_FILE, features_of, lacks_kind, load_model, negates
from ragsvc.pipeline.grounding.documents import DocumentReader
from ragsvc.pipeline.grounding.judgement import grounds_of
from ragsvc.pipeline.grounding.scored_unit import evidence_from
from ragsvc.pipeline.grounding.unit_scores import score_units
from ragsvc.pipeline.retrieval.search import Retrieval
from ragsvc.pipeline.word_coverage import TextVectors, content_words, names_in, soft_coverage, word_weights
from ragsvc.service.service import Service
from ragsvc.text.analyser import StandardAnalyser

PEARS = "Pears ripen late in autumn. The Conference pear keeps until March. Store pears in a cool cellar."
FIGS = "Figs grow on warm trees in the south. A fig tree needs little water."
shares = st.floats(0.0, 1.0)


def looked_closer(service: Service, question: str) -> tuple[Retrieval, list[Evidence]]:
    looked = service.queries.look(
        ME, SearchRequest(corpora=(CORPUS,), query=question, k=6, mode=Mode.HYBRID)
    )[1][0]
    vector, parts = looked.query.vector, looked.parts
    assert vector is not None
    documents = DocumentReader(service._catalog.versions.texts).parts(looked.hits)
    scored = score_units(
        question, vector, looked.hits, documents, parts.text_vectors, parts.analyser, AnswerShape.FACT
    )
    return looked, evidence_from(scored)


def features(service: Service, question: str) -> dict[str, float]:
    looked, evidence = looked_closer(service, question)
    found = features_of(looked, looked.hits, evidence)
    documents = DocumentReader(service._catalog.versions.texts)
    grounds = grounds_of(looked, looked.hits, AnswerShape.FACT, documents, None)
    # What asks for nothing is refused before its units are looked at.
    of_units = grounds.features if grounds else dict.fromkeys(("unit_score", "unit_chance", "code_held"), 0.0)
    return found | dict(of_units)


@given(shares, shares)
def test_who_allows_more_false_refusals_is_refused_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= load_model().threshold(low) <= load_model().threshold(high) <= 1.0


def test_the_stored_thresholds_ascend_from_none_to_all() -> None:
    stored = load_model().thresholds
    assert stored[0][0] == 0.0
    assert stored[-1][0] == 1.0
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(stored))


def test_the_stored_report_is_of_articles_that_nothing_was_fitted_on() -> None:
    report = json.loads(MODEL_FILE.read_text("utf-8"))["report"]
    assert report["held_out_articles"]
    assert not set(report["held_out_articles"]) & set(report["fitted_articles"])
    value, low, high = report["held_out"]["auroc"]
    assert 0.5 < low <= value <= high < 1.0


@pytest.mark.parametrize(
    "question",
    ["When do pears ripen?", "the of what", "?", "什么时候成熟", "Wann reifen Birnen?", "PEARS", "a" * 500],
)
@pytest.mark.parametrize("documents", [{"p": PEARS}, {"p": PEARS, "f": FIGS}])
def test_every_question_gets_finite_features_and_a_probability(
    service: Service, question: str, documents: dict[str, str]
) -> None:
    upload(service, documents)
    found = features(service, question)
    assert set(found) == set(load_model().weights)
    assert all(math.isfinite(value) for value in found.values())
    assert 0.0 <= load_model().confidence(found) <= 1.0


def test_what_the_passage_says_scores_above_what_it_does_not(service: Service) -> None:
    upload(service, {"p": PEARS, "f": FIGS})
    model = load_model()
    said = model.confidence(features(service, "Until when does the Conference pear keep?"))
    unsaid = model.confidence(features(service, "What does the Abate pear cost in Bolzano?"))
    assert said > unsaid


def test_a_name_that_the_passage_lacks_counts_and_one_that_it_holds_does_not(service: Service) -> None:
    upload(service, {"p": PEARS, "f": FIGS})
    assert features(service, "How long does the Conference pear keep?")["missing_name"] == 0.0
    assert features(service, "How long does the South pear keep?")["missing_name"] > 0.0


def test_the_passages_wording_with_a_not_counts_and_without_one_does_not(service: Service) -> None:
    upload(service, {"p": PEARS, "f": FIGS})
    assert features(service, "Until when does the Conference pear keep?")["unsaid_not"] == 0.0
    assert features(service, "The Conference pear keeps not until March?")["unsaid_not"] > 0.0
    assert features(service, "Why do we not store onions, grapes or plums?")["unsaid_not"] == 0.0


def test_leaving_out_a_word_counts_only_as_a_loss(service: Service) -> None:
    upload(service, {"p": PEARS, "f": FIGS})
    assert features(service, "Until when does the Conference pear keep?")["rests_on_word"] < 0.0
    assert features(service, "pear")["rests_on_word"] == 0.0


@pytest.mark.parametrize("question", ["Until when does the Conference pear keep?", "pear", "of what"])
def test_all_that_the_features_need_is_embedded_at_once(
    service: Service, embedder: HashEmbedder, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    upload(service, {"p": PEARS, "f": FIGS})
    looked, evidence = looked_closer(service, question)
    parts = looked.parts
    before = len(embedder.batches)
    found = features_of(looked, looked.hits, evidence)
    assert len(embedder.batches) <= before + 1
    monkeypatch.setattr(TextVectors, "hold", lambda *_: None)
    alone = replace(looked, parts=replace(parts, text_vectors=TextVectors(HashEmbedder())))
    assert features_of(alone, looked.hits, evidence) == found


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("When do pears ripen?", "Pears ripen in October.", False),
        ("When do pears ripen?", "Pears are sweet.", True),
        ("When did the 1901 act end?", "The 1901 act was long.", True),
        ("When did the 1901 act end?", "The 1901 act lasted until 1950.", False),
        ("How many pears are there?", "There are twelve pears.", False),
        ("How many pears are there?", "There are pears.", True),
        ("Who grew the Conference pear?", "It was grown by Thomas Rivers.", False),
        ("Who grew the Conference pear?", "The Conference pear was grown by a gardener.", True),
        ("Which country grows pears?", "It is grown in Italy.", False),
        ("What is a pear?", "a fruit", False),
        ("什么时候成熟", "", False),
        ("", "", False),
    ],
)
def test_who_asks_when_wants_a_time_that_was_not_in_the_question(
    question: str, text: str, lacks: bool
) -> None:
    assert lacks_kind(question, text) is lacks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is not so", True),
        ("It isn’t", True),
        ("Nobody knows", False),
        ("a note, a knot", False),
        ("", False),
    ],
)
def test_a_not_is_a_word(text: str, expected: bool) -> None:
    assert negates(text) is expected


def test_without_evidence_the_answer_is_a_refusal_without_citations(service: Service) -> None:
    upload(service, {"h": "# Pears\n"})
    answer = service.answer(ME, AnswerRequest(corpora=(CORPUS,), question="When do pears ripen?"))
    assert (answer.answered, answer.citations) == (False, ())


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who made BERT?", ["BERT"]),
        ("What was sold at Christie's in 2018?", ["Christie", "2018"]),
        ("SQLite or MySQL", ["SQLite", "MySQL"]),
        ("Pears ripen when", []),
        ("WHAT IS A PEAR", []),
        ("什么是BERT", []),
        ("", []),
    ],
)
def test_names_have_capitals_or_digits(question: str, names: list[str]) -> None:
    assert names_in(question) == names


@given(st.lists(st.sampled_from(["pear", "fig", "apple", "cellar", "autumn", "ripens"]), max_size=6))
def test_words_that_are_held_are_covered_wholly(words: list[str]) -> None:
    analyser, vectors = StandardAnalyser(), TextVectors(HashEmbedder())
    question = content_words([" ".join(words)], analyser)
    weights = word_weights(question, analyser, lambda _: 1.0)
    held = soft_coverage(question, weights, [PEARS, " ".join(words)], vectors, analyser)
    np.testing.assert_allclose(held, (1.0, 1.0), atol=1e-5)
    mean, least = soft_coverage(question, weights, [FIGS], vectors, analyser)
    assert -1.0 <= least <= mean + 1e-6 <= 1.0 + 2e-6


def test_other_corpora_of_the_catalog_change_nothing(service: Service) -> None:
    """Nor does a document that was deleted: a word that only they hold is unknown here."""
    upload(service, {"p": PEARS, "f": FIGS})
    question = "Until when does the zeppelin keep?"
    before = features(service, question)
    assert before["unknown_terms"] > 0.2
    upload(service, {"z": "The zeppelin flies over the lake."}, corpus="other")
    assert features(service, question) == before
    upload(service, {"z": "The zeppelin flies over the lake."})
    service.delete_document(ME, CORPUS, "z")
    assert features(service, question) == before


def test_runs_of_signs_take_time_by_their_length():
    """Sixteen times as many signs took 256 times as long, and held up every other question."""

    def seconds(signs: int) -> float:
        started = time.process_time()
        for _ in range(3):
            names_in("what " + "-" * signs)
            lacks_kind("what " + "-" * signs, "a" * signs)
        return time.process_time() - started

    seconds(1000)
    assert seconds(80_000) < 64 * max(seconds(5000), 1e-4)
