"""Whether an index behaves on made vectors as it does on real ones: recall over effort, and their match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import F64Vector, I64Matrix


def recall_at(found: I64Matrix, exact: I64Matrix) -> F64Vector:
    """Share of each query's exact neighbours that were found: (q,), [0, 1].

    :param found: (q, any) rows, -1 for none. exact: (q, k) rows.
    :raises ValueError: if they are of different numbers of queries.
    """
    if len(found) != len(exact):
        raise ValueError(f"{len(found)} and {len(exact)} queries")
    hits = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
    shares: F64Vector = np.array(hits, dtype=np.float64) / exact.shape[1]
    return shares


@dataclass(frozen=True, slots=True)
class RecallCurve:
    """Mean recall at each effort (nprobe, efSearch), efforts ascending."""

    efforts: tuple[int, ...]
    recalls: tuple[float, ...]

    @classmethod
    def of(cls, search: Callable[[int], I64Matrix], exact: I64Matrix, efforts: Sequence[int]) -> RecallCurve:
        """Measure an index.

        :param search: from an effort to rows (q, any). exact: (q, k) true rows. efforts: ascending.
        """
        return cls(tuple(efforts), tuple(float(recall_at(search(each), exact).mean()) for each in efforts))

    def effort_for(self, recall: float) -> int:
        """The least effort that reaches a recall, [0, 1]; the greatest that was tried where none does."""
        reached = [effort for effort, had in zip(self.efforts, self.recalls, strict=True) if had >= recall]
        return reached[0] if reached else self.efforts[-1]

    def recall_with(self, effort: int) -> float:
        """Recall at one of the efforts.

        :raises ValueError: if it was not tried.
        """
        return self.recalls[self.efforts.index(effort)]

    def difference(self, other: RecallCurve) -> float:
        """Mean absolute difference of the recalls, [0, 1]; 0 for curves that match.

        :raises ValueError: if the efforts differ.
        """
        if self.efforts != other.efforts:
            raise ValueError("curves of different efforts cannot be compared")
        return float(np.abs(np.subtract(self.recalls, other.recalls)).mean())
