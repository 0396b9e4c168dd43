"""What every VectorIndex does, and that a second kind needs no more than a row in the table of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragsvc.domain import SIGNATURE_VALUES, BoolVector, ChunkBatch, F32Matrix, F32Vector, I64Vector
from ragsvc.errors import IndexDamaged
from ragsvc.index import vector_indexes
from ragsvc.index.corpus_index import CorpusIndex
from ragsvc.index.index_reader import load
from ragsvc.index.index_writer import save
from ragsvc.index.manifest import FILE_NAME
from ragsvc.index.vector_indexes import EXACT, KINDS, VectorIndexKind, kind_of
from ragsvc.protocols import VectorIndex

DIMENSION = 8


class HalvesIndex:
    """A double with files of its own: two columns, and scores that are off in the sixth place."""

    def __init__(self, vectors: F32Matrix) -> None:
        self._vectors = vectors

    @classmethod
    def from_columns(cls, columns: Mapping[str, NDArray[Any]], rows: int, dimension: int) -> HalvesIndex:
        left, right = columns["left_half"], columns["right_half"]
        if left.shape != (rows, dimension // 2) or right.shape != (rows, dimension - dimension // 2):
            raise ValueError(f"halves of {left.shape} and {right.shape}")
        return cls(np.ascontiguousarray(np.hstack([left, right])))

    @property
    def rows(self) -> int:
        return len(self._vectors)

    def nearest(self, query: F32Vector, allowed: BoolVector, wanted: int) -> tuple[I64Vector, F32Vector]:
        rows = np.flatnonzero(allowed)
        scores = (self._vectors[rows] @ query).astype(np.float32) + np.float32(1e-6)
        best = np.argsort(-scores, kind="stable")[:wanted]
        return rows[best], scores[best]

    def vectors_of(self, rows: I64Vector) -> F32Matrix:
        return self._vectors[rows]

    def columns(self) -> Mapping[str, NDArray[Any]]:
        half = self._vectors.shape[1] // 2
        return {"left_half": self._vectors[:, :half], "right_half": self._vectors[:, half:]}


HALVES = VectorIndexKind(frozenset({"left_half", "right_half"}), HalvesIndex, HalvesIndex.from_columns)


def unit_rows(seed: int, rows: int) -> F32Matrix:
    """Vectors of which some are the same."""
    vectors = np.random.default_rng(seed).standard_normal((max(rows, 1), DIMENSION)).astype(np.float32)
    vectors = vectors[np.arange(rows) // 2]
    return np.ascontiguousarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


seeds, sizes = st.integers(0, 10_000), st.integers(0, 60)


@pytest.mark.parametrize("kind", [*KINDS, HALVES], ids=lambda kind: "+".join(sorted(kind.columns)))
class TestVectorIndexContract:
    """Holds for every kind that the service knows, and for the double."""

    @settings(max_examples=40, deadline=None)
    @given(seeds, sizes, st.integers(0, 80), st.floats(0, 1))
    def test_it_proposes_the_best_of_what_is_allowed(
        self, kind: VectorIndexKind, seed: int, rows: int, wanted: int, share: float
    ) -> None:
        vectors, query = unit_rows(seed, rows), unit_rows(seed + 1, 1)[0]
        allowed = np.random.default_rng(seed).random(rows) < share
        found, scores = kind.build(vectors).nearest(query, allowed, wanted)
        assert (found.dtype, scores.dtype) == (np.int64, np.float32)
        assert len(found) == len(scores) == min(wanted, int(allowed.sum())) == len(set(found.tolist()))
        assert allowed[found].all(), "a filter is never passed by"
        np.testing.assert_allclose(scores, vectors[found] @ query, atol=1e-5, rtol=0)
        assert (np.diff(scores) <= 1e-5).all()
        if kind is EXACT and len(found):
            best = np.sort((vectors[allowed] @ query).astype(np.float64))[::-1][: len(found)]
            np.testing.assert_allclose(scores, best, atol=1e-5, rtol=0)

    @settings(max_examples=20, deadline=None)
    @given(seeds, sizes, st.data())
    def test_vectors_come_back_bit_for_bit_and_copied(
        self, kind: VectorIndexKind, seed: int, rows: int, data: st.DataObject
    ) -> None:
        vectors = unit_rows(seed, rows)
        index = kind.build(vectors.copy())
        some = np.array(data.draw(st.lists(st.integers(0, rows - 1), max_size=9)) if rows else [], np.int64)
        found = index.vectors_of(some)
        assert (found.shape, found.dtype) == ((len(some), DIMENSION), np.float32)
        assert found.tobytes() == vectors[some].tobytes()
        found[:] = 0
        assert index.vectors_of(some).tobytes() == vectors[some].tobytes()

    @settings(max_examples=20, deadline=None)
    @given(seeds, sizes)
    def test_its_columns_make_the_same_again(self, kind: VectorIndexKind, seed: int, rows: int) -> None:
        vectors, everything = unit_rows(seed, rows), np.ones(rows, np.bool_)
        index = kind.build(vectors)
        columns = index.columns()
        assert columns.keys() == kind.columns
        again: VectorIndex = kind.load(columns, rows, DIMENSION)
        assert again.rows == index.rows == rows
        query = unit_rows(seed + 1, 1)[0]
        for one, other in zip(
            again.nearest(query, everything, 5), index.nearest(query, everything, 5), strict=True
        ):
            assert one.tolist() == other.tolist()

    @pytest.mark.parametrize(("rows", "dimension"), [(6, DIMENSION), (5, DIMENSION + 1)])
    def test_columns_of_another_shape_are_refused(
        self, kind: VectorIndexKind, rows: int, dimension: int
    ) -> None:
        columns = kind.build(unit_rows(1, 5)).columns()
        with pytest.raises(ValueError, match=r"halves|float32"):
            kind.load(columns, rows, dimension)

    def test_its_files_can_be_named(self, kind: VectorIndexKind) -> None:
        for column in kind.columns:
            assert FILE_NAME.fullmatch(f"{column}-{1:012d}-{'a' * 16}.npy")

    def test_an_index_of_this_kind_survives_its_files(
        self, kind: VectorIndexKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(vector_indexes, "EXACT", kind)
            patch.setattr(vector_indexes, "KINDS", (EXACT, HALVES))
            index = _corpus_index(50)
            save(index, tmp_path, commit=1, commit_uid="u", profile="p")
            again, _ = load(tmp_path, profile="p", dimension=DIMENSION)
            query, everything = unit_rows(9, 1)[0], np.ones(50, np.bool_)
            assert [a.tolist() for a in again.nearest(query, everything, 7)] == [
                a.tolist() for a in index.nearest(query, everything, 7)
            ]
            assert [a.tolist() for a in index.nearest(query, everything, 7)] == [
                a.tolist() for a in _exact_answer(query)
            ], "scores are exact whatever the kind proposes"
        if kind not in KINDS:
            with pytest.raises(IndexDamaged, match="other columns"):
                load(tmp_path, profile="p", dimension=DIMENSION)


def test_every_kind_is_told_by_its_columns() -> None:
    assert [kind_of(kind.columns) for kind in KINDS] == list(KINDS)
    assert kind_of(frozenset()) is None
    assert kind_of(EXACT.columns | {"graph"}) is None


def _corpus_index(rows: int) -> CorpusIndex:
    counts = np.ones(rows, np.int32)
    batch = ChunkBatch(
        chunk_ids=np.arange(rows, dtype=np.int64),
        versions=np.arange(rows, dtype=np.int64),
        vectors=unit_rows(3, rows),
        lengths=counts,
        term_offsets=np.arange(rows + 1, dtype=np.int64),
        terms=np.zeros(rows, np.int32),
        counts=counts,
        signatures=np.zeros((rows, SIGNATURE_VALUES), np.uint16),
    )
    return CorpusIndex.empty(DIMENSION).extended(batch).compacted(np.ones(rows, np.bool_))


def _exact_answer(query: F32Vector) -> tuple[I64Vector, F32Vector]:
    """Seven rows and, since each vector comes twice, the one that ties with the last."""
    scores = (unit_rows(3, 50).astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    order = np.lexsort((np.arange(50), -np.rint(scores.astype(np.float64) / 1e-6)))[:8]
    return order, scores[order]
