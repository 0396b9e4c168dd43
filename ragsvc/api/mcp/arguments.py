"""Arguments of the tools: strict, bounded, and described for whoever reads the schema, which is a model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from ragsvc.api.schemas import (
    FILTER_WORDS,
    MAX_K,
    At,
    Body,
    CorpusName,
    CorpusNames,
    History,
    corpora_of,
    optional,
    printable,
    turns_of,
)
from ragsvc.api.strict_route import MAX_INTEGER
from ragsvc.domain import AnswerRequest, Mode, SearchRequest

MAX_TEXT_CHARS = 100_000
TEXT_CHARS = 20_000
Filter = Annotated[
    dict[str, Any] | None, Field(description=FILTER_WORDS, examples=[{"lang": "en", "year": {"$gte": 2020}}])
]
Corpora = Annotated[
    CorpusName | CorpusNames,
    Field(
        description="Name of a corpus, or a list of up to 32 names; `list_corpora` has them.",
        examples=["handbook", ["handbook", "minutes"]],
    ),
]
DocumentId = Annotated[
    str,
    AfterValidator(printable),
    Field(min_length=1, max_length=4096, examples=["handbook/backups.md"]),
]


class SearchArguments(Body):
    """What `search` takes."""

    corpus: Corpora
    query: str = Field(min_length=1, description="What to look for, in plain words or exact terms.")
    k: int = Field(10, ge=1, le=MAX_K, description="How many passages to return at most.")
    mode: Annotated[Mode, Field(strict=False)] = Field(
        Mode.HYBRID,
        description="`hybrid` searches by meaning and by words, `dense` by meaning alone, `lexical` by words "
        "alone.",
    )
    filter: Filter = None
    at: At = None

    def request(self) -> SearchRequest:
        """Give the service's form of it."""
        return SearchRequest(
            corpora=corpora_of(self.corpus),
            query=self.query,
            k=self.k,
            mode=self.mode,
            where=self.filter,
            at=optional(self.at),
        )


class AskArguments(Body):
    """What `ask` takes."""

    corpus: Corpora
    question: str = Field(min_length=1, description="A whole question, in plain words.")
    k: int = Field(6, ge=1, le=MAX_K, description="How many passages to read.")
    filter: Filter = None
    at: At = None
    history: History = None

    def request(self) -> AnswerRequest:
        """Give the service's form of it."""
        return AnswerRequest(
            corpora=corpora_of(self.corpus),
            question=self.question,
            k=self.k,
            where=self.filter,
            at=optional(self.at),
            history=turns_of(self.history),
        )


class TextArguments(Body):
    """What `get_text` takes."""

    corpus: CorpusName
    document_id: DocumentId = Field(description="`document_id` of a hit, a citation or `list_documents`.")
    version: str | None = Field(
        None,
        pattern="^[0-9a-f]{1,64}$",
        description="`version` of a hit or citation, for exactly the text that it was found in; the live one "
        "when left out.",
    )
    start: int = Field(0, ge=0, le=MAX_INTEGER, description="First code point.")
    end: int | None = Field(
        None,
        ge=0,
        le=MAX_INTEGER,
        description=f"Code point after the last one; {TEXT_CHARS} after `start` when left out, and never "
        f"more than {MAX_TEXT_CHARS} after it.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> TextArguments:
        if self.end is not None and self.end < self.start:
            raise PydanticCustomError("order", "start is after end; send start <= end")
        return self

    @property
    def last(self) -> int:
        """Code point after the last one that is given back."""
        wanted = self.start + TEXT_CHARS if self.end is None else self.end
        return min(wanted, self.start + MAX_TEXT_CHARS, MAX_INTEGER - 1)


class CorporaArguments(Body):
    """What `list_corpora` takes: nothing."""


class DocumentsArguments(Body):
    """What `list_documents` takes."""

    corpus: CorpusName
    cursor: str | None = Field(
        None, min_length=1, max_length=8192, description="`next_cursor` of the page before."
    )
    limit: int = Field(100, ge=1, le=1000, description="Documents on a page.")
    at: At = None


class AdditionArguments(Body):
    """What `add_text` takes."""

    corpus: CorpusName
    document_id: Annotated[str, AfterValidator(printable)] = Field(
        min_length=1,
        max_length=512,
        description="Id of the document; one that has it is replaced. No control characters.",
        examples=["notes/2025-01-31"],
    )
    text: str = Field(min_length=1, description="The whole text, plain or Markdown.")
    title: str = Field("", max_length=2048, description="Its title.")
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="Fields to filter by; any JSON values.", examples=[{"lang": "en"}]
    )
