"""What the tables of docs/generative-figures.md rest on, in small."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generative.compression import autoencoder, measure, pca
from benchmarks.generative.digits import spread
from benchmarks.generative.out_of_corpus import Oddity, gain
from benchmarks.generative.question_sets import CHUNK_CHARS, chunks_of
from benchmarks.generative.synthetic_vectors import curves, gaussian, interpolation, mixture, networks
from benchmarks.generative.texts import KneserNey
from benchmarks.generative.vectors import Training, normalised, parser, read, train
from ragsvc.generative.networks.autoencoder import Autoencoder, AutoencoderParameters
from ragsvc.generative.networks.network import RowShape
from ragsvc.index.neighbours import nearest_rows


def clustered(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(6, dimension))
    noise = 0.2 * random.normal(size=(count, dimension))
    return normalised((centres[random.integers(0, 6, count)] + noise).astype(np.float32))


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=12), min_size=1, max_size=6),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), max_size=3),
)
def test_probabilities_of_kneser_ney_sum_to_one(
    sequences: list[list[int]], order: int, before: list[int]
) -> None:
    model = KneserNey(sequences, order, 5)
    context = tuple(before[: order - 1])
    assert sum(model.probability(context, token) for token in range(5)) == pytest.approx(1.0)


def test_more_context_expects_a_pattern_better() -> None:
    pattern = [[0, *([1, 2, 3] * 10)]] * 3
    likelihoods = [KneserNey(pattern, order, 4).log_likelihood(pattern[0]) for order in (1, 2, 3)]
    assert likelihoods == sorted(likelihoods)
    assert math.exp(-likelihoods[1] / 30) < 1.5


@given(st.text("ab c", max_size=900))
def test_chunks_are_whole_words_and_not_too_long(text: str) -> None:
    pieces = chunks_of(text)
    words = text.split()
    assert " ".join(pieces).split() == words[: sum(len(each.split()) for each in pieces)]
    assert all(len(each) <= CHUNK_CHARS or " " not in each for each in pieces)


def test_vectors_are_read_once_each_and_of_length_one(tmp_path: Path) -> None:
    rows = np.vstack([3.0 * clustered(40), 3.0 * clustered(40)]).astype(np.float32)
    np.save(tmp_path / "v.npy", rows)
    found = read(parser(None).parse_args(["--vectors", str(tmp_path / "v.npy")]))
    assert found.shape == (40, 16)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(SystemExit, match="which vectors"):
        read(parser(None).parse_args([]))


def test_training_takes_the_error_down_and_is_settled_by_its_seed() -> None:
    rows = clustered(300)

    def error(steps: int) -> float:
        torch.manual_seed(0)
        network = Autoencoder(RowShape(16), AutoencoderParameters(hidden=32, code=4, noise=0.0))
        train(network, rows, Training(steps))
        with torch.no_grad():
            return float(network.reconstruction_error(torch.from_numpy(rows)).mean())

    assert error(200) < 0.5 * error(1)
    assert error(20) == error(20)


def test_compressed_vectors_are_found_and_rebuilt() -> None:
    vectors = clustered(600)
    queries, base = vectors[:40], vectors[40:]
    _, exact = nearest_rows(queries, base, 10)
    # By chance 10 of 560 are found, a fiftieth.
    for way, least in ((pca(base, 16, 8), 0.8), (autoencoder(base, 16, 8, 200), 0.3)):
        found = measure(way, queries, exact)
        for recalls in (found.codes, found.rescored, found.rebuilt):
            assert recalls.mean() > least, way.name


def test_sources_make_what_was_asked_for_and_curves_rise() -> None:
    fitted, random = clustered(1200), np.random.default_rng(0)
    for of in (gaussian, interpolation):
        assert of(fitted, random)(30).shape == (30, 16)
    assert mixture(clustered(3000), random)(30).shape == (30, 16)
    made = dict(networks(fitted, 20, 0))
    assert {source(7).shape for source in made.values()} == {(7, 16)}
    for curve in curves(fitted):
        assert curve.recalls[-1] >= curve.recalls[0]
        assert curve.recalls[-1] > 0.95


def test_what_lies_elsewhere_is_odd() -> None:
    oddity = Oddity.of(clustered(400), 100)
    inside, outside = clustered(50, seed=0), clustered(50, seed=9)
    scores = oddity.scores(np.vstack([inside, outside]))
    labels = np.repeat([0, 1], 50)
    assert (scores[:50].mean(axis=0) < scores[50:].mean(axis=0)).all()
    assert gain(scores[:, 2], scores[:, 2], labels) == (0.0, 0.0, 0.0)
    value, low, high = gain(scores[:, 2], -scores[:, 2], labels)
    assert low <= value <= high
    assert value > 0


def test_figures_over_seeds_are_shown_with_their_spread() -> None:
    assert spread([1.0, 3.0]) == "2.00 ± 1.00"
    assert spread([float("nan"), 1.0]) == "–"
    assert spread([float("inf"), 300.0]) == "> 300"
    assert spread([5.0, 5.0]) == "5.00"
