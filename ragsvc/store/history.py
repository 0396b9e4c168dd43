"""The history of corpora: commits, the words that refer to them, and the tags that people give them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from sqlalchemy import Connection, and_, bindparam, case, delete, func, insert, select, update

from ragsvc.domain import Caller, Commit, CommitId, Corpus, CorpusId, Holdings, Profile, ProfileId, Tag
from ragsvc.errors import CommitCollected, InvalidName, RefNotFound, StaleContent, TagExists
from ragsvc.store.corpora import find_corpus, spec_from_json
from ragsvc.store.engine import Repository, now
from ragsvc.store.tables import chunk, chunking, commit, membership, profile, tag

HEAD = "head"
_BACK = re.compile(rf"{HEAD}~([0-9]{{1,9}})")
_NUMBER = re.compile(r"[0-9]{1,18}")
# Every query asks this; building a statement takes longer than SQLite needs for it.
_COLLECTED = select(commit.c.collected).where(
    commit.c.id == bindparam("number"),
    commit.c.corpus_id == bindparam("corpus"),
    commit.c.uid == bindparam("uid"),
)
_NAME = re.compile(r"(?![0-9]+$)(?!head(~|$))[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class History(Repository):
    """Commits and tags of corpora."""

    def log(
        self,
        caller: Caller,  # noqa: ARG002
        name: str,
        limit: int,
        before: CommitId | None = None,
    ) -> list[Commit]:
        """Commits of a corpus, newest first.

        :param limit: at least 1.
        :param before: only commits older than this one.
        :raises CorpusNotFound: with similar names in the hint.
        """
        c = commit.c
        with self._db.read() as connection:
            corpus_id = find_corpus(connection, name).id
            statement = (
                select(
                    c.id,
                    c.created_at,
                    c.principal,
                    c.kind,
                    c.stats,
                    c.collected,
                    profile.c.fingerprint,
                    profile.c.spec,
                )
                .outerjoin(profile, profile.c.id == c.profile_id)
                .where(c.corpus_id == int(corpus_id))
                .order_by(c.id.desc())
                .limit(limit)
            )
            if before is not None:
                statement = statement.where(c.id < int(before))
            rows = connection.execute(statement).all()
            tags = _tags_of(connection, corpus_id)
        return [
            Commit(
                id=CommitId(row.id),
                created_at=row.created_at,
                principal=row.principal,
                kind=row.kind,
                stats=row.stats,
                profile=row.fingerprint or "",
                embedder=row.spec["embedder"]["name"] if row.spec else "",
                tags=tuple(tags.get(row.id, ())),
                collected=bool(row.collected),
            )
            for row in rows
        ]

    def corpus_at(self, caller: Caller, name: str, ref: str) -> Corpus:  # noqa: ARG002
        """Find a corpus as it was at a commit, with the profile that it had.

        :param ref: "head", "head~N" (N commits earlier), a tag, or a commit number: the newest commit
            of the corpus up to that number.
        :raises CorpusNotFound: with similar names in the hint.
        :raises RefNotFound: if nothing has this name, or there was nothing yet.
        :raises CommitCollected: if gc removed what the commit held.
        """
        with self._db.read() as connection:
            head = find_corpus(connection, name)
            number = find_commit(connection, head, ref)
            if number == head.commit:
                return head
            row = connection.execute(
                select(
                    commit.c.uid,
                    profile.c.id,
                    profile.c.fingerprint,
                    profile.c.embedder_fingerprint,
                    profile.c.spec,
                )
                .join(profile, profile.c.id == commit.c.profile_id)
                .where(commit.c.id == int(number))
            ).one()
        then = Profile(ProfileId(row.id), row.fingerprint, row.embedder_fingerprint, spec_from_json(row.spec))
        return replace(head, commit=number, commit_uid=row.uid, profile=then)

    def has_commit(self, corpus_id: CorpusId, uid: str) -> bool:
        """Whether the history of a corpus has this commit; a catalog that was put back may not."""
        statement = select(commit.c.id).where(commit.c.corpus_id == int(corpus_id), commit.c.uid == uid)
        with self._db.read() as connection:
            return connection.execute(statement).first() is not None

    def is_kept(self, corpus: Corpus) -> bool:
        """Whether all that the commit of `corpus` held is there; ask after reading: gc may come between."""
        if corpus.commit == 0:
            return True
        asked = {"number": int(corpus.commit), "corpus": int(corpus.id), "uid": corpus.commit_uid}
        with self._db.read() as connection:
            return connection.execute(_COLLECTED, asked).scalar_one_or_none() == 0

    def check_kept(self, corpus: Corpus) -> None:
        """See `is_kept`.

        :raises StaleContent: if gc took the commit, its corpus was deleted, or the catalog was put back.
        """
        if not self.is_kept(corpus):
            raise StaleContent(f"commit {corpus.commit} was removed meanwhile", hint="run the same again")

    def holdings(self, corpus_id: CorpusId, profile_id: ProfileId) -> Holdings:
        """Versions in the uncollected history of a corpus that are chunked under a profile."""
        m = membership.c
        live = func.max(case((m.died.is_(None), 1), else_=0))
        cut = (
            select(func.coalesce(func.sum(chunk.c.id), 0))
            .where(chunk.c.version_id == m.version_id, chunk.c.profile_id == int(profile_id))
            .scalar_subquery()
        )
        statement = (
            select(m.version_id, chunking.c.chunks, live, cut)
            .join(
                chunking,
                and_(chunking.c.version_id == m.version_id, chunking.c.profile_id == int(profile_id)),
            )
            .where(m.corpus_id == int(corpus_id))
            .group_by(m.version_id, chunking.c.chunks)
            .order_by(m.version_id)
        )
        with self._db.read() as connection:
            rows: Sequence[Any] = connection.execute(statement).all()
        # Not np.array: it would ask every row for an array interface first.
        table = np.fromiter(chain.from_iterable(rows), dtype=np.int64).reshape(-1, 4)
        return Holdings(table[:, 0].copy(), table[:, 1].copy(), table[:, 2] == 1, table[:, 3].copy())

    def tags(self, caller: Caller, name: str) -> list[Tag]:  # noqa: ARG002
        """Tags of a corpus, by name.

        :raises CorpusNotFound: with similar names in the hint.
        """
        with self._db.read() as connection:
            corpus_id = find_corpus(connection, name).id
            rows = connection.execute(
                select(tag).where(tag.c.corpus_id == int(corpus_id)).order_by(tag.c.name)
            ).all()
        return [Tag(row.name, CommitId(row.commit_id), row.principal, row.created_at) for row in rows]

    def set_tag(self, caller: Caller, name: str, label: str, ref: str, *, move: bool) -> Tag:
        """Name a commit; naming it again changes nothing.

        :param move: take the tag from another commit.
        :raises InvalidName: if the tag could be taken for a number or for "head".
        :raises TagExists: if it names another commit, unless it may move.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        """
        if not _NAME.fullmatch(label):
            raise InvalidName(
                f"{label[:80]!r} cannot be a tag",
                hint="use up to 64 letters, digits, . _ - and not a number, not head",
            )
        with self._db.write("store.set_tag") as connection:
            corpus = find_corpus(connection, name)
            number = find_commit(connection, corpus, ref)
            mine = (tag.c.corpus_id == int(corpus.id), tag.c.name == label)
            row = connection.execute(select(tag).where(*mine)).one_or_none()
            if row is not None and row.commit_id == number:
                return Tag(label, number, row.principal, row.created_at)
            values = {"commit_id": int(number), "principal": caller.principal, "created_at": now()}
            if row is None:
                connection.execute(insert(tag), {"corpus_id": int(corpus.id), "name": label, **values})
            elif move:
                connection.execute(update(tag).where(*mine).values(**values))
            else:
                raise TagExists(
                    f"the tag {label} of {name} names commit {row.commit_id}",
                    hint="choose another, or --move",
                )
        return Tag(label, number, caller.principal, str(values["created_at"]))

    def delete_tag(self, caller: Caller, name: str, label: str) -> None:  # noqa: ARG002
        """Take a name from its commit, which gc may then remove.

        :raises RefNotFound: if there is no such tag.
        """
        with self._db.write("store.delete_tag") as connection:
            corpus = find_corpus(connection, name)
            statement = delete(tag).where(tag.c.corpus_id == int(corpus.id), tag.c.name == label)
            if not connection.execute(statement).rowcount:
                raise RefNotFound(f"{name} has no tag {label[:80]!r}", hint=f"ragsvc tag {name} lists them")


def new_uid() -> str:
    """The uid of a commit that is yet to be made."""
    return uuid.uuid4().hex


def insert_commit(
    connection: Connection,
    caller: Caller,
    corpus_id: CorpusId,
    kind: str,
    stats: Mapping[str, Any],
    profile_id: ProfileId | None,
    uid: str | None = None,
) -> CommitId:
    """Take the next number, inside the caller's transaction.

    :param profile_id: the profile of the corpus's head from now on; None when the corpus is deleted.
    :param uid: from `new_uid`, when files that the commit explains were written before it.
    """
    row = {
        "corpus_id": int(corpus_id),
        "created_at": now(),
        "principal": caller.principal,
        "kind": kind,
        "stats": dict(stats),
        "uid": uid or new_uid(),
        "profile_id": None if profile_id is None else int(profile_id),
        "collected": 0,
    }
    return CommitId(connection.execute(insert(commit).returning(commit.c.id), row).scalar_one())


def find_commit(connection: Connection, head: Corpus, ref: str) -> CommitId:
    """Find the commit that a reference means; see `Commits.corpus_at`.

    :raises RefNotFound: if nothing has this name, or there was nothing yet.
    :raises CommitCollected: if gc removed what the commit held.
    """
    hint = f"ragsvc log {head.name} lists commits and tags"
    c = commit.c
    own = select(c.id, c.collected).where(c.corpus_id == int(head.id))
    if back := _BACK.fullmatch(ref):
        statement = own.order_by(c.id.desc()).offset(int(back[1])).limit(1)
    elif ref == HEAD:
        statement = own.order_by(c.id.desc()).limit(1)
    elif _NUMBER.fullmatch(ref):
        newest = connection.execute(select(func.max(c.id))).scalar() or 0
        if int(ref) > newest:
            raise RefNotFound(f"there is no commit {ref} yet; the newest is {newest}", hint=hint)
        statement = own.where(c.id <= int(ref)).order_by(c.id.desc()).limit(1)
    else:
        named = select(tag.c.commit_id).where(tag.c.corpus_id == int(head.id), tag.c.name == ref)
        statement = own.where(c.id == named.scalar_subquery())
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise RefNotFound(f"{head.name} has no commit or tag {_short(ref)}", hint=hint)
    if row.collected:
        raise CommitCollected(
            f"commit {row.id} of {head.name} was removed by gc", hint=f"{hint}; tags keep commits from gc"
        )
    return CommitId(row.id)


def _tags_of(connection: Connection, corpus_id: CorpusId) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    statement = select(tag.c.commit_id, tag.c.name).where(tag.c.corpus_id == int(corpus_id))
    for number, name in connection.execute(statement.order_by(tag.c.name)):
        found.setdefault(number, []).append(name)
    return found


def _short(ref: str) -> str:
    return repr(ref) if len(ref) <= 80 else f"{ref[:80]!r}..."
