"""Documents that mention something, each with the place where it does: what an answer lists and cites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragsvc.domain import Hit, Passage, Span, VersionText
from ragsvc.pipeline.relations.document_question import DocumentQuestion
from ragsvc.pipeline.relations.names import place_of
from ragsvc.pipeline.relations.relation_index import RelationIndex
from ragsvc.pipeline.retrieval.search import SearchScope
from ragsvc.store.filters import AllOf, Filter, NamedMemberships
from ragsvc.text.sentences import trimmed

MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document in a list: a passage of it, its whole text, and where that mentions what was asked for."""

    hit: Hit
    text: VersionText
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class DocumentList:
    """The documents that mention all that a question names: the first of them, by id, and how many."""

    asked: DocumentQuestion
    documents: tuple[ListedDocument, ...]
    total: int


def memberships_of(index: RelationIndex, asked: DocumentQuestion) -> NamedMemberships:
    """The documents that mention all of the entities of a question, as a filter."""
    ids = [{each.membership for each in index.named_by(entity)} for entity in asked.entities]
    keys = tuple(entity.key for entity in asked.entities)
    return NamedMemberships(keys, tuple(sorted(set[int].intersection(*ids))))


def document_list(scope: SearchScope, index: RelationIndex, asked: DocumentQuestion) -> DocumentList | None:
    """List the documents that mention what is asked for; None where none does.

    :param scope: with the filter of the question.
    """
    catalog, where = scope.catalog, memberships_of(index, asked)
    narrowed: Filter = where if scope.where is None else AllOf((scope.where, where))
    found = catalog.relations.documents(scope.caller, scope.corpus, (), narrowed)
    shown = found[:MAX_LISTED]
    if not shown:
        return None
    versions = [each.version for each in shown]
    texts = {text.id: text for text in catalog.versions.texts(list(dict.fromkeys(versions)))}
    rows = scope.snapshot.index.chunk_ids[np.isin(scope.snapshot.index.versions, versions)]
    passages: dict[str, list[Passage]] = {}
    for passage in catalog.passages.read(
        scope.corpus, scope.snapshot.commit, rows.tolist(), narrowed, scope.caller
    ):
        passages.setdefault(passage.document_id, []).append(passage)
    listed = [
        _listed(scope, index, asked, texts[each.version], passages[each.document_id])
        for each in shown
        if each.document_id in passages
    ]
    return DocumentList(asked, tuple(listed), len(found)) if listed else None


def _listed(
    scope: SearchScope,
    index: RelationIndex,
    asked: DocumentQuestion,
    text: VersionText,
    passages: Sequence[Passage],
) -> ListedDocument:
    spans: dict[Span, None] = {}
    for entity in asked.entities:
        found = (place_of(spelling, text.text) for spelling in index.spellings(entity))
        span = min((each for each in found if each), key=lambda each: each.start, default=None)
        if span:
            spans[span] = None
    if not spans:
        # Named by its metadata or by a link alone: the line that it begins with.
        start = len(text.text) - len(text.text.lstrip())
        end = text.text.find("\n", start)
        spans[trimmed(text.text, start, end if end > 0 else len(text.text)) or Span(0, 1)] = None
    at = next(iter(spans)).start
    inside = [each for each in passages if each.start <= at < each.end] or passages
    hit = Hit(rank=1, score=1.0, corpus=scope.corpus.name, passage=inside[0], duplicates=())
    return ListedDocument(hit, text, tuple(sorted(spans, key=lambda span: span.start)))


def joined(lists: Sequence[DocumentList]) -> DocumentList | None:
    """The lists of several corpora as one; None for no list."""
    if not lists:
        return None
    documents = [each for made in lists for each in made.documents][:MAX_LISTED]
    return DocumentList(lists[0].asked, tuple(documents), sum(made.total for made in lists))
