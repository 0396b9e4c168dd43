"""Bytes and texts over which a worker died or ran out of time: not to be tried again unless asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import delete, select

from ragsvc.store.engine import Repository, batches, insert_or_replace, now
from ragsvc.store.tables import setback

SetbackKey: TypeAlias = tuple[str, str]
"""(hex digest, kind): of a file, of a line, or of a stored text that was to be cut."""


class Setbacks(Repository):
    """Failures that another try would only repeat, at the same cost."""

    def known(self, maker: str, keys: Sequence[SetbackKey]) -> dict[SetbackKey, tuple[str, str]]:
        """Code and words of those that are remembered.

        :param maker: version of the parser, or fingerprint of the profile, that had them.
        """
        wanted = set(keys)
        found: dict[SetbackKey, tuple[str, str]] = {}
        c = setback.c
        with self._db.read() as connection:
            for digests in batches(sorted({digest for digest, _ in wanted})):
                statement = select(c.digest, c.kind, c.code, c.error).where(
                    c.digest.in_(digests), c.maker == maker
                )
                for digest, kind, code, error in connection.execute(statement):
                    if (digest, kind) in wanted:
                        found[digest, kind] = (code, error)
        return found

    def put(self, maker: str, items: Mapping[SetbackKey, tuple[str, str]]) -> None:
        """Remember some, each with its code and words."""
        if not items:
            return
        rows = [
            {"digest": key[0], "kind": key[1], "maker": maker, "code": code, "error": error}
            for key, (code, error) in items.items()
        ]
        with self._db.write("store.put_setbacks") as connection:
            at = {"created_at": now()}
            statement = insert_or_replace(setback, ("code", "error", "created_at"))
            connection.execute(statement, [row | at for row in rows])

    def forget(self, maker: str, keys: Sequence[SetbackKey]) -> None:
        """They are tried again."""
        with self._db.write("store.forget_setbacks") as connection:
            for digest, kind in keys:
                connection.execute(
                    delete(setback).where(
                        setback.c.digest == digest, setback.c.kind == kind, setback.c.maker == maker
                    )
                )
