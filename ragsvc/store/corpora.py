"""Corpora, their profiles, roots and heads."""

from __future__ import annotations

import difflib
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, insert, select, update

from ragsvc.domain import (
    Caller,
    ChunkerSpec,
    CommitId,
    Corpus,
    CorpusId,
    CorpusSummary,
    EmbedderSpec,
    Profile,
    ProfileId,
    ProfileSpec,
)
from ragsvc.errors import CorpusNotFound, InvalidName, RootConflict
from ragsvc.fingerprints import embedder_fingerprint, profile_fingerprint
from ragsvc.store.engine import Repository, insert_or_ignore, now
from ragsvc.store.permissions import readable
from ragsvc.store.tables import chunking, commit, corpus, document_version, membership, profile, root

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ENTRY = commit.alias()
_NEWEST = select(func.max(_ENTRY.c.id)).where(_ENTRY.c.corpus_id == corpus.c.id).scalar_subquery()
# Every query asks this; building a statement takes longer than SQLite needs for it.
_FIND = (
    select(
        corpus.c.id,
        corpus.c.uid,
        corpus.c.name,
        corpus.c.created_at,
        commit.c.id.label("head"),
        commit.c.uid.label("commit_uid"),
        corpus.c.profile_id,
        profile.c.fingerprint,
        profile.c.embedder_fingerprint,
        profile.c.spec,
    )
    .join(profile, profile.c.id == corpus.c.profile_id)
    .outerjoin(commit, commit.c.id == _NEWEST)
    .where(corpus.c.name == bindparam("name"))
)


class Corpora(Repository):
    """Named collections of documents."""

    def get(self, caller: Caller, name: str) -> Corpus:  # noqa: ARG002
        """Find a corpus and its head.

        :raises CorpusNotFound: with similar names in the hint.
        """
        with self._db.read() as connection:
            return find_corpus(connection, name)

    def newest(self, corpus: Corpus) -> Corpus:
        """The same corpus at its head now.

        :raises CorpusNotFound: if it was deleted; one that took its name is another.
        """
        with self._db.read() as connection:
            found = find_corpus(connection, corpus.name)
            if found.uid != corpus.uid:
                raise _not_found(connection, corpus.name)
        return found

    def summaries(self, caller: Caller) -> list[CorpusSummary]:
        """List every corpus, by name."""
        with self._db.read() as connection:
            rows = connection.execute(_summaries(caller).order_by(corpus.c.name)).all()
        return [_summary(row) for row in rows]

    def summary(self, caller: Caller, name: str) -> CorpusSummary:
        """Count what a corpus holds at its head.

        :raises CorpusNotFound: with similar names in the hint.
        """
        with self._db.read() as connection:
            find_corpus(connection, name)
            return _summary(connection.execute(_summaries(caller).where(corpus.c.name == name)).one())

    def create(self, caller: Caller, name: str, spec: ProfileSpec) -> Corpus:
        """Create a corpus; one that exists is returned with the profile that it has.

        :raises InvalidName: if the name is not [a-z0-9][a-z0-9._-]{0,63}.
        """
        check_name(name)
        with self._db.write("store.create_corpus") as connection:
            insert_corpus(connection, caller, name, _put_profile(connection, spec).id)
            return find_corpus(connection, name)

    def choose_profile(self, name: str, spec: ProfileSpec) -> Corpus:
        """Give a corpus another profile, unless it has a commit: that takes a reindex.

        :raises CorpusNotFound: with similar names in the hint.
        """
        with self._db.write("store.choose_profile") as connection:
            found = find_corpus(connection, name)
            if not found.commit:
                place = corpus.c.id == int(found.id)
                chosen = int(_put_profile(connection, spec).id)
                connection.execute(update(corpus).where(place).values(profile_id=chosen))
            return find_corpus(connection, name)

    def profile(self, spec: ProfileSpec) -> Profile:
        """Find the stored profile of this spec, or store it."""
        with self._db.write("store.profile") as connection:
            return _put_profile(connection, spec)

    def latest_commit(self) -> CommitId:
        """The newest commit of all corpora, deletions included; cheap enough to poll. 0: none."""
        with self._db.read() as connection:
            return CommitId(connection.execute(select(func.max(commit.c.id))).scalar() or 0)

    def head(self, corpus_id: CorpusId) -> CommitId:
        """The newest commit of a corpus; 0: none."""
        with self._db.read() as connection:
            return head_of(connection, corpus_id)

    def roots(self, corpus_id: CorpusId) -> dict[str, str]:
        """Root names of a corpus and the folders or files that they stand for."""
        statement = select(root.c.name, root.c.path).where(root.c.corpus_id == corpus_id)
        with self._db.read() as connection:
            return {row.name: row.path for row in connection.execute(statement)}

    def check_roots(self, corpus_id: CorpusId, roots: Mapping[str, str]) -> None:
        """Find out early whether `publish` would refuse these roots; nothing is recorded.

        :raises RootConflict: if a name stands for another path that still exists.
        """
        with self._db.read() as connection:
            _compare_roots(connection, corpus_id, roots)

    def claim_root(self, corpus_id: CorpusId, name: str, path: str) -> None:
        """Record what a root name stands for.

        :raises RootConflict: if the name stands for another path that still exists.
        """
        with self._db.write("store.claim_root") as connection:
            claim_roots(connection, corpus_id, {name: path})


def check_name(name: str) -> None:
    """Refuse a name that no corpus can have.

    :raises InvalidName: unless it is [a-z0-9][a-z0-9._-]{0,63}.
    """
    if not _NAME.fullmatch(name):
        raise InvalidName(
            f"{_short(name)} cannot be the name of a corpus",
            hint="use up to 64 of a-z 0-9 . _ - and begin with a letter or digit",
        )


def insert_corpus(connection: Connection, caller: Caller, name: str, profile_id: ProfileId) -> None:
    """Create a corpus unless it exists, inside the caller's transaction."""
    row = {
        "uid": uuid.uuid4().hex,
        "name": name,
        "created_at": now(),
        "profile_id": int(profile_id),
        "owner": caller.principal,
        "tenant": caller.tenant,
    }
    connection.execute(insert_or_ignore(corpus), row)


def find_corpus(connection: Connection, name: str) -> Corpus:
    """Read a corpus by name.

    :raises CorpusNotFound: with similar names in the hint.
    """
    row = connection.execute(_FIND, {"name": name}).one_or_none()
    if row is None:
        raise _not_found(connection, name)
    return Corpus(
        id=CorpusId(row.id),
        uid=row.uid,
        name=row.name,
        created_at=row.created_at,
        commit=CommitId(row.head or 0),
        profile=Profile(
            ProfileId(row.profile_id), row.fingerprint, row.embedder_fingerprint, spec_from_json(row.spec)
        ),
        commit_uid=row.commit_uid or "",
    )


def head_of(connection: Connection, corpus_id: CorpusId) -> CommitId:
    """Read the newest commit of a corpus; 0: none."""
    statement = select(func.max(commit.c.id)).where(commit.c.corpus_id == corpus_id)
    return CommitId(connection.execute(statement).scalar() or 0)


def claim_roots(connection: Connection, corpus_id: CorpusId, roots: Mapping[str, str]) -> None:
    """Record root names inside the caller's transaction.

    :raises RootConflict: if a name stands for another path that still exists.
    """
    known = _compare_roots(connection, corpus_id, roots)
    for name, path in roots.items():
        if name not in known:
            connection.execute(insert(root), {"corpus_id": corpus_id, "name": name, "path": path})
        elif known[name] != path:
            moved = and_(root.c.corpus_id == corpus_id, root.c.name == name)
            connection.execute(update(root).where(moved).values(path=path))


def _compare_roots(connection: Connection, corpus_id: CorpusId, roots: Mapping[str, str]) -> dict[str, str]:
    statement = select(root.c.name, root.c.path).where(root.c.corpus_id == corpus_id)
    known: dict[str, str] = {row.name: row.path for row in connection.execute(statement)}
    for name, path in roots.items():
        other = known.get(name, path)
        if other != path and os.path.lexists(other):
            raise RootConflict(
                f"the root name {name!r} already stands for {other}",
                hint=f"give {path} a name of its own: --as NAME",
            )
    return known


def spec_from_json(value: Mapping[str, Any]) -> ProfileSpec:
    """Read back what `asdict` made of a profile."""
    return ProfileSpec(
        embedder=EmbedderSpec(**value["embedder"]),
        chunker=ChunkerSpec(**value["chunker"]),
        analyser=value["analyser"],
    )


def _put_profile(connection: Connection, spec: ProfileSpec) -> Profile:
    fingerprint, embedder = profile_fingerprint(spec), embedder_fingerprint(spec.embedder)
    connection.execute(
        insert_or_ignore(profile),
        {"fingerprint": fingerprint, "embedder_fingerprint": embedder, "spec": asdict(spec)},
    )
    row_id = connection.execute(select(profile.c.id).where(profile.c.fingerprint == fingerprint)).scalar_one()
    return Profile(ProfileId(row_id), fingerprint, embedder, spec)


def _summaries(caller: Caller) -> Select[Any]:
    """Documents are counted as they are listed; texts that several of them share, and their chunks, once."""
    head = select(func.max(commit.c.id)).where(commit.c.corpus_id == corpus.c.id).scalar_subquery()
    live = and_(membership.c.corpus_id == corpus.c.id, membership.c.died.is_(None), readable(caller))
    versions = select(membership.c.version_id).where(live).correlate(corpus)
    documents = select(func.count(membership.c.id)).where(live)
    chunks = select(func.coalesce(func.sum(chunking.c.chunks), 0)).where(
        chunking.c.profile_id == corpus.c.profile_id, chunking.c.version_id.in_(versions)
    )
    characters = select(func.coalesce(func.sum(document_version.c.characters), 0)).where(
        document_version.c.id.in_(versions)
    )
    return select(
        corpus.c.name,
        corpus.c.created_at,
        head.label("head"),
        documents.correlate(corpus).scalar_subquery().label("documents"),
        chunks.correlate(corpus).scalar_subquery().label("chunks"),
        characters.correlate(corpus).scalar_subquery().label("characters"),
        profile.c.spec,
    ).join(profile, profile.c.id == corpus.c.profile_id)


def _summary(row: Row[Any]) -> CorpusSummary:
    return CorpusSummary(
        name=row.name,
        created_at=row.created_at,
        commit=CommitId(row.head or 0),
        documents=row.documents,
        chunks=int(row.chunks),
        characters=int(row.characters),
        embedder=row.spec["embedder"]["name"],
    )


def _not_found(connection: Connection, name: str) -> CorpusNotFound:
    names = list(connection.execute(select(corpus.c.name).order_by(corpus.c.name)).scalars())
    near = difflib.get_close_matches(name[:64].lower(), names, n=3)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif names:
        hint = f"corpora here: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"
    else:
        hint = "there is no corpus yet: ragsvc ingest CORPUS PATH creates one"
    return CorpusNotFound(f"there is no corpus {_short(name)}", hint=hint)


def _short(name: str) -> str:
    return repr(name) if len(name) <= 80 else f"{name[:80]!r}..."
