"""However an index grew, it answers as if it had been built at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from made_chunks import VOCABULARY, Chunk, make_batch, make_chunk, make_index, make_query

from ragsvc.index.corpus_index import CorpusIndex

# Every step is a batch of 0 to 40 new chunks, the death of a share of the rows, or a compaction.
STEPS = st.lists(
    st.one_of(
        st.integers(0, 40),
        st.tuples(st.just("kill"), st.integers(0, 2**32 - 1), st.floats(0, 1)),
        st.just("compact"),
    ),
    min_size=1,
    max_size=12,
)


def _dead(seed: int, share: float, rows: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.random.default_rng(seed).random(rows) < share


@settings(max_examples=120, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 1000), depth=st.integers(1, 60), twins=st.sampled_from([1, 4]))
def test_any_growth_equals_a_build_at_once(
    steps: list[int | str | tuple[str, int, float]], seed: int, depth: int, twins: int
) -> None:
    index, chunks, alive = make_index(), list[Chunk](), np.zeros(0, bool)
    # Ids come in a shuffled order, as a version that lives again comes after younger ones.
    fresh = iter(np.random.default_rng(seed).permutation(600).tolist())
    for step in steps:
        if isinstance(step, int):
            added = [make_chunk(next(fresh), twins) for _ in range(step)]
            index = index.extended(make_batch(added))
            chunks += added
            alive = np.concatenate([alive, np.ones(step, bool)])
        elif isinstance(step, tuple):
            alive = alive & ~_dead(step[1], step[2], len(alive))
        else:
            index = index.compacted(alive)
            chunks = sorted((c for c, a in zip(chunks, alive, strict=True) if a), key=lambda c: c.chunk_id)
            alive = np.ones(len(chunks), bool)
    living = sorted((c for c, a in zip(chunks, alive, strict=True) if a), key=lambda c: c.chunk_id)
    assert index.chunk_ids.tolist() == [chunk.chunk_id for chunk in chunks]
    _assert_same_answers(index, alive, make_index(living), seed, depth)
    assert _bytes(index.compacted(alive)) == _bytes(make_index(living).compacted(np.ones(len(living), bool)))


def _assert_same_answers(
    grown: CorpusIndex,
    alive: np.ndarray[tuple[int], np.dtype[np.bool_]],
    built: CorpusIndex,
    seed: int,
    depth: int,
) -> None:
    filtered = np.random.default_rng(seed).random(built.rows) < 0.5
    passing = set(built.chunk_ids[filtered].tolist())
    allowed = alive & np.array([i in passing for i in grown.chunk_ids.tolist()], bool)
    query = make_query(seed)
    terms = np.random.default_rng(seed).integers(0, VOCABULARY, 5).tolist()
    rows, scores = grown.nearest(query, allowed, depth)
    other_rows, other_scores = built.nearest(query, filtered, depth)
    assert grown.chunk_ids[rows].tolist() == built.chunk_ids[other_rows].tolist()
    assert scores.tolist() == other_scores.tolist()
    lexical, other_lexical = grown.match(terms, alive), built.match(terms, np.ones(built.rows, bool))
    rows, other_rows = grown.top(lexical, allowed, depth), built.top(other_lexical, filtered, depth)
    assert grown.chunk_ids[rows].tolist() == built.chunk_ids[other_rows].tolist()
    assert lexical[rows].tolist() == other_lexical[other_rows].tolist()
    assert not lexical[~alive].any()


def _bytes(index: CorpusIndex) -> list[bytes]:
    assert len(index.segments) <= 1
    assert index.delta_rows == 0
    return [
        column.tobytes()
        for base in index.segments
        for column in (
            base.chunk_ids,
            base.versions,
            base.lengths,
            *base.vectors.columns().values(),
            base.signatures,
            base.postings.terms,
            base.postings.offsets,
            base.postings.rows,
            base.postings.counts,
        )
    ]
