"""Relations: what documents name by their structure, and who is named together with whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ragsvc.domain.arrays import CommitId, VersionId


class MentionKind(StrEnum):
    """By which structure of a text something is named."""

    HEADING = "heading"
    LINK = "link"
    ROW = "row"
    IDENTIFIER = "identifier"


class EntityKind(StrEnum):
    """What an entity is known as."""

    DOCUMENT = "document"
    PERSON = "person"
    AUTHOR = "author"
    TAG = "tag"
    IDENTIFIER = "identifier"
    ROW = "row"
    HEADING = "heading"
    URL = "url"


@dataclass(frozen=True, slots=True)
class Mention:
    """Something that the structure of a text names.

    name: as written, on one line; of a link its target, as written. start, end: code points of the stored
    text where it stands.
    """

    kind: MentionKind
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDocument:
    """A live document as relations see it.

    fields: values of those of its metadata that name somebody or something, by the name of the field.
    """

    membership: int
    document_id: str
    version: VersionId
    title: str
    source: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """Something that documents name. key: what all its spellings have in common. documents: that name it."""

    key: str
    name: str
    kinds: tuple[EntityKind, ...]
    documents: int


@dataclass(frozen=True, slots=True)
class EntityEdge:
    """Two entities, by their keys, and how many documents name both, at least one."""

    first: str
    second: str
    documents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationGraph:
    """Entities of a corpus at a commit, and what they have in common.

    entity: whose neighbours these are; None: the most often named of all.
    entities: by the documents that they share with it, or else that name them, most first.
    total: how many there are in all. edges: between any two of `entity` and `entities`.
    documents: that name `entity`, by id, as many as were asked for.
    unread: live documents whose structure was not read, as they were ingested by an older version.
    """

    corpus: str
    commit: CommitId
    entity: Entity | None
    entities: tuple[Entity, ...]
    total: int
    edges: tuple[EntityEdge, ...]
    documents: tuple[NamedDocument, ...]
    unread: int
