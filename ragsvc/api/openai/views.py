"""What the OpenAI routes send, for /docs and /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ragsvc.api.openapi import ALWAYS, WORDS, Responses
from ragsvc.api.views import CitationView, HitView, View


class OpenAIErrorDetail(View):
    """What went wrong."""

    message: str = Field(description="What is wrong, and what to do.")
    type: Literal["invalid_request_error", "rate_limit_error", "server_error"]
    param: str | None = Field(description="The wrong field.", examples=["temperature"])
    code: str = Field(description="Stable.", examples=["unsupported_parameter"])


class OpenAIErrorView(View):
    """An error, as clients of the OpenAI API read it."""

    error: OpenAIErrorDetail


class SpanView(View):
    """Code points [start, end) of the answer."""

    start: int
    end: int


class ExtensionView(View):
    """What an answer says of itself besides its text."""

    corpus: str = Field(description="Name, or names joined by commas.", examples=["handbook"])
    commit: int = Field(description="Commit that was read.", examples=[42])
    answered: bool = Field(description="false: the documents hold no answer.")
    confidence: float = Field(description="0 to 1: how likely the passages answer it.")
    citations: list[CitationView] = Field(description="Where each marker points.")
    passages: list[HitView] = Field(description="What was read, best first.")
    searched: str | None = Field(description="After earlier turns: the stand-alone question.")
    unsupported: list[SpanView] = Field(description="Parts of the answer that no passage bears out.")
    generator: str = Field(description="What wrote the answer.", examples=["extractive"])


class MessageView(View):
    """What the assistant says."""

    role: Literal["assistant"]
    content: str = Field(description="Text with markers such as [1].")
    refusal: None
    ragsvc: ExtensionView


class ChoiceView(View):
    """The one choice."""

    index: int
    message: MessageView
    logprobs: None
    finish_reason: Literal["stop", "length"]


class UsageView(View):
    """Tokens of the model."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionView(View):
    """A chat completion."""

    id: str = Field(examples=["chatcmpl-3f2a"])
    object: Literal["chat.completion"]
    created: int = Field(description="Unix time.")
    model: str = Field(examples=["ragsvc/handbook"])
    system_fingerprint: str = Field(description="The commit that was read.", examples=["commit-42"])
    choices: list[ChoiceView]
    usage: UsageView


class ModelView(View):
    """A corpus as a model."""

    id: str = Field(examples=["ragsvc/handbook"])
    object: Literal["model"]
    created: int = Field(description="Unix time.")
    owned_by: str


class ModelsView(View):
    """All corpora as models."""

    object: Literal["list"]
    data: list[ModelView]


class EmbeddingView(View):
    """The vector of one input."""

    object: Literal["embedding"]
    index: int = Field(description="Place of the input, from 0.")
    embedding: list[float] | str = Field(description="Of length 1; base64: float32, little-endian.")


class EmbeddingUsageView(View):
    """Tokens of the inputs."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsView(View):
    """Vectors in the order of the inputs."""

    object: Literal["list"]
    data: list[EmbeddingView]
    model: str
    usage: EmbeddingUsageView


def openai_problems(*statuses: int) -> Responses:
    """Document errors of a route: those given, and those that every route has."""
    words: dict[int, str] = {
        **WORDS,
        400: WORDS[422],
        429: "Too busy; try again after `Retry-After` seconds.",
    }
    always = {400, 429, *ALWAYS} - {422}
    return {
        status: {"model": OpenAIErrorView, "description": words[status].replace("`detail`", "`message`")}
        for status in sorted({*always, *statuses})
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
                    "last chunk with a choice has `ragsvc` in its delta. An object with `error` ends a "
                    "broken stream.",
                }
            },
        },
        "example": 'data: {"object":"chat.completion.chunk","choices":[{"delta":{"content":"Nightly"}}]}\n\n',
    }
}
