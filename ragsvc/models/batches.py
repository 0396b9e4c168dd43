"""How texts are put into batches: by length, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ragsvc.domain import I64Matrix, I64Vector


def plan_batches(lengths: Sequence[int], budget_tokens: int) -> Iterator[I64Vector]:
    """Group rows of similar length so that hardly any padding is computed.

    :param lengths: tokens per row, each at least 1.
    :param budget_tokens: rows x longest row of a batch stays within it; a longer row goes alone.
    :return: row numbers per batch, longest rows first; every row exactly once.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, budget_tokens // max(1, lengths[order[start]]))
        yield order[start : start + rows]
        start += rows


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[I64Matrix, I64Matrix]:
    """Make token ids rectangular.

    :return: ids (n, t) int64 padded at the right, and mask (n, t) int64 with 1 for real tokens.
    """
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = row
        mask[number, : len(row)] = 1
    return ids, mask
