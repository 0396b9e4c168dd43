"""Where the best chunks stand, without their texts: what an evaluation asks of thousands of searches."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.domain import Holder
from ragsvc.pipeline.retrieval.search import RankedRows, SearchScope


class ChunkLocations:
    """The chunks of one snapshot and the documents that hold them; each chunk is read once."""

    def __init__(self, reading: SearchScope) -> None:
        self._reading = reading
        self._holders: dict[int, list[Holder]] = {}

    def best(self, ranked: RankedRows, k: int) -> list[tuple[float, Holder]]:
        """The scores and places of the hits that `retrieve.hits` gives when nothing is collapsed."""
        chunks: list[int] = self._reading.snapshot.index.chunk_ids[ranked.rows].tolist()
        scores: list[float] = ranked.scores.tolist()
        found: list[tuple[float, Holder]] = []
        begin = 0
        while len(found) < k and begin < len(chunks):
            end = min(begin + k - len(found), len(chunks))
            # Ties are settled by document and place, so all of them are needed.
            while end < len(chunks) and scores[end] == scores[end - 1]:
                end += 1
            self._read(chunks[begin:end])
            block = [
                (score, holder)
                for chunk, score in zip(chunks[begin:end], scores[begin:end], strict=True)
                for holder in self._holders[chunk]
            ]
            found += sorted(block, key=lambda each: (-each[0], each[1].document_id, each[1].start))
            begin = end
        return found[:k]

    def _read(self, chunks: Sequence[int]) -> None:
        absent = [chunk for chunk in chunks if chunk not in self._holders]
        if not absent:
            return
        self._holders.update((chunk, []) for chunk in absent)
        reading = self._reading
        for holder in reading.catalog.passages.holders(
            reading.corpus, reading.snapshot.commit, absent, reading.where, reading.caller
        ):
            self._holders[holder.chunk].append(holder)
