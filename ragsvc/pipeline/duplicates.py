"""The report of duplicates: which live documents of a corpus say the same."""

from __future__ import annotations

import numpy as np

from ragsvc.domain import (
    SIGNATURE_VALUES,
    Caller,
    DocumentSignatures,
    DuplicateGroup,
    DuplicateKind,
    I64Vector,
    U16Matrix,
)
from ragsvc.store.catalog import Catalog
from ragsvc.text.signature import NEAR, similarities

# Two signatures are compared when all values of a band are equal. Of pairs at .8 one in ten million
# has none of 32 bands of 4 values equal; of pairs at .1 one in three hundred has any.
_BAND_VALUES = 4


def find_duplicates(catalog: Catalog, caller: Caller, name: str) -> list[DuplicateGroup]:
    """Group the live documents of a corpus that hold the same text, or nearly.

    :raises CorpusNotFound: if there is none of this name.
    """
    return grouped(catalog.document_signatures(catalog.corpus(caller, name), caller))


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

    :param signatures: (n, 128) uint16; rows of zeros are joined with none.
    :return: (n,) int64, the smallest row of each row's group.
    """
    numbers = np.arange(len(signatures), dtype=np.int64)
    known = np.flatnonzero(signatures.any(axis=1))
    for start in range(0, SIGNATURE_VALUES, _BAND_VALUES):
        bands = np.ascontiguousarray(signatures[known, start : start + _BAND_VALUES]).view(np.uint64)[:, 0]
        order = np.argsort(bands, kind="stable")
        edges = np.flatnonzero(np.diff(bands[order])) + 1
        for bucket in np.split(known[order], edges):
            if len(bucket) > 1:
                _join_near(numbers, signatures, bucket)
    return numbers


def _join_near(numbers: I64Vector, signatures: U16Matrix, bucket: I64Vector) -> None:
    """Give rows of a bucket that are near the same number, and all rows of their groups with them."""
    if (numbers[bucket] == numbers[bucket[0]]).all():
        return
    members = signatures[bucket]
    for place, row in enumerate(bucket.tolist()):
        others = bucket[place + 1 :]
        near = others[similarities(members[place], members[place + 1 :]) >= NEAR]
        apart = near[numbers[near] != numbers[row]]
        if apart.size:
            joined = np.unique(numbers[[row, *apart.tolist()]])
            numbers[np.isin(numbers, joined)] = joined[0]
            if (numbers[bucket] == numbers[row]).all():
                return
