"""Views of what search and answer give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, Field

from ragsvc.domain import (
    Answer,
    Citation,
    Computation,
    Hit,
    Mode,
    Place,
    Places,
    SearchResult,
    Span,
    TextSlice,
    TimeRange,
)
from ragsvc.service.json_values import View


class PlaceView(View):
    """Where a stretch of stored text stands in the original: on a page, or in a recording."""

    page: int | None = Field(None, examples=[2], description="Page, from 1; absent in a recording.")
    bbox: list[float] | None = Field(
        None,
        examples=[[0.12, 0.3, 0.88, 0.33]],
        description="Left, top, right, bottom: shares of the page's width and height, from its top left.",
    )
    from_s: float | None = Field(
        None, examples=[None], description="Second of a recording at which it begins; absent on a page."
    )
    to_s: float | None = Field(None, examples=[None], description="Second at which it ends.")

    @classmethod
    def of(cls, place: Place) -> PlaceView:
        """View one place; of the other kind's members there are none."""
        where = place.where
        if isinstance(where, TimeRange):
            return cls.model_construct(page=None, bbox=None, from_s=where.from_s, to_s=where.to_s)
        return cls.model_construct(page=where.page, bbox=list(where.bbox), from_s=None, to_s=None)


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
    places: list[PlaceView] = Field(
        description="Where the original has it, in order; empty where nobody knows."
    )

    @classmethod
    def of(cls, hit: Hit) -> HitView:
        """View one hit."""
        passage = hit.passage
        return cls.model_construct(
            rank=hit.rank,
            score=float(hit.score),
            corpus=hit.corpus,
            document_id=passage.document_id,
            version=passage.version,
            chunk_id=passage.chunk_id,
            source=passage.source,
            title=passage.title,
            start=passage.start,
            end=passage.end,
            text=passage.text,
            page=passage.page,
            headings=list(passage.headings),
            metadata=dict(passage.metadata),
            duplicates=list(hit.duplicates),
            places=place_views(hit.places),
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

    @classmethod
    def of(cls, result: SearchResult) -> SearchView:
        """View a search; `searched` is absent where the query says all by itself."""
        return cls.model_construct(
            corpus=result.corpus,
            commit=result.commit,
            query=result.query,
            searched=result.searched,
            mode=result.mode,
            hits=hit_views(result.hits),
        )


def _corpus_second(schema: dict[str, Any]) -> None:
    """Keep the published order of the schema, where `corpus` comes before it does in a response."""
    names = list(schema["properties"])
    names.insert(1, names.pop(names.index("corpus")))
    schema["properties"] = {name: schema["properties"][name] for name in names}
    schema["required"] = [name for name in names if name in schema["required"]]


class CitationView(View):
    """A span of stored text that supports the answer where its marker stands."""

    model_config = ConfigDict(json_schema_extra=_corpus_second)

    marker: int = Field(examples=[1], description="Number in the answer's [1]; may have several spans.")
    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version of the document, in hex.")
    source: str = Field(examples=["/srv/handbook/backups.md"], description="What a person would open.")
    title: str = Field(examples=["Backups"], description="Title of the document.")
    start: int = Field(examples=[120], description="First code point of the quote in the stored text.")
    end: int = Field(examples=[145], description="Code point after the last one of the quote.")
    quote: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")
    page: int | None = Field(examples=[3], description="Page of `start`, from 1; null without pages.")
    corpus: str = Field(examples=["handbook"], description="Corpus of the document.")
    hidden: bool = Field(
        False,
        examples=[False],
        description="True where the quote holds characters that are not seen or that turn others around.",
    )
    places: list[PlaceView] = Field(
        description="Where the original has it, in order; empty where nobody knows."
    )

    @classmethod
    def of(cls, citation: Citation) -> CitationView:
        """View one citation; its quote is the stored text [start, end) of that version."""
        return cls.model_construct(
            marker=citation.marker,
            document_id=citation.document_id,
            version=citation.version,
            source=citation.source,
            title=citation.title,
            start=citation.start,
            end=citation.end,
            quote=citation.quote,
            page=citation.page,
            corpus=citation.corpus,
            hidden=citation.hidden,
            places=place_views(citation.places),
        )


class SpanView(View):
    """Code points of a text."""

    start: int = Field(examples=[0], description="First code point.")
    end: int = Field(examples=[24], description="Code point after the last one.")

    @classmethod
    def of(cls, span: Span) -> SpanView:
        """View a span."""
        return cls.model_construct(start=span.start, end=span.end)


class ComputationView(View):
    """How an answer was computed over a table."""

    query: str = Field(
        examples=['SELECT count(*) FROM "staff" WHERE "Role" IN (\'Clerk\')'],
        description="SQL of DuckDB over the table, with its values.",
    )
    rows: int = Field(examples=[12], description="Rows that the conditions of the question hold for.")

    @classmethod
    def of(cls, computation: Computation) -> ComputationView:
        """View how an answer was computed."""
        return cls.model_construct(query=computation.query, rows=computation.rows)


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
    session: str | None = Field(
        None, examples=["0f3a5c"], description="The session that it was asked in; absent without one."
    )
    record: str | None = Field(
        None, examples=["7be1d2"], description="Its record, for feedback; absent where none is kept."
    )
    computation: ComputationView | None = Field(
        None, description="How it was computed over a table; absent for an answer that was not."
    )

    @classmethod
    def of(cls, answer: Answer) -> AnswerView:
        """View an answer; `searched` is absent where the question says all by itself."""
        return cls.model_construct(
            corpus=answer.corpus,
            commit=answer.commit,
            question=answer.question,
            searched=answer.searched,
            answered=answer.answered,
            answer=answer.answer,
            confidence=float(answer.confidence),
            citations=[CitationView.of(citation) for citation in answer.citations],
            passages=hit_views(answer.passages),
            unsupported=[SpanView.of(span) for span in answer.unsupported],
            generator=answer.generator,
            timings_s={name: float(seconds) for name, seconds in answer.timings_s.items()},
            session=answer.session,
            record=answer.record,
            computation=None if answer.computation is None else ComputationView.of(answer.computation),
        )


class TextView(View):
    """Stored text of one immutable version."""

    document_id: str = Field(examples=["handbook/backups.md"], description="Document.")
    version: str = Field(examples=["9f2c51"], description="Immutable version, in hex.")
    start: int = Field(examples=[120], description="First code point.")
    end: int = Field(examples=[145], description="Code point after the last one.")
    text: str = Field(examples=["Backups are made nightly."], description="Stored text [start, end).")
    places: list[PlaceView] = Field(
        description="Where the original has it, in order; empty where nobody knows."
    )

    @classmethod
    def of(cls, piece: TextSlice) -> TextView:
        """View a slice of stored text."""
        return cls.model_construct(
            document_id=piece.document_id,
            version=piece.version,
            start=piece.start,
            end=piece.end,
            text=piece.text,
            places=place_views(piece.places),
        )


def place_views(places: Places) -> list[PlaceView]:
    """View places, in their order."""
    return [PlaceView.of(place) for place in places]


def hit_views(hits: Iterable[Hit]) -> list[HitView]:
    """View hits, in their order."""
    return [HitView.of(hit) for hit in hits]
