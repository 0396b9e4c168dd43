"""Both legs, over every layout of segments, compared with numpy and the BM25 formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_chunks import (
    DIMENSION,
    VOCABULARY,
    bm25_longhand,
    cut_with_ties,
    make_batch,
    make_chunk,
    make_index,
    make_query,
    signatures_of,
    vectors_of,
)
from rank_bm25 import BM25Okapi

from ragsvc.domain import SIGNATURE_VALUES, BoolVector
from ragsvc.errors import InternalError
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.index_reader import load
from ragsvc.index.index_writer import save
from ragsvc.index.rank_order import marked

CHUNKS = [make_chunk(chunk_id) for chunk_id in range(10, 310)]


def _single_base(_: Path) -> CorpusIndex:
    return make_index(CHUNKS).compacted(np.ones(len(CHUNKS), bool))


def _one_delta(_: Path) -> CorpusIndex:
    return make_index(CHUNKS)


def _base_and_deltas(_: Path) -> CorpusIndex:
    index = make_index(CHUNKS[:180]).compacted(np.ones(180, bool))
    for start, end in ((180, 260), (260, 290), (290, 299), (299, 300)):
        index = index.extended(make_batch(CHUNKS[start:end]))
    assert len(index.segments) == 5
    return index


def _loaded(folder: Path) -> CorpusIndex:
    save(_single_base(folder), folder, commit=7, commit_uid="u", profile="p")
    return load(folder, profile="p", dimension=DIMENSION)[0]


def _loaded_and_deltas(folder: Path) -> CorpusIndex:
    save(_single_base(folder).compacted(np.arange(300) < 200), folder, commit=7, commit_uid="u", profile="p")
    index, _ = load(folder, profile="p", dimension=DIMENSION)
    return index.extended(make_batch(CHUNKS[200:290])).extended(make_batch(CHUNKS[290:]))


@pytest.fixture(params=[_single_base, _one_delta, _base_and_deltas, _loaded, _loaded_and_deltas])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> CorpusIndex:
    layout: Callable[[Path], CorpusIndex] = request.param
    return layout(tmp_path)


def _some(share: float, seed: int = 0) -> BoolVector:
    return np.random.default_rng(seed).random(len(CHUNKS)) < share


class TestIndexContract:
    """What holds whatever the segments are."""

    def test_rows_are_the_chunks_in_order(self, index: CorpusIndex) -> None:
        assert index.rows == len(CHUNKS)
        assert index.chunk_ids.tolist() == [chunk.chunk_id for chunk in CHUNKS]
        assert index.versions.tolist() == [chunk.version for chunk in CHUNKS]

    def test_signatures_come_in_the_order_asked_for(self, index: CorpusIndex) -> None:
        rows = np.array([299, 0, 180, 5, 180, 261], np.int64)
        assert (index.signatures_of(rows) == signatures_of(CHUNKS)[rows]).all()
        assert index.signatures_of(rows[:0]).shape == (0, SIGNATURE_VALUES)

    @pytest.mark.parametrize("share", [1.0, 0.9, 0.5, 0.02])
    @pytest.mark.parametrize("depth", [1, 10, 500])
    def test_nearest_matches_numpy(self, index: CorpusIndex, share: float, depth: int) -> None:
        allowed = _some(share)
        for seed in range(5):
            query = make_query(seed)
            exact = vectors_of(CHUNKS).astype(np.float64) @ query
            rows, scores = index.nearest(query, allowed, depth)
            places = np.flatnonzero(allowed)
            wanted = cut_with_ties(exact[places].tolist(), index.chunk_ids[places].tolist(), depth)
            assert index.chunk_ids[rows].tolist() == wanted
            np.testing.assert_allclose(scores, exact[rows], atol=1e-6)
            assert rows.dtype == np.int64
            assert scores.dtype == np.float32

    def test_similarities_match_numpy_and_nearest(self, index: CorpusIndex) -> None:
        query = make_query(3)
        rows = np.array([299, 0, 180, 5, 180, 261], np.int64)
        exact = vectors_of(CHUNKS).astype(np.float64) @ query
        np.testing.assert_allclose(index.similarities(query, rows), exact[rows], atol=1e-7)
        found, scores = index.nearest(query, np.ones(index.rows, bool), 40)
        assert (index.similarities(query, found) == scores).all()

    @pytest.mark.parametrize("share", [1.0, 0.6, 0.02, 0.0])
    def test_bm25_matches_the_formula(self, index: CorpusIndex, share: float) -> None:
        alive = _some(share, seed=1)
        for terms in ([0], [3, 1, 2], [5, 5, 0, 9], [VOCABULARY - 1, 1, VOCABULARY + 7], []):
            scores = index.match(terms, alive)
            np.testing.assert_allclose(scores, bm25_longhand(CHUNKS, terms, alive), atol=1e-12)

    @pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (2.0, 0.0), (0.0, 0.75), (1.2, 1.0)])
    def test_bm25_matches_the_formula_for_other_constants(
        self, index: CorpusIndex, k1: float, b: float
    ) -> None:
        alive = _some(0.8)
        wanted = bm25_longhand(CHUNKS, [1, 4], alive, k1, b)
        np.testing.assert_allclose(index.match([1, 4], alive, k1, b), wanted, atol=1e-12)

    def test_bm25_matches_ranks_of_rank_bm25(self, index: CorpusIndex) -> None:
        alive = np.ones(len(CHUNKS), bool)
        rare = [term for term in range(VOCABULARY) if _frequency(term) < len(CHUNKS) / 3]
        okapi = BM25Okapi([list(chunk.words) for chunk in CHUNKS], k1=0.9, b=0.4, epsilon=0)
        for term in rare:
            theirs = okapi.get_scores([term])
            wanted = cut_with_ties(theirs.tolist(), index.chunk_ids.tolist(), 20)
            scores = index.match([term], alive)
            found = index.chunk_ids[index.top(scores, alive, 20)].tolist()
            assert found == [chunk_id for chunk_id in wanted if scores[chunk_id - 10] > 0]

    @pytest.mark.parametrize("depth", [1, 7, 1000])
    def test_top_keeps_to_the_mask_and_matches_a_sort(self, index: CorpusIndex, depth: int) -> None:
        allowed = _some(0.3)
        scores = index.match([2, 7], np.ones(index.rows, bool))
        places = np.flatnonzero(allowed & (scores > 0))
        wanted = cut_with_ties(scores[places].tolist(), index.chunk_ids[places].tolist(), depth)
        assert index.chunk_ids[index.top(scores, allowed, depth)].tolist() == wanted

    def test_an_empty_mask_gives_an_empty_result(self, index: CorpusIndex) -> None:
        nobody = np.zeros(index.rows, bool)
        rows, scores = index.nearest(make_query(0), nobody, 10)
        assert len(rows) == len(scores) == 0
        assert len(index.top(index.match([0, 1], ~nobody), nobody, 10)) == 0

    def test_a_depth_of_zero_gives_nothing(self, index: CorpusIndex) -> None:
        everybody = np.ones(index.rows, bool)
        assert len(index.nearest(make_query(0), everybody, 0)[0]) == 0
        assert len(index.top(index.match([0], everybody), everybody, 0)) == 0

    def test_growing_and_compacting_leave_the_old_index_alone(self, index: CorpusIndex) -> None:
        query, everybody = make_query(1), np.ones(index.rows, bool)
        before = index.nearest(query, everybody, 20), index.match([1, 2], everybody)
        grown = index.extended(make_batch([make_chunk(chunk_id) for chunk_id in range(1000, 1100)]))
        grown.compacted(np.arange(grown.rows) % 2 == 0)
        after = index.nearest(query, everybody, 20), index.match([1, 2], everybody)
        assert (before[0][0] == after[0][0]).all()
        assert (before[1] == after[1]).all()
        assert grown.chunk_ids[: index.rows].tolist() == index.chunk_ids.tolist()

    def test_wrong_shapes_are_refused(self, index: CorpusIndex) -> None:
        everybody = np.ones(index.rows, bool)
        with pytest.raises(InternalError, match="query"):
            index.nearest(np.zeros(3, np.float32), everybody, 5)
        with pytest.raises(InternalError, match="finite"):
            index.nearest(np.full(DIMENSION, np.nan, np.float32), everybody, 5)
        with pytest.raises(InternalError, match="allowed"):
            index.nearest(make_query(0), everybody[:-1], 5)
        with pytest.raises(InternalError, match="alive"):
            index.match([1], everybody[:-1])


def _frequency(term: int) -> int:
    return sum(term in chunk.words for chunk in CHUNKS)


def test_the_cut_never_splits_a_tie_however_many_tie() -> None:
    twins = [make_chunk(chunk_id, twins=200) for chunk_id in range(1000)]
    halves = make_index(twins[500:], twins[:100], twins[100:500])
    together = make_index(twins)
    for seed in range(4):
        query, everybody = make_query(seed), np.ones(1000, bool)
        scores = (vectors_of(twins) @ query).tolist()
        wanted = cut_with_ties(scores, range(1000), 10)
        assert len(wanted) == 200
        for index in (halves, together):
            rows, _ = index.nearest(query, everybody, 10)
            assert index.chunk_ids[rows].tolist() == wanted
            lexical = index.match([0, 1, 2, 3], everybody)
            assert len(index.top(lexical, everybody, 10)) % 200 == 0


def test_segments_stay_few() -> None:
    index = make_index([make_chunk(chunk_id) for chunk_id in range(64)]).compacted(np.ones(64, bool))
    for chunk_id in range(64, 564):
        index = index.extended(make_batch([make_chunk(chunk_id)]))
        assert len(index.segments) <= 2 + np.log2(max(index.delta_rows, 1))
    assert index.segments[0].rows == index.base_rows == 64
    assert index.delta_rows == 500


def test_an_index_without_rows_answers() -> None:
    index = CorpusIndex.empty(DIMENSION)
    nobody = np.zeros(0, bool)
    assert len(index.nearest(make_query(0), nobody, 5)[0]) == 0
    assert len(index.match([1], nobody)) == 0
    assert index.extended(make_batch([])).rows == index.compacted(nobody).rows == 0


def test_chunks_without_any_term_are_harmless() -> None:
    empty = make_chunk(10_000)
    index = make_index([type(empty)(1, 1, empty.vector, ()), type(empty)(2, 1, empty.vector, ())])
    assert index.match([0], np.ones(2, bool)).tolist() == [0.0, 0.0]


def test_a_batch_that_does_not_fit_is_refused() -> None:
    batch = make_batch(CHUNKS[:4])
    with pytest.raises(InternalError, match="does not fit"):
        CorpusIndex.empty(DIMENSION + 1).extended(batch)


@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)))
def test_marked_rows_are_those_among_the_others(one: set[int], other: set[int]) -> None:
    rows = np.array(sorted(one | other), dtype=np.int64)
    some = np.array(list(other), dtype=np.int64)
    np.testing.assert_array_equal(marked(rows, some), np.isin(rows, some))
