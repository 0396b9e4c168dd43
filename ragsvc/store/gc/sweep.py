"""Removing garbage: short transactions, in an order in which none leaves a reference to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sqlalchemy import Connection, delete, select

from ragsvc.domain import I64Vector
from ragsvc.store.engine import batches, insert_or_replace
from ragsvc.store.gc.survey import GarbageSurvey
from ragsvc.store.tables import (
    chunk,
    chunking,
    counter,
    document_version,
    field,
    membership,
    mentions,
    parse_cache,
    signature,
    term,
    vector,
)
from ragsvc.store.terms import GENERATION, generation_of

# Rows of one transaction: few, so that whoever writes beside does not wait.
_MEMBERSHIPS = 1000
_VERSIONS = 100
_CHUNKS = 500
_SMALL = 1000


@dataclass(slots=True)
class SweepWork:
    """Rows that were deleted, counted as it goes on, and why content was left alone; "" when it was not."""

    steps: int = 0
    documents: int = 0
    versions: int = 0
    chunks: int = 0
    vectors: int = 0
    terms: int = 0
    postponed: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction.

    content: whether those who prepare content may build upon what it removes.
    """

    content: bool
    run: Callable[[Connection, SweepWork], None]


def steps(garbage: GarbageSurvey) -> Iterator[Step]:
    """What removes all of the garbage."""
    for ids in batches(garbage.memberships.tolist(), _MEMBERSHIPS):
        yield Step(False, partial(_drop_memberships, ids))
    for run in _content(garbage):
        yield Step(True, run)


def _content(garbage: GarbageSurvey) -> Iterator[Callable[[Connection, SweepWork], None]]:
    rows, versions = garbage.chunkings, garbage.versions
    gone = np.isin(rows[:, 0], versions)
    places = np.searchsorted(versions, rows[gone, 0])
    chunks = np.bincount(places, weights=rows[gone, 2], minlength=len(versions))
    for ids in _slices(versions, chunks.astype(np.int64)):
        yield partial(_drop_versions, ids)
    stay = rows[~gone]
    for profile_id in np.unique(stay[:, 1]).tolist():
        mine = stay[stay[:, 1] == profile_id]
        for ids in _slices(mine[:, 0], mine[:, 2]):
            yield partial(_drop_chunkings, profile_id, ids)
    for ids in batches(garbage.vectors.tolist(), _SMALL):
        yield partial(_drop_vectors, ids)
    for ids in batches(garbage.terms.tolist(), _SMALL):
        yield partial(_drop_terms, garbage.last_chunk, ids)


def _slices(versions: I64Vector, chunks: I64Vector) -> Iterator[Sequence[int]]:
    """Few versions at a time, and few chunks as long as one version has no more.

    :param chunks: (versions,) their numbers.
    """
    some: list[int] = []
    held = 0
    for version, number in zip(versions.tolist(), chunks.tolist(), strict=True):
        if some and (len(some) == _VERSIONS or held + number > _CHUNKS):
            yield some
            some, held = [], 0
        some.append(version)
        held += number
    if some:
        yield some


def _drop_memberships(ids: Sequence[int], connection: Connection, work: SweepWork) -> None:
    connection.execute(delete(field).where(field.c.membership_id.in_(ids)))
    work.documents += connection.execute(delete(membership).where(membership.c.id.in_(ids))).rowcount


def _drop_versions(ids: Sequence[int], connection: Connection, work: SweepWork) -> None:
    work.chunks += connection.execute(delete(chunk).where(chunk.c.version_id.in_(ids))).rowcount
    for table in (chunking, mentions, parse_cache, signature):
        connection.execute(delete(table).where(table.c.version_id.in_(ids)))
    gone = delete(document_version).where(document_version.c.id.in_(ids))
    work.versions += connection.execute(gone).rowcount


def _drop_chunkings(profile_id: int, ids: Sequence[int], connection: Connection, work: SweepWork) -> None:
    for table in (chunk, chunking):
        gone = delete(table).where(table.c.version_id.in_(ids), table.c.profile_id == profile_id)
        count = connection.execute(gone).rowcount
        work.chunks += count if table is chunk else 0


def _drop_vectors(ids: Sequence[int], connection: Connection, work: SweepWork) -> None:
    work.vectors += connection.execute(delete(vector).where(vector.c.id.in_(ids))).rowcount


def _drop_terms(last_chunk: int, ids: Sequence[int], connection: Connection, work: SweepWork) -> None:
    """Chunks that came since the survey may use a term that nothing used then."""
    fresh = connection.execute(select(chunk.c.terms).where(chunk.c.id > last_chunk)).scalars()
    unused = np.setdiff1d(ids, np.frombuffer(b"".join(fresh), dtype="<i4")).tolist()
    work.terms += connection.execute(delete(term).where(term.c.id.in_(unused))).rowcount
    generation = generation_of(connection) + 1
    connection.execute(insert_or_replace(counter, ["value"]), {"name": GENERATION, "value": generation})
