"""What relations are made from: live documents with what names them, and what their texts name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from ragsvc.domain import Caller, Corpus, Mention, MentionKind, NamedDocument, VersionId
from ragsvc.store.engine import Repository, batches
from ragsvc.store.filters import Filter, matching
from ragsvc.store.permissions import live_at, readable
from ragsvc.store.tables import field, membership, mentions


class Relations(Repository):
    """Reading at a pinned commit; what is read was stored with the chunks."""

    def documents(
        self, caller: Caller, corpus: Corpus, fields: Sequence[str], where: Filter | None = None
    ) -> list[NamedDocument]:
        """Documents live at the commit of `corpus` that match and may be read, by id.

        :param fields: names of the metadata fields whose strings are wanted.
        """
        m, f = membership.c, field.c
        live = [m.corpus_id == int(corpus.id), live_at(corpus.commit), readable(caller)]
        if where is not None:
            live.append(matching(where, int(corpus.id)))
        values: dict[int, list[tuple[str, str]]] = {}
        named = (
            select(f.membership_id, f.name, f.text)
            .join(membership, m.id == f.membership_id)
            .where(f.corpus_id == int(corpus.id), f.name.in_(fields), f.kind == "s", *live)
        )
        statement = (
            select(m.id, m.document_id, m.version_id, m.title, m.source).where(*live).order_by(m.document_id)
        )
        with self._db.read() as connection:
            for number, name, text in connection.execute(named):
                values.setdefault(number, []).append((name, text))
            return [
                NamedDocument(
                    membership=row.id,
                    document_id=row.document_id,
                    version=VersionId(row.version_id),
                    title=row.title,
                    source=row.source,
                    fields=tuple(sorted(values.get(row.id, ()))),
                )
                for row in connection.execute(statement)
            ]

    def mentions(self, versions: Sequence[VersionId]) -> dict[VersionId, tuple[Mention, ...]]:
        """What the structure of some versions names; those that were never read for it are left out."""
        found: dict[VersionId, tuple[Mention, ...]] = {}
        with self._db.read() as connection:
            for some in batches(list(versions)):
                statement = select(mentions).where(mentions.c.version_id.in_([int(i) for i in some]))
                for row in connection.execute(statement):
                    found[VersionId(row.version_id)] = tuple(
                        Mention(MentionKind(kind), name, start, end) for kind, name, start, end in row.data
                    )
        return found


def mention_rows(made: Mapping[VersionId, Sequence[Mention]]) -> list[dict[str, Any]]:
    """The rows of table `mentions`."""
    return [
        {"version_id": int(version), "data": [[m.kind.value, m.name, m.start, m.end] for m in some]}
        for version, some in made.items()
    ]
