"""Passages: chunks as live documents hold them, with their text. Called on every query."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Row, Select, bindparam, select

from ragsvc.domain import Caller, ChunkId, ChunkText, CommitId, Corpus, Holder, Passage, VersionId
from ragsvc.lru_cache import LruCache
from ragsvc.store.engine import Database, Repository, batches
from ragsvc.store.filters import Filter, matching
from ragsvc.store.permissions import live_at, readable
from ragsvc.store.tables import chunk, document_version, membership

_CACHE_CHARS = 16_000_000
_NO_TEXT = ChunkText("", (), "")


def _chars(text: ChunkText) -> int:
    return len(text.title) + sum(map(len, text.headings)) + len(text.text)


class Passages(Repository):
    """What a hit shows of a chunk."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # Of versions and of chunks; both are immutable and their ids never reused.
        self._text_cache: LruCache[int, str] = LruCache(_CACHE_CHARS, len)
        self._chunk_cache: LruCache[int, ChunkText] = LruCache(_CACHE_CHARS, _chars)

    def forget_texts(self) -> None:
        """Drop all texts from memory."""
        self._text_cache.clear()
        self._chunk_cache.clear()

    def read(
        self,
        corpus: Corpus,
        commit: CommitId,
        chunk_ids: Sequence[int],
        where: Filter | None,
        caller: Caller,
    ) -> list[Passage]:
        """Read chunks as the live documents that match and may be read hold them.

        :param chunk_ids: of the corpus's profile; those of no such document are left out.
        :return: in the order of `chunk_ids`, then by document id; a chunk of a text that
            several documents share comes once for each of them.
        """
        order = {int(i): rank for rank, i in enumerate(chunk_ids)}
        rows: list[Row[Any]] = []
        with self._db.read() as connection:
            for some in batches(list(order)):
                statement = _passages_of(caller)
                if where is not None:
                    statement = statement.where(matching(where))
                rows.extend(connection.execute(statement, _asked(corpus, commit, some)).all())
            texts = self._read_texts(connection, {row.version_id for row in rows})
        rows.sort(key=lambda row: (order[row.id], row.document_id))
        return [_passage(row, texts[row.version_id]) for row in rows]

    def chunk_texts(self, chunk_ids: Sequence[int]) -> list[ChunkText]:
        """The words of chunks, in the order of `chunk_ids`; nothing of one that is gone."""
        held = self._chunk_cache.among(chunk_ids)
        if absent := [chunk_id for chunk_id in chunk_ids if chunk_id not in held]:
            fresh = self._read_chunks(absent)
            self._chunk_cache.put(fresh)
            held |= fresh
        return [held.get(chunk_id, _NO_TEXT) for chunk_id in chunk_ids]

    def _read_chunks(self, chunk_ids: Sequence[int]) -> dict[int, ChunkText]:
        rows: list[Row[Any]] = []
        with self._db.read() as connection:
            for some in batches(chunk_ids):
                rows.extend(tuple(connection.execute(_CHUNKS, {"ids": some})))
            texts = self._read_texts(connection, {row.version_id for row in rows})
        return {
            row.id: ChunkText(row.title, tuple(row.headings), texts[row.version_id][row.start : row.end])
            for row in rows
        }

    def holders(
        self,
        corpus: Corpus,
        commit: CommitId,
        chunk_ids: Sequence[int],
        where: Filter | None,
        caller: Caller,
    ) -> list[Holder]:
        """The live documents that `passages` would find, without what a hit shows; in no order."""
        found: list[Holder] = []
        with self._db.read() as connection:
            for some in batches(list(chunk_ids)):
                statement = _holders_of(caller)
                if where is not None:
                    statement = statement.where(matching(where))
                rows = connection.execute(statement, _asked(corpus, commit, some))
                found.extend(Holder(*row) for row in rows)
        return found

    def _read_texts(self, connection: Connection, ids: set[int]) -> dict[int, str]:
        texts = self._text_cache.among(ids)
        fresh: dict[int, str] = {}
        for some in batches(sorted(ids - texts.keys())):
            fresh.update((row.id, row.text) for row in connection.execute(_TEXTS, {"ids": some}))
        self._text_cache.put(fresh)
        return texts | fresh


# Every query asks these. They are built once: that takes longer than SQLite needs for them.
_AMONG = chunk.c.id.in_(bindparam("ids", expanding=True))
_CHUNKS = (
    select(
        chunk.c.id,
        chunk.c.version_id,
        chunk.c.start,
        chunk.c.end,
        chunk.c.headings,
        document_version.c.title,
    )
    .join(document_version, document_version.c.id == chunk.c.version_id)
    .where(_AMONG)
)
_TEXTS = select(document_version.c.id, document_version.c.text).where(
    document_version.c.id.in_(bindparam("ids", expanding=True))
)
_CALLERS_KEPT = 64


@lru_cache(_CALLERS_KEPT)
def _passages_of(caller: Caller) -> Select[Any]:
    c, m = chunk.c, membership.c
    return (
        select(
            c.id,
            c.version_id,
            c.start,
            c.end,
            c.page,
            c.headings,
            document_version.c.version,
            document_version.c.pages,
            document_version.c.places.is_not(None).label("placed"),
            m.document_id,
            m.title,
            m.source,
            m.metadata,
        )
        .join(membership, m.version_id == c.version_id)
        .join(document_version, document_version.c.id == c.version_id)
        .where(*_held(caller))
    )


@lru_cache(_CALLERS_KEPT)
def _holders_of(caller: Caller) -> Select[Any]:
    c, m = chunk.c, membership.c
    return (
        select(c.id, m.document_id, c.start, c.end)
        .join(membership, m.version_id == c.version_id)
        .where(*_held(caller))
    )


def _held(caller: Caller) -> tuple[ColumnElement[bool], ...]:
    """Of which rows `_asked` tells the numbers."""
    return (
        # "+ 0" keeps the planner from walking the whole corpus: the few chunks come first.
        membership.c.corpus_id + 0 == bindparam("corpus"),
        chunk.c.profile_id == bindparam("profile"),
        live_at(bindparam("commit", type_=Integer)),
        readable(caller),
        _AMONG,
    )


def _asked(corpus: Corpus, commit: CommitId, chunk_ids: Sequence[int]) -> dict[str, Any]:
    return {
        "corpus": int(corpus.id),
        "profile": int(corpus.profile.id),
        "commit": int(commit),
        "ids": chunk_ids,
    }


def _passage(row: Row[Any], text: str) -> Passage:
    return Passage(
        chunk=ChunkId(row.id),
        document_id=row.document_id,
        version=row.version,
        version_id=VersionId(row.version_id),
        source=row.source,
        title=row.title,
        start=row.start,
        end=row.end,
        text=text[row.start : row.end],
        page=row.page,
        headings=tuple(row.headings),
        metadata=row.metadata,
        page_breaks=tuple(at for at in row.pages if row.start < at < row.end),
        placed=bool(row.placed),
    )
