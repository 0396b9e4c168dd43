"""Support size, modes, distinct n-grams, and the libraries of BLEU and ROUGE."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.errors import MissingExtra
from ragsvc.generative.metrics import texts
from ragsvc.generative.metrics.texts import corpus_bleu, rouge, self_bleu
from ragsvc.generative.metrics.variety import birthday_test, distinct, modes


@pytest.mark.parametrize("support", [50, 200, 800])
def test_the_birthday_test_finds_how_many_there_are(support: int) -> None:
    random = np.random.default_rng(support)
    points = random.normal(size=(support, 8)) * 10
    samples = points[random.integers(0, support, 20_000)].astype(np.float32)
    found = birthday_test(samples, 0.1, batch=max(4, round(math.sqrt(support))), batches=2000)
    assert found.support == pytest.approx(support, rel=0.2)


def test_samples_that_are_all_different_never_collide() -> None:
    samples = np.arange(200, dtype=np.float32)[:, None]
    found = birthday_test(samples, 0.5, batch=50)
    assert (found.collisions, found.support) == (0.0, math.inf)
    assert birthday_test(np.zeros((9, 2), np.float32), 0.1, batch=3).support == 1.0
    with pytest.raises(ValueError, match="no batch"):
        birthday_test(samples, 0.5, batch=201)


def test_modes_are_counted_and_their_shares_compared() -> None:
    even = modes(np.arange(1000) % 10, 10)
    assert (even.hit, even.divergence) == (10, pytest.approx(0.0, abs=1e-12))
    one = modes(np.full(50, 3), 10)
    assert (one.hit, one.divergence) == (1, pytest.approx(math.log(10)))
    rare = modes(np.array([0] * 999 + [1]), 2)
    assert rare.hit == 1
    with pytest.raises(ValueError, match="no samples"):
        modes(np.zeros(0, np.int64), 10)


def test_distinct_counts_different_ngrams() -> None:
    assert distinct(["a b a b"], 1) == 0.5
    assert distinct(["a b a b"], 2) == pytest.approx(2 / 3)
    assert distinct(["a b", "A b"], 2) == 0.5
    assert distinct(["a"], 2) == 0.0


@given(st.lists(st.text("ab ", max_size=8)), st.integers(1, 3))
def test_distinct_is_a_share(some: list[str], order: int) -> None:
    assert 0.0 <= distinct(some, order) <= 1.0


WRITTEN = ["the cat sat on the mat", "a dog ran over the hill today", "birds sing in the morning"]


def test_bleu_and_rouge_are_those_of_the_libraries() -> None:
    other = ["the cat sat on a mat", "a dog ran over a hill today", "birds sing each morning"]
    assert corpus_bleu(other, WRITTEN) == pytest.approx(sacrebleu.corpus_bleu(other, [WRITTEN]).score)
    found = rouge(other, WRITTEN)
    assert rouge(WRITTEN, WRITTEN) == {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}
    assert 0.0 < found["rouge2"] < found["rouge1"] < 1.0
    assert rouge(["the cat sat"], ["the cat ran"])["rouge1"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="references"):
        corpus_bleu(other, WRITTEN[:2])


def test_texts_that_are_alike_have_a_high_self_bleu() -> None:
    assert self_bleu([WRITTEN[0]] * 3) == pytest.approx(100.0)
    assert self_bleu(WRITTEN) < 30.0
    with pytest.raises(ValueError, match="alone"):
        self_bleu(WRITTEN[:1])


def test_a_missing_library_is_named_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(texts, "import_module", missing)
    with pytest.raises(MissingExtra, match="sacrebleu is not installed") as caught:
        corpus_bleu(["a"], ["a"])
    assert "text-metrics" in str(caught.value.hint)
