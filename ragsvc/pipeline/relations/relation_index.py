"""The relations of one corpus at one commit, in memory: which documents name which entities."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragsvc.domain import Entity, EntityEdge, EntityKind, I32Vector, Mention, NamedDocument, VersionId
from ragsvc.pipeline.relations.entities import EntityDraft, EntityDrafts
from ragsvc.pipeline.relations.names import fold

_ORDER = {kind: place for place, kind in enumerate(EntityKind)}


@dataclass(frozen=True, slots=True)
class _Node:
    """An entity with the places of the documents that name it, ascending."""

    entity: Entity
    documents: tuple[int, ...]
    spellings: tuple[str, ...]


class RelationIndex:
    """Immutable; made once a commit.

    documents: those that may be read, by id. unread: how many of them were not read for their structure.
    """

    def __init__(
        self,
        documents: Sequence[NamedDocument],
        drafts: EntityDrafts,
        found: Mapping[VersionId, Sequence[str]],
        unread: int,
    ) -> None:
        """Join what structure names with what texts hold.

        :param found: keys of the entities that a text holds by name, by version.
        """
        self.documents = tuple(documents)
        self.unread = unread
        self._drafts = drafts
        named: dict[str, set[int]] = {key: draft.documents for key, draft in drafts.drafts.items()}
        for place, document in enumerate(documents):
            for key in found.get(document.version, ()):
                named[key].add(place)
        self._nodes = {key: _node(drafts.drafts[key], places) for key, places in named.items()}
        self._of_document: list[list[str]] = [[] for _ in documents]
        for key, node in self._nodes.items():
            for place in node.documents:
                self._of_document[place].append(key)

    def entity(self, name: str) -> Entity | None:
        """The entity that is called so; None where none is, or several are."""
        key = self._drafts.key_of(name)
        return None if key is None else self._nodes[key].entity

    def names_with(self, part: str, limit: int) -> list[str]:
        """Names of entities that hold something, most often named first."""
        wanted = fold(part)
        held = [node.entity for key, node in self._nodes.items() if wanted in key]
        return [each.name for each in sorted(held, key=lambda each: (-each.documents, each.key))[:limit]]

    def spellings(self, entity: Entity) -> tuple[str, ...]:
        """How it is looked for in texts, as of `spelling_of`."""
        return self._nodes[entity.key].spellings

    def named_by(self, entity: Entity) -> list[NamedDocument]:
        """The documents that name an entity, by id."""
        return [self.documents[place] for place in self._nodes[entity.key].documents]

    def most_named(self, limit: int) -> tuple[list[Entity], int]:
        """Entities that at least two documents name, most often named first, and how many there are.

        What more than half of the documents name says little of any of them, and comes last.
        """
        shared = [node.entity for node in self._nodes.values() if len(node.documents) > 1]

        def rank(entity: Entity) -> tuple[bool, int, str]:
            return 2 * entity.documents > len(self.documents), -entity.documents, entity.key

        return sorted(shared, key=rank)[:limit], len(shared)

    def neighbours(self, entity: Entity, limit: int) -> tuple[list[Entity], int]:
        """Entities that share documents with one, and how many there are.

        First those that share most as measured by how often they are named (the cosine of their documents).
        """
        counts: Counter[str] = Counter()
        for place in self._nodes[entity.key].documents:
            counts.update(self._of_document[place])
        del counts[entity.key]

        def rank(key: str) -> tuple[float, str]:
            return -counts[key] / math.sqrt(self._nodes[key].entity.documents), key

        best = sorted(counts, key=rank)
        return [self._nodes[key].entity for key in best[:limit]], len(counts)

    def edges(self, entities: Sequence[Entity]) -> tuple[EntityEdge, ...]:
        """What any two of some entities share, in their order."""
        places = [{*self._nodes[each.key].documents} for each in entities]
        return tuple(
            EntityEdge(first.key, entities[j].key, shared)
            for i, first in enumerate(entities)
            for j in range(i + 1, len(entities))
            if (shared := len(places[i] & places[j]))
        )


def index_of(
    documents: Sequence[NamedDocument],
    mentions: Mapping[VersionId, Sequence[Mention]],
    drafts: EntityDrafts,
    spellings: Sequence[str],
    found: Mapping[VersionId, I32Vector],
) -> RelationIndex:
    """The index of some documents.

    :param spellings: by the numbers that `found` has for each version.
    """
    keys = drafts.spellings()
    named = {
        version: [key for number in numbers.tolist() for key in keys.get(spellings[number], ())]
        for version, numbers in found.items()
    }
    unread = sum(each.version not in mentions for each in documents)
    return RelationIndex(documents, drafts, named, unread)


def _node(draft: EntityDraft, places: set[int]) -> _Node:
    kinds = tuple(sorted(draft.kinds, key=_ORDER.__getitem__))
    return _Node(
        Entity(draft.key, draft.name, kinds, len(places)), tuple(sorted(places)), tuple(draft.spellings)
    )
