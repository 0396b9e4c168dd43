"""What the OpenAI routes send, for /docs and /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ragsvc.api.openapi import ALWAYS, WORDS, Responses
from ragsvc.domain import Answer
from ragsvc.models.display_name import shown_name
from ragsvc.service.json_values import View
from ragsvc.service.views.answers import AnswerView, CitationView, ComputationView, HitView, SpanView


class OpenAIErrorDetail(View):
    """What went wrong."""

    message: str = Field(description="What is wrong, and what to do.")
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"] = Field(
        description="Whose fault it is."
    )
    param: str | None = Field(description="The wrong field.", examples=["temperature"])
    code: str = Field(description="Stable.", examples=["unsupported_parameter"])


class OpenAIErrorView(View):
    """An error, as clients of the OpenAI API read it."""

    error: OpenAIErrorDetail


class ExtensionView(View):
    """What an answer says of itself besides its text."""

    corpus: str = Field(description="Name, or names joined by commas.", examples=["handbook"])
    commit: int = Field(description="Commit that was read.", examples=[42])
    answered: bool = Field(description="false: the documents hold no answer.")
    confidence: float = Field(description="0 to 1: how likely the passages answer it.")
    citations: list[CitationView] = Field(description="Where each marker points.")
    passages: list[HitView] = Field(description="What was read, best first.")
    searched: str | None = Field(
        description="After earlier turns or with misspelt words: the question as it was read."
    )
    unsupported: list[SpanView] = Field(description="Parts of the answer that no passage bears out.")
    generator: str = Field(description="What wrote the answer.", examples=["extractive"])
    session: str | None = Field(None, description="The session that it was asked in; absent without one.")
    record: str | None = Field(None, description="Its record, for feedback; absent where none is kept.")
    computation: ComputationView | None = Field(
        None, description="How it was computed over a table; absent for an answer that was not."
    )

    @classmethod
    def of(cls, answer: Answer) -> ExtensionView:
        """View an answer, with what those who chat may know of where its documents are."""
        whole = AnswerView.of(answer)
        places: list[CitationView | HitView] = [*whole.citations, *whole.passages]
        for place in places:
            place.source = shown_source(place.source, place.document_id)
        return cls.model_construct(
            corpus=whole.corpus,
            commit=whole.commit,
            answered=whole.answered,
            confidence=whole.confidence,
            citations=whole.citations,
            passages=whole.passages,
            searched=whole.searched,
            unsupported=whole.unsupported,
            generator=whole.generator,
            session=whole.session,
            record=whole.record,
            computation=whole.computation,
        )


class UrlCitationView(View):
    """Where a marker of the message leads."""

    start_index: int = Field(description="First code point of the marker in `content`.", examples=[25])
    end_index: int = Field(description="Code point after the last one of the marker.", examples=[28])
    title: str = Field(description="Title of the document.", examples=["Backups"])
    url: str = Field(
        description="URL that the document came from; of any other, where this server gives the quote.",
        examples=["https://example.org/backups"],
    )


class AnnotationView(View):
    """A citation, as the OpenAI API has it; `ragsvc.citations` says more."""

    type: Literal["url_citation"] = Field(description="What this is.")
    url_citation: UrlCitationView


class MessageView(View):
    """What the assistant says."""

    role: Literal["assistant"] = Field(description="Who speaks.")
    content: str = Field(description="Text with markers such as [1].")
    refusal: None = Field(description="Always null: that the documents hold no answer is said in `content`.")
    annotations: list[AnnotationView] = Field(description="Where the markers lead.")
    ragsvc: ExtensionView


class ChoiceView(View):
    """The one choice."""

    index: int = Field(description="0.")
    message: MessageView
    logprobs: None = Field(description="Always null.")
    finish_reason: Literal["stop", "length"] = Field(description="length: the most tokens were written.")


class UsageView(View):
    """Tokens; as a language model tells them, else counted as the corpus's embedder cuts texts."""

    prompt_tokens: int = Field(
        description="Of the whole prompt of a language model; where none was asked, of the last message and "
        "of the user's eight before it."
    )
    completion_tokens: int = Field(description="Of what a language model wrote, or of `content`.")
    total_tokens: int = Field(description="Both.")


class CompletionView(View):
    """A chat completion."""

    id: str = Field(description="Of this completion alone.", examples=["chatcmpl-3f2a"])
    object: Literal["chat.completion"] = Field(description="What this is.")
    created: int = Field(description="Unix time.")
    model: str = Field(description="As in the request.", examples=["ragsvc/handbook"])
    system_fingerprint: str = Field(description="The commit that was read.", examples=["commit-42"])
    choices: list[ChoiceView] = Field(description="One.")
    usage: UsageView


class ModelView(View):
    """A corpus as a model, or the embedder of new corpora."""

    id: str = Field(description="What a request names as `model`.", examples=["ragsvc/handbook"])
    object: Literal["model"] = Field(description="What this is.")
    created: int = Field(description="Unix time.")
    owned_by: str = Field(description="Always ragsvc.")


class ModelsView(View):
    """All corpora as models, and the embedder of new ones."""

    object: Literal["list"] = Field(description="What this is.")
    data: list[ModelView] = Field(description="Corpora by name, then the embedder.")


class EmbeddingView(View):
    """The vector of one input."""

    object: Literal["embedding"] = Field(description="What this is.")
    index: int = Field(description="Place of the input, from 0.")
    embedding: list[float] | str = Field(description="Of length 1; base64: float32, little-endian.")


class EmbeddingUsageView(View):
    """Tokens of the inputs."""

    prompt_tokens: int = Field(description="Without prefixes and special tokens.")
    total_tokens: int = Field(description="The same.")


class EmbeddingsView(View):
    """Vectors in the order of the inputs."""

    object: Literal["list"] = Field(description="What this is.")
    data: list[EmbeddingView] = Field(description="In the order of the inputs.")
    model: str = Field(description="As in the request.")
    usage: EmbeddingUsageView


def shown_source(source: str, document_id: str) -> str:
    """What those who chat may know of where a document is: its URL; of a file of the server its id alone."""
    is_file = shown_name(source) != source or source.startswith("file:")
    return document_id if is_file else source


def openai_problems(*statuses: int) -> Responses:
    """Document errors of a route: those given, and those that every route has."""
    words: dict[int, str] = {
        **WORDS,
        400: WORDS[422],
        429: "Too busy; try again after `Retry-After` seconds.",
    }
    return {
        status: {"model": OpenAIErrorView, "description": words[status].replace("`detail`", "`message`")}
        for status in sorted({400, 429, *ALWAYS, *statuses})
    }


STREAM: dict[str, Any] = {
    "text/event-stream": {
        # One event; the stream has many of them.
        "schema": {
            "type": "object",
            "required": ["data"],
            "properties": {
                "data": {
                    "type": "string",
                    "description": "A chat.completion.chunk on one line of JSON; at the end [DONE]. The "
                    "last chunk with a choice has `annotations` and `ragsvc` in its delta. An object with "
                    "`error` ends a broken stream.",
                }
            },
        },
        "example": 'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"Nightly"}}]}\n\n',
    }
}
