"""Views of relations."""

from __future__ import annotations

from pydantic import Field

from ragsvc.domain import Entity, EntityEdge, EntityKind, NamedDocument, RelationGraph
from ragsvc.service.json_values import View


class EntityView(View):
    """Something that documents name."""

    key: str = Field(examples=["acme gmbh"], description="What all its spellings have in common.")
    name: str = Field(examples=["Acme GmbH"], description="As one of the documents writes it.")
    kinds: list[EntityKind] = Field(examples=[["row", "tag"]], description="What it is known as.")
    documents: int = Field(examples=[12], description="Documents that name it.")

    @classmethod
    def of(cls, entity: Entity) -> EntityView:
        """View an entity."""
        return cls.model_construct(
            key=entity.key, name=entity.name, kinds=list(entity.kinds), documents=entity.documents
        )


class EdgeView(View):
    """Two entities that documents name together."""

    first: str = Field(examples=["acme gmbh"], description="Key of one entity.")
    second: str = Field(examples=["err-1204"], description="Key of the other.")
    documents: int = Field(examples=[3], description="Documents that name both, at least one.")

    @classmethod
    def of(cls, edge: EntityEdge) -> EdgeView:
        """View an edge."""
        return cls.model_construct(first=edge.first, second=edge.second, documents=edge.documents)


class NamedDocumentView(View):
    """A document that names an entity."""

    document_id: str = Field(examples=["handbook/backups.md"], description="Its id.")
    title: str = Field(examples=["Backups"], description="Title.")
    source: str = Field(examples=["/srv/handbook/backups.md"], description="What a person would open.")

    @classmethod
    def of(cls, document: NamedDocument) -> NamedDocumentView:
        """View a document."""
        return cls.model_construct(
            document_id=document.document_id, title=document.title, source=document.source
        )


class GraphView(View):
    """Entities of a corpus at a commit, and which are named together."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    commit: int = Field(examples=[42], description="The commit that was looked at.")
    entity: EntityView | None = Field(description="Whose neighbours these are; null: of the whole corpus.")
    entities: list[EntityView] = Field(
        description="Those that share most documents with `entity`, as against how many name them; without "
        "one those that most documents name, at least two."
    )
    total: int = Field(examples=[180], description="How many there are in all.")
    edges: list[EdgeView] = Field(description="Between any two of `entity` and `entities`.")
    documents: list[NamedDocumentView] = Field(description="That name `entity`, by id, up to the limit.")
    unread: int = Field(
        examples=[0],
        description="Documents that an older version ingested, whose structure was not read: a rebuild does.",
    )

    @classmethod
    def of(cls, graph: RelationGraph) -> GraphView:
        """View relations."""
        return cls.model_construct(
            corpus=graph.corpus,
            commit=graph.commit,
            entity=None if graph.entity is None else EntityView.of(graph.entity),
            entities=[EntityView.of(entity) for entity in graph.entities],
            total=graph.total,
            edges=[EdgeView.of(edge) for edge in graph.edges],
            documents=[NamedDocumentView.of(document) for document in graph.documents],
            unread=graph.unread,
        )
