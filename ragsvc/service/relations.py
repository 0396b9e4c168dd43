"""Relations of corpora: who is named with whom, and filters and questions that ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragsvc.domain import Caller, Corpus, RelationGraph
from ragsvc.errors import EntityNotFound
from ragsvc.pipeline.relations.document_list import DocumentList, document_list, joined
from ragsvc.pipeline.relations.document_question import asks_for_documents, document_question
from ragsvc.pipeline.relations.relation_cache import RelationCache
from ragsvc.pipeline.relations.relation_index import RelationIndex
from ragsvc.pipeline.retrieval.search import Retrieval, SearchScope
from ragsvc.retries import retry_stale
from ragsvc.store.catalog import Catalog
from ragsvc.store.filters import Filter, names_in, parse_filter, resolved

ATTEMPTS = 3
MAX_SHOWN = 200
"""Entities, and documents, that one view of a graph holds at most."""


class RelationService:
    """Who is named with whom, each time at one commit."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._cache = RelationCache(catalog)

    def graph(
        self, caller: Caller, name: str, *, entity: str | None = None, limit: int = 50, at: str | None = None
    ) -> RelationGraph:
        """The entities of a corpus that most documents name, or the neighbours of one.

        :param entity: as it is called anywhere: a name, an address, a document id.
        :param limit: 1..MAX_SHOWN, of entities and of documents.
        :param at: a commit number, tag, "head" or "head~N"; None: the head.
        :raises CorpusNotFound: if there is no such corpus.
        :raises EntityNotFound: if nothing is called so.
        :raises RefNotFound: if there is no such commit.
        :raises CommitCollected: if gc removed what the commit held.
        """

        def once(_: int) -> RelationGraph:
            history = self._catalog.history
            corpus = (
                self._catalog.corpora.get(caller, name) if at is None else history.corpus_at(caller, name, at)
            )
            return _graph(corpus, self._cache.index(caller, corpus), entity, limit)

        # gc may take a commit while it is read.
        return retry_stale(once, ATTEMPTS)

    def resolved(self, caller: Caller, corpus: Corpus, where: Filter | None) -> Filter | None:
        """A filter whose conditions on what documents mention are answered at the commit of `corpus`."""
        if where is None or not names_in(where):
            return where
        index = self._cache.index(caller, corpus)

        def look_up(name: str) -> Sequence[int]:
            entity = index.entity(name)
            return () if entity is None else [each.membership for each in index.named_by(entity)]

        return resolved(where, look_up)

    def listed(
        self, caller: Caller, question: str, where: Mapping[str, Any] | None, looked: Sequence[Retrieval]
    ) -> DocumentList | None:
        """The documents that a question asks for by what they mention; None for any other question.

        :param where: the filter of the question. looked: what was found for it, by corpus.
        """
        lists: list[DocumentList] = []
        # No index is made for a question that asks for something else.
        for each in looked if asks_for_documents(question) else ():
            corpus = each.snapshot.corpus
            index = self._cache.index(caller, corpus)
            asked = document_question(question, index.entity)
            if asked is None:
                continue
            narrowed = None if where is None else self.resolved(caller, corpus, parse_filter(where))
            scope = SearchScope(self._catalog, corpus, each.snapshot, narrowed, caller)
            if made := document_list(scope, index, asked):
                lists.append(made)
        return joined(lists)


def _graph(corpus: Corpus, index: RelationIndex, name: str | None, limit: int) -> RelationGraph:
    if name is None:
        entities, total = index.most_named(limit)
        return RelationGraph(
            corpus=corpus.name,
            commit=corpus.commit,
            entity=None,
            entities=tuple(entities),
            total=total,
            edges=index.edges(entities),
            documents=(),
            unread=index.unread,
        )
    entity = index.entity(name)
    if entity is None:
        similar = index.names_with(name, 3)
        hint = f"did you mean {' or '.join(map(repr, similar))}?" if similar else ""
        raise EntityNotFound(
            f"no document of {corpus.name} names {name[:200]!r}, or several things are called so",
            hint=hint or "leave the name out to see what there is",
        )
    entities, total = index.neighbours(entity, limit)
    return RelationGraph(
        corpus=corpus.name,
        commit=corpus.commit,
        entity=entity,
        entities=tuple(entities),
        total=total,
        edges=index.edges([entity, *entities]),
        documents=tuple(index.named_by(entity)[:limit]),
        unread=index.unread,
    )
