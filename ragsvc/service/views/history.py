"""Views of the history of a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from ragsvc.domain import Commit, CorpusDetails, Profile, ReindexReport, RollbackReport, Tag
from ragsvc.service.json_values import View
from ragsvc.service.views.corpora import CorpusView

SHORT = 16
"""Hex digits of a profile's fingerprint that are shown; its folder has the same name."""


class ProfileView(View):
    """What decides how a corpus is indexed."""

    fingerprint: str = Field(examples=["976c444be20cfc37"], description="Names the profile, in hex.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="What embeds.")
    dimension: int = Field(examples=[384], description="Numbers of a vector.")
    chunk_tokens: int = Field(examples=[200], description="Longest chunk, in the embedder's tokens.")
    chunk_overlap_tokens: int = Field(examples=[0], description="Tokens that neighbours share.")
    analyser: str = Field(examples=["standard-1"], description="What makes the words of BM25.")

    @classmethod
    def of(cls, profile: Profile) -> ProfileView:
        """View a profile."""
        spec = profile.spec
        return cls.model_construct(
            fingerprint=profile.fingerprint[:SHORT],
            embedder=spec.embedder.name,
            dimension=spec.embedder.dimension,
            chunk_tokens=spec.chunker.size_tokens,
            chunk_overlap_tokens=spec.chunker.overlap_tokens,
            analyser=spec.analyser,
        )


class CommitView(View):
    """One entry of a corpus's history."""

    commit: int = Field(examples=[42], description="Its number; one sequence for all corpora.")
    created_at: str = Field(examples=["2025-01-31T09:00:00Z"], description="ISO 8601, UTC.")
    principal: str = Field(examples=["local"], description="Who made it.")
    kind: str = Field(examples=["ingest"], description="What made it: ingest, delete, rollback, ...")
    stats: dict[str, Any] = Field(examples=[{"added": 2}], description="What it changed.")
    profile: str = Field(examples=["976c444be20cfc37"], description="Fingerprint of its profile.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="What embedded it.")
    tags: list[str] = Field(examples=[["v1"]], description="Its names.")
    collected: bool = Field(examples=[False], description="true: gc removed what it held.")

    @classmethod
    def of(cls, commit: Commit) -> CommitView:
        """View a commit."""
        return cls.model_construct(
            commit=commit.id,
            created_at=commit.created_at,
            principal=commit.principal,
            kind=commit.kind,
            stats=dict(commit.stats),
            profile=commit.profile[:SHORT],
            embedder=commit.embedder,
            tags=list(commit.tags),
            collected=commit.collected,
        )


class CommitsView(View):
    """One page of the history of a corpus."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    commits: list[CommitView] = Field(description="Newest first.")
    next_before: int | None = Field(
        examples=[41], description="Send it as `before` for the next page; null on the last."
    )

    @classmethod
    def of(cls, corpus: str, commits: Sequence[Commit], limit: int) -> CommitsView:
        """View a page of the history.

        :param commits: newest first, one more than `limit` when there are more.
        """
        page = commits[:limit]
        return cls.model_construct(
            corpus=corpus,
            commits=[CommitView.of(commit) for commit in page],
            next_before=page[-1].id if len(commits) > limit else None,
        )


class TagView(View):
    """A name of a commit."""

    tag: str = Field(examples=["v1"], description="The name.")
    commit: int = Field(examples=[42], description="The commit that it names.")
    principal: str = Field(examples=["local"], description="Who gave it.")
    created_at: str = Field(examples=["2025-01-31T09:00:00Z"], description="ISO 8601, UTC.")

    @classmethod
    def of(cls, tag: Tag) -> TagView:
        """View a tag."""
        return cls.model_construct(
            tag=tag.name, commit=tag.commit, principal=tag.principal, created_at=tag.created_at
        )


class TagsView(View):
    """The tags of a corpus."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    tags: list[TagView] = Field(description="By name.")

    @classmethod
    def of(cls, corpus: str, tags: Iterable[Tag]) -> TagsView:
        """View the tags of a corpus, in their order."""
        return cls.model_construct(corpus=corpus, tags=[TagView.of(tag) for tag in tags])


class ChangesView(View):
    """Numbers of documents."""

    added: int = Field(examples=[2], description="That are there again.")
    changed: int = Field(examples=[1], description="That have another version or other metadata.")
    removed: int = Field(examples=[0], description="That are gone.")


class RollbackView(View):
    """What a rollback did."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    commit: int = Field(examples=[43], description="The head now; a new commit unless nothing differed.")
    previous: int = Field(examples=[42], description="The head before; going back to it undoes this.")
    to: int = Field(examples=[41], description="The commit that was gone back to.")
    documents: ChangesView = Field(description="What changed.")
    profile_changed: bool = Field(examples=[False], description="Whether it was indexed otherwise then.")

    @classmethod
    def of(cls, report: RollbackReport) -> RollbackView:
        """View what a rollback did."""
        return cls.model_construct(
            corpus=report.corpus,
            commit=report.commit,
            previous=report.previous,
            to=report.to,
            documents=ChangesView.model_construct(
                added=report.added, changed=report.changed, removed=report.removed
            ),
            profile_changed=report.profile_changed,
        )


class CorpusDetailsView(CorpusView):
    """A corpus at its head, with its profile and its recent history."""

    index_bytes: int = Field(examples=[1200000], description="Bytes of its index files.")
    profile: ProfileView = Field(description="How it is indexed.")
    commits: list[CommitView] = Field(description="The last five, newest first.")
    tags: list[TagView] = Field(description="By name.")

    @classmethod
    def of_details(cls, details: CorpusDetails) -> CorpusDetailsView:
        """View a corpus with all that is told of it."""
        return cls.model_construct(
            **dict(CorpusView.of(details.summary)),
            index_bytes=details.index_bytes,
            profile=ProfileView.of(details.profile),
            commits=[CommitView.of(commit) for commit in details.log],
            tags=[TagView.of(tag) for tag in details.tags],
        )


class ReindexView(View):
    """What a reindex did."""

    corpus: str = Field(description="Corpus.")
    commit: int = Field(description="The head afterwards.")
    profile: str = Field(description="Fingerprint of its profile now.")
    previous: str = Field(description="That of the profile before; the same when there was nothing to do.")
    embedder: str = Field(description="What embeds now.")
    documents: int = Field(description="Live documents.")
    chunks: int = Field(description="Live chunks.")
    embedded: int = Field(description="Texts that were embedded.")
    seconds: float = Field(description="How long it took.")

    @classmethod
    def of(cls, report: ReindexReport) -> ReindexView:
        """View what a reindex did."""
        return cls.model_construct(
            corpus=report.corpus,
            commit=report.commit,
            profile=report.profile[:SHORT],
            previous=report.previous[:SHORT],
            embedder=report.embedder,
            documents=report.documents,
            chunks=report.chunks,
            embedded=report.embedded,
            seconds=float(report.seconds),
        )
