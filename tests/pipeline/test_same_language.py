"""Passages in the question's own language: what tells whether they answer knows no language."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from doubles import CORPUS, ME, HashEmbedder, new_home, shared_pool, upload
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import AnswerRequest
from ragsvc.evaluation import beir
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.answerability import stored_model
from ragsvc.pipeline.grounding.cross_language import UNRELATED, above_others
from ragsvc.pipeline.grounding.same_language import MODEL_FILE, confidence, share_held
from ragsvc.pipeline.grounding.small_talk import SHAPES, small_talk_model
from ragsvc.service.service import Service
from ragsvc.settings import Settings

shares = st.floats(0.0, 1.0)
cosines = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=10)
found = st.fixed_dictionaries(
    {"above_others": st.floats(-1, 1), "sentence_cosine": st.floats(-1, 1), "passage_terms": shares}
)
TOWNS = Path(__file__).parent.parent.parent / "benchmarks" / "data"
PASSAGES = {
    "a": "Die Fähre nach Norden fährt im Winter nur am Dienstag und braucht vierzig Minuten.",
    "b": "Das Museum am Hafen zeigt alte Netze und ist am Montag geschlossen.",
    "c": "Hunde sind in den Gärten am Kanal erlaubt, solange sie an der Leine gehen.",
}


@given(found, shares, st.floats(0.01, 0.99))
def test_an_answer_is_given_where_the_own_threshold_says_so_whatever_the_other_models_is(
    features: dict[str, float], allowed: float, threshold: float
) -> None:
    model = stored_model(MODEL_FILE)
    known = confidence(features, allowed, threshold)
    assert 0.0 < known < 1.0
    own = model.confidence(features)
    if abs(own - model.threshold(allowed)) > 1e-6:
        assert (known >= threshold) is (own >= model.threshold(allowed))


@pytest.mark.parametrize("name", ["above_others", "sentence_cosine", "passage_terms"])
def test_more_of_anything_known_makes_an_answer_likelier(name: str) -> None:
    features = {"above_others": 0.1, "sentence_cosine": 0.5, "passage_terms": 0.3}
    assert confidence(features | {name: 0.9}, 0.05, 0.3) > confidence(features, 0.05, 0.3)


def test_the_stored_thresholds_ascend_from_none_to_all() -> None:
    stored = stored_model(MODEL_FILE).thresholds
    assert (stored[0][0], stored[-1][0]) == (0.0, 1.0)
    assert all(a[0] < b[0] and a[1] <= b[1] for a, b in itertools.pairwise(stored))


@given(cosines)
def test_being_above_others_depends_on_no_order(values: list[float]) -> None:
    above = above_others(np.array(values))
    assert above == pytest.approx(above_others(np.array(values[::-1])))
    assert above == pytest.approx(max(values) - UNRELATED) if len(values) == 1 else above >= -1e-9


@given(st.dictionaries(st.text(max_size=3), st.floats(0.01, 9.0)), st.lists(st.text(max_size=3)))
def test_the_share_of_a_questions_weight_that_is_held_grows_with_what_is_held(
    weights: dict[str, float], held: list[str]
) -> None:
    share = share_held(weights, held)
    assert 0.0 <= share <= 1.0 + 1e-9
    assert share_held(weights, [*held, *weights]) == pytest.approx(1.0)


def test_a_small_german_folder_answers_what_it_says_and_refuses_the_rest(tmp_path: Path) -> None:
    given = Settings(home=new_home(tmp_path))
    with Service.open(given, embedders=HashEmbedder, pool=shared_pool()) as service:
        upload(service, PASSAGES)

        def answered(question: str) -> bool:
            return service.answer(ME, AnswerRequest(corpora=(CORPUS,), question=question)).answered

        assert answered("Wie lange braucht die Fähre nach Norden im Winter?")
        assert not answered("Wie heißt der Bürgermeister, und seit wann regiert er das Rathaus?")


def test_the_model_of_small_talk_has_a_row_a_shape() -> None:
    model = small_talk_model()
    assert model.weights.shape == (len(SHAPES), 384)
    assert model.shape_of(np.zeros(384, np.float32)) in set(AnswerShape)


@pytest.mark.parametrize("code", ["ar", "en", "ja", "ru"])
def test_the_towns_ask_the_same_in_every_language(code: str) -> None:
    folder, english = TOWNS / f"town-{code}", TOWNS / "town-en"
    for split in ("test", "reworded"):
        mine, theirs = beir.load(folder, split), beir.load(english, split)
        assert not mine.malformed
        assert mine.judgements == theirs.judgements
        assert len({query.text for query in mine.queries}) == 60
    lines = [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    assert [line["_id"] for line in lines] == [f"p{place:02}" for place in range(60)]
    assert all(line["title"] and line["text"] for line in lines)
