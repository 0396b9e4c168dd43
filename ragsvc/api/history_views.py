"""What responses about the history of a corpus look like; `ragsvc.service.reports` makes the real ones."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ragsvc.api.views import CorpusView, View


class ProfileView(View):
    """What decides how a corpus is indexed."""

    fingerprint: str = Field(examples=["976c444be20cfc37"], description="Names the profile, in hex.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="What embeds.")
    dimension: int = Field(examples=[384], description="Numbers of a vector.")
    chunk_tokens: int = Field(examples=[200], description="Longest chunk, in the embedder's tokens.")
    chunk_overlap_tokens: int = Field(examples=[0], description="Tokens that neighbours share.")
    analyser: str = Field(examples=["standard-1"], description="What makes the words of BM25.")


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


class CommitsView(View):
    """One page of the history of a corpus."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    commits: list[CommitView] = Field(description="Newest first.")
    next_before: int | None = Field(
        examples=[41], description="Send it as `before` for the next page; null on the last."
    )


class TagView(View):
    """A name of a commit."""

    tag: str = Field(examples=["v1"], description="The name.")
    commit: int = Field(examples=[42], description="The commit that it names.")
    principal: str = Field(examples=["local"], description="Who gave it.")
    created_at: str = Field(examples=["2025-01-31T09:00:00Z"], description="ISO 8601, UTC.")


class TagsView(View):
    """The tags of a corpus."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    tags: list[TagView] = Field(description="By name.")


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


class CorpusDetailsView(CorpusView):
    """A corpus at its head, with its profile and its recent history."""

    index_bytes: int = Field(examples=[1200000], description="Bytes of its index files.")
    profile: ProfileView = Field(description="How it is indexed.")
    commits: list[CommitView] = Field(description="The last five, newest first.")
    tags: list[TagView] = Field(description="By name.")
