"""Tags: names of commits that people choose."""

from __future__ import annotations

import re

from sqlalchemy import delete, insert, select, update

from ragsvc.domain import Caller, CommitId, Tag
from ragsvc.errors import InvalidName, RefNotFound, TagExists
from ragsvc.store.commits import find_commit
from ragsvc.store.corpora import find_corpus
from ragsvc.store.engine import Repository, now
from ragsvc.store.tables import tag

_NAME = re.compile(r"(?![0-9]+$)(?!head(~|$))[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Tags(Repository):
    """Setting and reading tags."""

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
