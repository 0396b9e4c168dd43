"""The report of duplicates: which live documents of a corpus say the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragsvc.domain import (
    SIGNATURE_VALUES,
    BoolVector,
    Caller,
    DuplicateGroup,
    DuplicateKind,
    I64Vector,
    U16Matrix,
    U16Vector,
)
from ragsvc.store.catalog import Catalog
from ragsvc.store.rows import DocumentSignatures
from ragsvc.text.minhash import NEAR, similarities

# Two signatures are compared when all values of a band are equal. Near ones differ in at most 25 of 128
# values, so 7 of their 32 bands of 4 at least are equal; of pairs at .1 one in three hundred has any.
_BAND_VALUES = 4
# Of a larger bucket (documents made from one template) not all pairs are compared: one value after
# another splits it until its parts are small, in several orders of the values, because each parts some
# near ones. Measured: of 250 to 500 pairs at .805 among 2000, 8000 and 32000 rows that are at .25 to .69
# to each other all were found, and with one order too.
_MOST = 128
_ORDERS = 2
# Pairs compared at once.
_BLOCK = 1 << 16


def find_duplicates(catalog: Catalog, caller: Caller, name: str) -> list[DuplicateGroup]:
    """Group the live documents of a corpus that hold the same text, or nearly.

    :raises CorpusNotFound: if there is none of this name.
    """
    return grouped(catalog.signatures.of_documents(catalog.corpora.get(caller, name), caller))


def grouped(documents: DocumentSignatures) -> list[DuplicateGroup]:
    """Group documents of one version, and those whose versions are linked by near ones.

    A near group lists all documents of its versions; those that share a version are an exact group too.

    :return: exact groups, then near ones, each kind ordered by first id.
    """
    holders: dict[int, list[str]] = {}
    row_of: dict[int, int] = {}
    for row, version in enumerate(documents.versions.tolist()):
        holders.setdefault(version, []).append(documents.document_ids[row])
        row_of.setdefault(version, row)
    names = list(holders.values())
    groups = [DuplicateGroup(DuplicateKind.EXACT, 1.0, tuple(ids)) for ids in names if len(ids) > 1]
    signatures = documents.signatures[list(row_of.values())]
    linked: dict[int, list[int]] = {}
    for row, number in enumerate(link(signatures).tolist()):
        linked.setdefault(number, []).append(row)
    for rows in linked.values():
        if len(rows) > 1:
            similarity = float(similarities(signatures[rows[0]], signatures[rows]).min())
            ids = sorted(name for row in rows for name in names[row])
            groups.append(DuplicateGroup(DuplicateKind.NEAR, similarity, tuple(ids)))
    return groups


def link(signatures: U16Matrix) -> I64Vector:
    """Single linkage: rows of one group are joined by a chain of near ones.

    The time grows with the number of rows, not with that of pairs, however many share a template. All
    near pairs are found among rows that share a band with at most 127 others.

    :param signatures: (n, 128) uint16; rows of zeros are joined with none.
    :return: (n,) int64, the smallest row of each row's group.
    """
    groups = _Groups(signatures)
    known = np.flatnonzero(signatures.any(axis=1))
    for start in range(0, SIGNATURE_VALUES, _BAND_VALUES):
        bands = np.ascontiguousarray(signatures[known, start : start + _BAND_VALUES]).view(np.uint64)[:, 0]
        small, large = _Buckets.of(known, bands).by_size()
        groups.join_within(small)
        # What is alike throughout is joined here, and need not be split.
        groups.join_with_first(large)
        for turn in range(_ORDERS):
            groups.join_split(large, _order(start, turn))
    return groups.numbers


def _order(start: int, turn: int) -> I64Vector:
    """All values in an order that is the band's own: an odd step reaches each of 128 once."""
    step = 2 * (_ORDERS * start // _BAND_VALUES + turn) + 5
    return (start + _BAND_VALUES + step * np.arange(SIGNATURE_VALUES, dtype=np.int64)) % SIGNATURE_VALUES


@dataclass(frozen=True, slots=True)
class _Buckets:
    """Rows that may be near each other. rows: (m,); numbers: (m,), ascending, equal in one bucket."""

    rows: I64Vector
    numbers: I64Vector

    @classmethod
    def of(cls, rows: I64Vector, keys: NDArray[np.uint64]) -> _Buckets:
        """Put rows of one key into one bucket; rows that are alone are left out."""
        order = np.argsort(keys, kind="stable")
        rows, keys = rows[order], keys[order]
        numbers = np.zeros(len(rows), dtype=np.int64)
        np.cumsum(keys[1:] != keys[:-1], out=numbers[1:])
        return cls(rows, numbers)._where(np.bincount(numbers)[numbers] > 1)

    def by_size(self) -> tuple[_Buckets, _Buckets]:
        """Those whose pairs can all be compared, and the others."""
        fits = np.bincount(self.numbers)[self.numbers] <= _MOST
        return self._where(fits), self._where(~fits)

    def split(self, values: U16Vector) -> _Buckets:
        """Split each bucket by one value of every row."""
        return self.of(self.rows, self.numbers.astype(np.uint64) << np.uint64(16) | values)

    def apart(self, groups: I64Vector) -> _Buckets:
        """Without the buckets whose rows are all in one group."""
        mine = groups[self.rows]
        differs = np.bincount(self.numbers, weights=mine != mine[self.firsts()])
        return self._where(differs[self.numbers] > 0)

    def firsts(self) -> I64Vector:
        """The place in `rows` of the first one of each row's bucket."""
        return np.searchsorted(self.numbers, self.numbers)

    def _where(self, chosen: BoolVector) -> _Buckets:
        return _Buckets(self.rows[chosen], self.numbers[chosen])


class _Groups:
    """Which rows are joined. numbers: (n,), the smallest row of each row's group, at all times."""

    def __init__(self, signatures: U16Matrix) -> None:
        self._signatures = signatures
        self.numbers: I64Vector = np.arange(len(signatures), dtype=np.int64)

    def join_within(self, buckets: _Buckets) -> None:
        """Compare all pairs of each bucket."""
        buckets = buckets.apart(self.numbers)
        rows, numbers = buckets.rows, buckets.numbers
        places = np.arange(len(rows), dtype=np.int64)
        for offset in range(1, _MOST):
            places = places[: np.searchsorted(places, len(rows) - offset)]
            places = places[numbers[places] == numbers[places + offset]]
            if not places.size:
                return
            self.join_near(rows[places], rows[places + offset])

    def join_with_first(self, buckets: _Buckets) -> None:
        """Compare each row with the first one of its bucket."""
        self.join_near(buckets.rows[buckets.firsts()], buckets.rows)

    def join_split(self, buckets: _Buckets, order: I64Vector) -> None:
        """Split buckets until all pairs of their parts can be compared."""
        for place in order.tolist():
            buckets = buckets.apart(self.numbers)
            if not buckets.rows.size:
                return
            small, buckets = buckets.split(self._signatures[buckets.rows, place]).by_size()
            self.join_within(small)

    def join_near(self, one: I64Vector, other: I64Vector) -> None:
        """Compare rows pair by pair, those of one group apart, and join the groups of near ones."""
        differ = self.numbers[one] != self.numbers[other]
        one, other = one[differ], other[differ]
        for start in range(0, len(one), _BLOCK):
            some, others = one[start : start + _BLOCK], other[start : start + _BLOCK]
            near = similarities(self._signatures[some], self._signatures[others]) >= NEAR
            if near.any():
                self._join(some[near], others[near])

    def _join(self, one: I64Vector, other: I64Vector) -> None:
        numbers = self.numbers
        while ((mine := numbers[one]) != (yours := numbers[other])).any():
            # A group that is to join several takes the smallest; the next round joins the rest.
            np.minimum.at(numbers, np.maximum(mine, yours), np.minimum(mine, yours))
            while ((roots := numbers[numbers]) != numbers).any():
                numbers[:] = roots
