"""What nothing needs any more: found by reading alone, so that a dry run and a real one agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, Select, func, select

from ragsvc.domain import BoolVector, CommitId, I64Matrix, I64Vector
from ragsvc.store.gc.pins import Pin, living_pins
from ragsvc.store.tables import chunk, chunking, commit, corpus, document_version, membership, term, vector
from ragsvc.store.tables import profile as profiles

_ROWS = 20_000
NEVER = 2**62
_NONE: I64Vector = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class GarbageSurvey:
    """Rows to delete; ids are (n,) int64.

    commit: the latest when this was found; another may need some of it again.
    chunkings: (n, 3) int64, version, profile, number of chunks; those of versions that go are among them.
    chunks: their chunks, a number.
    pins: of those who prepare content, as known when this was found.
    last_chunk: chunks with greater ids were not looked at; they may use some of the terms.
    """

    commit: int
    memberships: I64Vector
    versions: I64Vector
    chunkings: I64Matrix
    chunks: int
    vectors: I64Vector
    terms: I64Vector
    pins: tuple[Pin, ...]
    last_chunk: int

    @property
    def preparing(self) -> str:
        """Why content must be left alone now; "" when it need not."""
        return next((pin.reason for pin in self.pins if pin.keeps_all), "")


@dataclass(frozen=True, slots=True)
class _Needs:
    """What the commits that are left need.

    memberships: (rows,) bool. versions: ascending. pairs: codes of (version, profile), ascending.
    """

    memberships: BoolVector
    versions: I64Vector
    pairs: I64Vector


def survey(connection: Connection, home: Path, doomed: Sequence[CommitId]) -> GarbageSurvey:
    """Find what would be garbage without some commits, in one read transaction.

    :param doomed: commits that count as collected, beside those that are.
    """
    latest = latest_of(connection)
    pins = tuple(pin for pin in living_pins(connection, home) if pin.commit_id is None)
    rows = integers(
        connection,
        select(
            membership.c.id,
            membership.c.corpus_id,
            membership.c.version_id,
            membership.c.born,
            func.coalesce(membership.c.died, NEVER),
        ),
    )
    base = 1 + int(connection.execute(select(func.max(profiles.c.id))).scalar() or 0)
    needs = _needs(connection, rows, base, set(doomed), pins)
    memberships = rows[~needs.memberships, 0]
    if any(pin.keeps_all for pin in pins):
        return GarbageSurvey(latest, memberships, _NONE, np.empty((0, 3), np.int64), 0, _NONE, _NONE, pins, 0)
    versions = integers(connection, select(document_version.c.id))[:, 0]
    chunkings = integers(connection, select(chunking.c.version_id, chunking.c.profile_id, chunking.c.chunks))
    useless = chunkings[~np.isin(chunkings[:, 0] * base + chunkings[:, 1], needs.pairs)]
    vectors, terms, last = _derived(connection, needs.pairs, base, pins)
    return GarbageSurvey(
        latest,
        memberships,
        np.setdiff1d(versions, needs.versions),
        useless,
        int(useless[:, 2].sum()),
        vectors,
        terms,
        pins,
        last,
    )


def latest_of(connection: Connection) -> int:
    """The newest commit of all corpora; 0: none."""
    return int(connection.execute(select(func.max(commit.c.id))).scalar() or 0)


def _needs(
    connection: Connection, rows: I64Matrix, base: int, doomed: set[CommitId], pins: Sequence[Pin]
) -> _Needs:
    """A version is needed under the profiles of those commits at which it lives."""
    kept = _kept(connection, doomed)
    needed: BoolVector = rows[:, 4] == NEVER
    pairs = [_NONE]
    for (corpus_id, profile_id), commits in kept.items():
        mine = np.flatnonzero(rows[:, 1] == corpus_id)
        lives = mine[lives_at_one(rows[mine, 3], rows[mine, 4], np.array(commits, dtype=np.int64))]
        needed[lives] = True
        pairs.append(rows[lives, 2] * base + profile_id)
    for corpus_id, profile_id in connection.execute(select(corpus.c.id, corpus.c.profile_id)):
        live = (rows[:, 1] == corpus_id) & (rows[:, 4] == NEVER)
        pairs.append(rows[live, 2] * base + profile_id)
    for pin in pins:
        if pin.profile_id is not None:
            prepared = needed if pin.corpus_id is None else needed & (rows[:, 1] == pin.corpus_id)
            pairs.append(rows[prepared, 2] * base + pin.profile_id)
    return _Needs(needed, np.unique(rows[needed, 2]), np.unique(np.concatenate(pairs)))


def _kept(connection: Connection, doomed: set[CommitId]) -> Mapping[tuple[int, int], list[int]]:
    """Commits that are left, ascending, by corpus and profile."""
    c = commit.c
    statement = (
        select(c.corpus_id, c.profile_id, c.id)
        .where(c.collected == 0, c.profile_id.is_not(None))
        .order_by(c.id)
    )
    kept: dict[tuple[int, int], list[int]] = {}
    for corpus_id, profile_id, number in connection.execute(statement):
        if number not in doomed:
            kept.setdefault((corpus_id, profile_id), []).append(number)
    return kept


def lives_at_one(born: I64Vector, died: I64Vector, commits: I64Vector) -> BoolVector:
    """Whether born <= k < died for some k of `commits`, which ascend and are not empty."""
    first = np.searchsorted(commits, born)
    next_kept = commits[np.minimum(first, len(commits) - 1)]
    return np.asarray((first < len(commits)) & (next_kept < died), dtype=np.bool_)


def _derived(
    connection: Connection, pairs: I64Vector, base: int, pins: Sequence[Pin]
) -> tuple[I64Vector, I64Vector, int]:
    """Vectors and terms that no needed chunk uses, and the last chunk that was looked at."""
    embedders: dict[int, str] = {
        row.id: row.embedder_fingerprint
        for row in connection.execute(select(profiles.c.id, profiles.c.embedder_fingerprint))
    }
    needed: dict[str, set[bytes]] = {name: set() for name in embedders.values()}
    last = int(connection.execute(select(func.max(chunk.c.id))).scalar() or 0)
    newest = int(connection.execute(select(func.max(term.c.id))).scalar() or 0)
    used: BoolVector = np.zeros(newest + 1, dtype=np.bool_)
    statement = select(chunk.c.version_id, chunk.c.profile_id, chunk.c.embedded_hash, chunk.c.terms)
    for rows in _parts(connection, statement):
        codes = np.array([row[0] * base + row[1] for row in rows], dtype=np.int64)
        stay = [rows[i] for i in np.flatnonzero(np.isin(codes, pairs)).tolist()]
        for row in stay:
            needed[embedders[row[1]]].add(row[2])
        used[np.frombuffer(b"".join([row[3] for row in stay]), dtype="<i4")] = True
    # A reindex stores vectors before the chunks that use them.
    filling = {embedders.get(pin.profile_id) for pin in pins if pin.profile_id is not None}
    vectors: list[int] = []
    for rows in _parts(connection, select(vector.c.id, vector.c.embedder, vector.c.hash)):
        vectors += [
            number
            for number, embedder, digest in rows
            if embedder not in filling and digest not in needed.get(embedder, ())
        ]
    terms = integers(connection, select(term.c.id))[:, 0]
    return np.array(vectors, dtype=np.int64), terms[~used[terms]], last


def _parts(connection: Connection, statement: Select[Any]) -> Iterator[Sequence[Any]]:
    """Rows a few at a time, so that memory does not grow with the catalog."""
    yield from connection.execute(statement, execution_options={"yield_per": _ROWS}).partitions()


def integers(connection: Connection, statement: Select[Any]) -> I64Matrix:
    """A result of integers as (rows, columns) int64."""
    width = len(statement.selected_columns)
    parts = [
        np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, width)
        for rows in _parts(connection, statement)
    ]
    return np.concatenate([np.empty((0, width), dtype=np.int64), *parts])
