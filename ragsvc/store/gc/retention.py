"""Which commits a gc keeps, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from ragsvc.domain import CommitId
from ragsvc.store.corpora import find_corpus
from ragsvc.store.gc.pins import living_pins
from ragsvc.store.tables import commit, corpus, profile, tag


@dataclass(frozen=True, slots=True)
class ProfileUse:
    """A corpus and the fingerprint of a profile that it needs."""

    corpus: str
    uid: str
    profile: str


@dataclass(frozen=True, slots=True)
class CommitChoice:
    """Commits to collect, and in words those that stay."""

    doomed: tuple[CommitId, ...]
    kept: tuple[str, ...]


def choose(connection: Connection, home: Path, name: str | None, keep: int) -> CommitChoice:
    """Which commits go, and why others stay."""
    if name is None:
        names = connection.execute(select(corpus.c.name).order_by(corpus.c.name)).scalars().all()
    else:
        names = [find_corpus(connection, name).name]
    pinned: dict[int, list[str]] = {}
    for held in living_pins(connection, home):
        if held.commit_id is not None:
            pinned.setdefault(held.commit_id, []).append(held.reason)
    doomed: list[CommitId] = []
    kept: list[str] = []
    for each in names:
        reasons = {number: list(why) for number, why in pinned.items()}
        for row in _tags(connection, each):
            reasons.setdefault(row.commit_id, []).append(f"tag {row.name}")
        rows = _history(connection, each)
        newest = sum(not row.collected for row in rows[:keep])
        if newest:
            kept.append(
                f"{each}: the newest {newest} commits" if newest > 1 else f"{each}: the newest commit"
            )
        for row in rows[keep:]:
            if row.id in reasons and not row.collected:
                kept.append(f"{each}: commit {row.id}, {', '.join(reasons[row.id])}")
            elif not row.collected:
                doomed.append(CommitId(row.id))
    return CommitChoice(tuple(doomed), tuple(kept))


def _history(connection: Connection, name: str) -> Sequence[Row[Any, Any]]:
    """Commits of a corpus, newest first."""
    statement = (
        select(commit.c.id, commit.c.collected)
        .join(corpus, corpus.c.id == commit.c.corpus_id)
        .where(corpus.c.name == name)
        .order_by(commit.c.id.desc())
    )
    return connection.execute(statement).all()


def _tags(connection: Connection, name: str) -> Sequence[Row[Any, Any]]:
    statement = (
        select(tag.c.commit_id, tag.c.name)
        .join(corpus, corpus.c.id == tag.c.corpus_id)
        .where(corpus.c.name == name)
        .order_by(tag.c.name)
    )
    return connection.execute(statement).all()


def places_of(connection: Connection, home: Path, doomed: Sequence[CommitId]) -> tuple[ProfileUse, ...]:
    """Every corpus with its profile, those of its kept commits, and those that are being prepared."""
    columns = (corpus.c.id, corpus.c.name, corpus.c.uid, corpus.c.profile_id)
    corpora = {row.id: row for row in connection.execute(select(*columns))}
    needed = {(row.id, row.profile_id) for row in corpora.values()}
    needed |= {(pin.corpus_id, pin.profile_id) for pin in living_pins(connection, home)}
    c = commit.c
    gone = set(doomed)
    for row in connection.execute(select(c.id, c.corpus_id, c.profile_id).where(c.collected == 0)):
        if row.id not in gone:
            needed.add((row.corpus_id, row.profile_id))
    rows = connection.execute(select(profile.c.id, profile.c.fingerprint))
    prints: dict[int, str] = {row.id: row.fingerprint for row in rows}
    return tuple(
        ProfileUse(corpora[corpus_id].name, corpora[corpus_id].uid, prints[profile_id])
        for corpus_id, profile_id in needed
        if corpus_id in corpora and profile_id in prints
    )
