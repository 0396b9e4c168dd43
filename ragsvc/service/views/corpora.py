"""Views of corpora and their documents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from ragsvc.domain import Caveat, CorpusSummary, Document, DuplicateGroup, DuplicateKind, Outlier
from ragsvc.service.json_values import View


class CorpusView(View):
    """A corpus at its head."""

    name: str = Field(examples=["handbook"], description="Name of the corpus.")
    created_at: str = Field(examples=["2025-01-31T09:00:00Z"], description="ISO 8601, UTC.")
    commit: int = Field(examples=[42], description="Latest commit; 0 when nothing was ingested.")
    documents: int = Field(examples=[120], description="Live documents.")
    chunks: int = Field(examples=[900], description="Live chunks.")
    characters: int = Field(examples=[750000], description="Code points of live text.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="What embedded it.")

    @classmethod
    def of(cls, corpus: CorpusSummary) -> CorpusView:
        """View a corpus with its sizes."""
        return cls.model_construct(
            name=corpus.name,
            created_at=corpus.created_at,
            commit=corpus.commit,
            documents=corpus.documents,
            chunks=corpus.chunks,
            characters=corpus.characters,
            embedder=corpus.embedder,
        )


class CorporaView(View):
    """All corpora."""

    corpora: list[CorpusView] = Field(description="By name.")

    @classmethod
    def of(cls, corpora: Iterable[CorpusSummary]) -> CorporaView:
        """View corpora, in their order."""
        return cls.model_construct(corpora=[CorpusView.of(corpus) for corpus in corpora])


class WarningView(View):
    """Something of a document that was seen and not read, or read by a guess."""

    code: str = Field(examples=["page_without_text"], description="Stable code, for programs.")
    message: str = Field(examples=["page 3 of 12 has no text"], description="What is missing, in words.")

    @classmethod
    def of(cls, caveat: Caveat) -> WarningView:
        """View a warning of one document."""
        return cls.model_construct(code=caveat.code, message=caveat.message)


class DocumentView(View):
    """A live document, without its text."""

    corpus: str = Field(examples=["handbook"], description="Corpus it is in.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Its id.")
    version: str = Field(examples=["9f2c51"], description="Immutable version, in hex.")
    title: str = Field(examples=["Backups"], description="Title.")
    source: str = Field(examples=["/srv/handbook/backups.md"], description="What a person would open.")
    media_type: str = Field(examples=["text/markdown"], description="What it was read as.")
    characters: int = Field(examples=[6200], description="Code points of stored text.")
    metadata: dict[str, Any] = Field(examples=[{"lang": "en"}], description="Fields to filter by.")
    owner: str = Field(examples=["local"], description="Who ingested it.")
    commit: int = Field(examples=[42], description="Commit that made this version live.")
    ingested_at: str = Field(examples=["2025-01-31T09:00:00Z"], description="ISO 8601, UTC.")
    warnings: list[WarningView] = Field(description="What was not read of it, or only by a guess.")

    @classmethod
    def of(cls, document: Document) -> DocumentView:
        """View a live document."""
        return cls.model_construct(
            corpus=document.corpus,
            document_id=document.document_id,
            version=document.version,
            title=document.title,
            source=document.source,
            media_type=document.media_type,
            characters=document.characters,
            metadata=dict(document.metadata),
            owner=document.owner,
            commit=document.born,
            ingested_at=document.ingested_at,
            warnings=[WarningView.of(caveat) for caveat in document.warnings],
        )


class DocumentsView(View):
    """One page of the documents of a corpus."""

    documents: list[DocumentView] = Field(description="By id.")
    next_cursor: str | None = Field(
        examples=["aGFuZGJvb2s"], description="Send it as `cursor` for the next page; null on the last."
    )

    @classmethod
    def of(cls, documents: Iterable[Document], next_cursor: str | None) -> DocumentsView:
        """View one page of documents."""
        return cls.model_construct(
            documents=[DocumentView.of(document) for document in documents], next_cursor=next_cursor
        )


class DuplicateGroupView(View):
    """At least two documents."""

    kind: DuplicateKind = Field(
        examples=["near"],
        description="`exact`: same stored text and title; `near`: nearly the same text.",
    )
    similarity: float = Field(
        examples=[0.93],
        description="Estimated share of common runs of three words: the least similar with the first.",
    )
    documents: list[str] = Field(examples=[["handbook/a.md", "handbook/b.md"]], description="Ids, ascending.")

    @classmethod
    def of(cls, group: DuplicateGroup) -> DuplicateGroupView:
        """View one group."""
        return cls.model_construct(
            kind=group.kind, similarity=round(group.similarity, 3), documents=list(group.documents)
        )


class DuplicatesView(View):
    """Live documents of a corpus that say the same."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    duplicates: list[DuplicateGroupView] = Field(description="Exact groups, then near ones, by first id.")

    @classmethod
    def of(cls, corpus: str, groups: Iterable[DuplicateGroup]) -> DuplicatesView:
        """View the groups of a corpus."""
        return cls.model_construct(
            corpus=corpus, duplicates=[DuplicateGroupView.of(group) for group in groups]
        )


class OutlierView(View):
    """A document that is unlike the others."""

    document_id: str = Field(examples=["handbook/a.md"], description="Document.")
    distance: float = Field(
        examples=[0.91],
        description="Mean Euclidean distance of its vector to those of the five nearest others, 0 to 2.",
    )
    nearest: str = Field(examples=["handbook/b.md"], description="The nearest of them.")

    @classmethod
    def of(cls, outlier: Outlier) -> OutlierView:
        """View one document."""
        return cls.model_construct(
            document_id=outlier.document_id, distance=round(outlier.distance, 3), nearest=outlier.nearest
        )


class OutliersView(View):
    """Live documents of a corpus that are least like the others."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    outliers: list[OutlierView] = Field(description="The farthest first.")

    @classmethod
    def of(cls, corpus: str, found: Iterable[Outlier]) -> OutliersView:
        """View the outliers of a corpus."""
        return cls.model_construct(corpus=corpus, outliers=[OutlierView.of(each) for each in found])


class DeletedView(View):
    """What was deleted."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    document_id: str = Field(examples=["handbook/backups.md"], description="The deleted document.")
    commit: int = Field(examples=[43], description="Commit from which on it is gone.")
