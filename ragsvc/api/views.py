"""What responses look like, for /docs and /openapi.json; see `ragsvc.service.serialisation`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ragsvc.domain import DuplicateKind, JobKind, JobState, Mode


class View(BaseModel):
    """Base of all response bodies. Members may be added in later versions."""

    model_config = ConfigDict(extra="allow")


class HitView(View):
    """One search result."""

    rank: int = Field(description="1 is best.", examples=[1])
    score: float = Field(description="Higher is better; comparable within one response.", examples=[0.83])
    corpus: str = Field(examples=["handbook"], description="Corpus it was found in.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Document it was found in.")
    version: str = Field(examples=["9f2c51"], description="Immutable version of the document, in hex.")
    chunk_id: str = Field(examples=["9f2c51:120-480"], description="Version, start and end.")
    source: str = Field(examples=["/srv/handbook/backups.md"], description="What a person would open.")
    title: str = Field(examples=["Backups"], description="Title of the document.")
    start: int = Field(examples=[120], description="First code point of `text` in the stored text.")
    end: int = Field(examples=[480], description="Code point after the last one of `text`.")
    text: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")
    page: int | None = Field(examples=[3], description="Page of `start`, from 1; null without pages.")
    headings: list[str] = Field(examples=[["Operations", "Backups"]], description="Headings above it.")
    metadata: dict[str, Any] = Field(examples=[{"lang": "en"}], description="Metadata of the document.")
    duplicates: list[str] = Field(
        examples=[["handbook/old/backups.md"]], description="Documents with nearly the same text, not listed."
    )


class SearchView(View):
    """Hits of one query, all from one commit."""

    corpus: str = Field(examples=["handbook"], description="Name, or names joined by commas.")
    commit: int = Field(examples=[42], description="Commit that was searched.")
    query: str = Field(examples=["how are backups restored"], description="The query.")
    searched: str | None = Field(
        None,
        examples=["How long are they kept? backups"],
        description="What was looked for: after earlier turns or with misspelt words, the query as read.",
    )
    mode: Mode = Field(examples=["hybrid"], description="The legs that answered.")
    hits: list[HitView] = Field(description="Best first.")


class CitationView(View):
    """A span of stored text that supports the answer where its marker stands."""

    marker: int = Field(examples=[1], description="Number in the answer's [1]; may have several spans.")
    corpus: str = Field(examples=["handbook"], description="Corpus of the document.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version of the document, in hex.")
    source: str = Field(examples=["/srv/handbook/backups.md"], description="What a person would open.")
    title: str = Field(examples=["Backups"], description="Title of the document.")
    start: int = Field(examples=[120], description="First code point of the quote in the stored text.")
    end: int = Field(examples=[145], description="Code point after the last one of the quote.")
    quote: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")
    page: int | None = Field(examples=[3], description="Page of `start`, from 1; null without pages.")
    hidden: bool = Field(
        False,
        examples=[False],
        description="True where the quote holds characters that are not seen or that turn others around.",
    )


class SpanView(View):
    """Code points of a text."""

    start: int = Field(examples=[0], description="First code point.")
    end: int = Field(examples=[24], description="Code point after the last one.")


class AnswerView(View):
    """A grounded answer, or the statement that there is none."""

    corpus: str = Field(examples=["handbook"], description="Name, or names joined by commas.")
    commit: int = Field(examples=[42], description="Commit that was read.")
    question: str = Field(examples=["How often are backups made?"], description="The question.")
    searched: str | None = Field(
        None,
        examples=["How long are they kept? backups"],
        description="What was looked for: after earlier turns or with misspelt words, the query as read.",
    )
    answered: bool = Field(examples=[True], description="false: the passages hold no answer.")
    answer: str = Field(examples=["Backups are made nightly. [1]"], description="Text with markers.")
    confidence: float = Field(examples=[0.94], description="0 to 1: how likely the passages answer it.")
    citations: list[CitationView] = Field(description="Where each marker points.")
    passages: list[HitView] = Field(description="What was read, best first.")
    unsupported: list[SpanView] = Field(
        examples=[[]], description="Sentences of `answer` that no passage bears out."
    )
    generator: str = Field(examples=["extractive"], description="What wrote the answer.")
    timings_s: dict[str, float] = Field(examples=[{"search": 0.02}], description="Seconds of each step.")


class CorpusView(View):
    """A corpus at its head."""

    name: str = Field(examples=["handbook"], description="Name of the corpus.")
    created_at: str = Field(examples=["2025-01-31T09:00:00Z"], description="ISO 8601, UTC.")
    commit: int = Field(examples=[42], description="Latest commit; 0 when nothing was ingested.")
    documents: int = Field(examples=[120], description="Live documents.")
    chunks: int = Field(examples=[900], description="Live chunks.")
    characters: int = Field(examples=[750000], description="Code points of live text.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="What embedded it.")


class CorporaView(View):
    """All corpora."""

    corpora: list[CorpusView] = Field(description="By name.")


class WarningView(View):
    """Something of a document that was seen and not read, or read by a guess."""

    code: str = Field(examples=["page_without_text"], description="Stable code, for programs.")
    message: str = Field(examples=["page 3 of 12 has no text"], description="What is missing, in words.")


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


class DocumentsView(View):
    """One page of the documents of a corpus."""

    documents: list[DocumentView] = Field(description="By id.")
    next_cursor: str | None = Field(
        examples=["aGFuZGJvb2s"], description="Send it as `cursor` for the next page; null on the last."
    )


class TextView(View):
    """Stored text of one immutable version."""

    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version, in hex.")
    start: int = Field(examples=[120], description="First code point.")
    end: int = Field(examples=[145], description="Code point after the last one.")
    text: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")


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


class DuplicatesView(View):
    """Live documents of a corpus that say the same."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    duplicates: list[DuplicateGroupView] = Field(description="Exact groups, then near ones, by first id.")


class DeletedView(View):
    """What was deleted."""

    corpus: str = Field(examples=["handbook"], description="Corpus.")
    document_id: str = Field(examples=["handbook/backups.md"], description="The deleted document.")
    commit: int = Field(examples=[43], description="Commit from which on it is gone.")


class ProgressView(View):
    """How far a job is."""

    done: int = Field(examples=[12], description="Units done.")
    total: int = Field(examples=[120], description="Units in all; 0 while unknown.")
    unit: str = Field(examples=["documents"], description="What is counted.")


class JobView(View):
    """Long work that goes on when its client has gone."""

    id: str = Field(examples=["5f0c3a"], description="Job id.")
    kind: JobKind = Field(examples=["ingest"], description="What it does.")
    corpus: str = Field(examples=["handbook"], description="Corpus it works on.")
    state: JobState = Field(examples=["running"], description="The last three states are final.")
    progress: ProgressView = Field(description="How far it is.")
    attempts: int = Field(examples=[1], description="How often it was begun; more than once after deaths.")
    result: dict[str, Any] | None = Field(
        description="What an ingest did, once `done`; of a `failed` one, what is in nevertheless. In a list "
        "of jobs without lists of files: `counts` has their lengths."
    )
    error: dict[str, Any] | None = Field(description="`code`, `message` and `hint`, once `failed`.")


class JobsView(View):
    """Jobs, latest first."""

    jobs: list[JobView] = Field(description="Latest first.")
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last.")


class HealthView(View):
    """The process answers."""

    status: str = Field(examples=["ok"], description="Always `ok`.")


class ReadinessView(View):
    """Whether questions can be answered now."""

    ready: bool = Field(examples=[True], description="Whether questions can be answered now.")
    reason: str = Field(examples=["loading the model"], description="Why not; empty when ready.")
    embedder: str = Field(examples=["bundled:all-MiniLM-L6-v2"], description="Default embedding model.")
    commit: int = Field(examples=[42], description="Latest commit that this process knows.")


class ProblemView(View):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["urn:ragsvc:error:corpus_not_found"], description="Names the kind of error.")
    title: str = Field(examples=["Corpus not found"], description="The kind of error in words.")
    status: int = Field(examples=[404], description="The HTTP status.")
    detail: str = Field(examples=["there is no corpus 'handbok'"], description="What went wrong.")
    code: str = Field(examples=["corpus_not_found"], description="Stable code, for programs.")
    hint: str = Field(examples=["GET /v1/corpora lists them"], description="What to do now; may be empty.")
    instance: str = Field(examples=["/v1/search"], description="Path of the request.")
