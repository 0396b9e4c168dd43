"""What every Reranker does, whatever it looks at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_candidates import ANALYSER, WildReranker, made, picked, tiny_cross_encoder

from ragsvc.domain import ChunkText
from ragsvc.models.cross_encoder import CrossEncoderReranker
from ragsvc.pipeline.retrieval.close_reader import CloseReader
from ragsvc.protocols import Reranker

words = st.sampled_from(["apple", "pear", "plum", "fig", "kiwi", "lemon", "the", "of", "running", "42", "梨"])
sentences = st.lists(words, max_size=8).map(" ".join)
texts = st.builds(
    ChunkText,
    sentences,
    st.lists(sentences, max_size=2).map(tuple),
    st.lists(sentences, max_size=3).map(". ".join),
)
questions = st.lists(words, min_size=1, max_size=6).map(" ".join)
# One reranker serves all examples of a test, as it serves all questions of a server.
together = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module", params=["built-in", "cross-encoder", "double"])
def reranker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reranker:
    match request.param:
        case "built-in":
            return CloseReader(ANALYSER)
        case "cross-encoder":
            folder: Path = tmp_path_factory.mktemp("models") / "tiny"
            return CrossEncoderReranker(str(tiny_cross_encoder(folder)))
    return WildReranker()


def tolerance(reranker: Reranker) -> float:
    """Of a model, the batch in which a pair stands decides its last bits."""
    return 1e-6 if isinstance(reranker, CrossEncoderReranker) else 1e-9


class TestRerankerContract:
    """Holds for rerankers that are shipped and for the double."""

    def test_it_is_called_as_its_setting(self, reranker: Reranker) -> None:
        assert reranker.name
        assert isinstance(reranker.name, str)

    @together
    @given(question=questions, found=st.lists(texts, min_size=1, max_size=40))
    def test_scores_are_finite_aligned_and_the_same_again(
        self, reranker: Reranker, question: str, found: list[ChunkText]
    ) -> None:
        candidates = made(question, found)
        scores = reranker.rescore(candidates)
        assert (scores.dtype, scores.shape) == (np.float64, (len(found),))
        assert np.isfinite(scores).all()
        np.testing.assert_array_equal(reranker.rescore(candidates), scores)

    @together
    @given(question=questions, found=st.lists(texts, min_size=2, max_size=40), data=st.data())
    def test_the_order_of_candidates_decides_nothing(
        self, reranker: Reranker, question: str, found: list[ChunkText], data: st.DataObject
    ) -> None:
        candidates = made(question, found)
        order = data.draw(st.permutations(range(len(found))))
        scores, moved = reranker.rescore(candidates), reranker.rescore(picked(candidates, order))
        np.testing.assert_allclose(moved, scores[order], atol=tolerance(reranker), rtol=0)

    @together
    @given(question=questions, found=st.lists(texts, min_size=1, max_size=8))
    def test_equal_candidates_have_equal_scores(
        self, reranker: Reranker, question: str, found: list[ChunkText]
    ) -> None:
        scores = reranker.rescore(made(question, found + found))
        first, second = scores[: len(found)], scores[len(found) :]
        np.testing.assert_allclose(first, second, atol=tolerance(reranker), rtol=0)

    def test_a_text_that_gc_took_meanwhile_is_no_error(self, reranker: Reranker) -> None:
        """It is asked for again afterwards; see `Passages.chunk_texts`."""
        gone = ChunkText("", (), "")
        for found in ([gone], [gone] * 3, [ChunkText("", (), "An apple and a pear."), gone]):
            assert np.isfinite(reranker.rescore(made("apple pear", found))).all()

    def test_candidates_are_left_as_they_were(self, reranker: Reranker) -> None:
        found = [ChunkText("", (), text) for text in ("apple pear and plum", "fig of a lemon", "plum")]
        candidates = made("apple plum", found)
        arrays = ("vector", "scores", "dense", "lexical", "vectors")
        before = {name: getattr(candidates, name).copy() for name in arrays}
        for name in arrays:
            getattr(candidates, name).setflags(write=False)
        reranker.rescore(candidates)
        for name, array in before.items():
            np.testing.assert_array_equal(getattr(candidates, name), array)
