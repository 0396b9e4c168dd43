"""The request of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from ragsvc.api.openai.fields import PASSED, Absent, EmptyObject, Off, Zero, only
from ragsvc.api.openai.messages import MessageBody, read_messages
from ragsvc.api.openai.names import corpora_of_model
from ragsvc.api.schemas import MAX_K, At, Body, KeptMetadata, Listed, Origin, SessionId, optional
from ragsvc.domain import AnswerRequest, RecordOrigin

MAX_STOPS = 4
MAX_STOP_CHARS = 256

ModelName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4096,
        description="`ragsvc/<corpus>`, or several: `ragsvc/<corpus>,<corpus>`.",
        examples=["ragsvc/handbook"],
    ),
]
Limit = Annotated[int, Field(ge=1)]
StopText = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARS)]


def _stop(value: Any, check: Callable[[Any], Any]) -> Any:
    try:
        return check(value)
    except ValidationError as error:
        raise PydanticCustomError(
            "stop",
            "should be a text, or a list of up to {most} texts; each of 1 to {chars} characters",
            {"most": MAX_STOPS, "chars": MAX_STOP_CHARS},
        ) from error


class StreamOptions(Body):
    """What a stream sends besides."""

    include_usage: bool | None = Field(None, description="true: the last chunk tells the tokens.")
    include_obfuscation: bool | None = PASSED


class TextFormat(Body):
    """The one format of answers."""

    type: Literal["text"] = Field(description="Plain text.")


class Extension(Body):
    """What the OpenAI API has no field for."""

    k: int = Field(6, ge=1, le=MAX_K, description="How many passages to read.", examples=[6])
    filter: dict[str, Any] | None = Field(
        None, description="Only documents whose metadata match, as in search.", examples=[{"lang": "en"}]
    )
    at: At = None
    session: SessionId = None
    metadata: KeptMetadata = Field(default_factory=dict)
    origin: Origin = RecordOrigin.REAL


class ChatBody(Body):
    """A chat. Fields that would change the answer and are not supported are refused."""

    model: ModelName
    messages: Listed[MessageBody] = Field(
        min_length=1,
        description="The last one asks; the user's and the assistant's before it are the conversation. "
        "System and developer messages are given to a language model, and without one are not used.",
    )
    stream: bool | None = Field(None, description="true: send the answer in chunks while it is written.")
    stream_options: StreamOptions | None = Field(None, description="What a stream sends besides.")
    max_tokens: Limit | None = Field(
        None, description="Most tokens of the answer; RAGSVC_MAX_ANSWER_TOKENS is the limit in any case."
    )
    max_completion_tokens: Limit | None = Field(None, description="The same as `max_tokens`.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="0 to 2; used by a language model."
    )
    stop: Annotated[
        StopText | Annotated[Listed[StopText], Field(max_length=MAX_STOPS)] | None,
        WrapValidator(_stop),
        Field(description="Up to 4 texts; the answer ends before the first that would come."),
    ] = None
    ragsvc: Extension | None = Field(
        None, description="`k`, `filter`, `at`, `session`, `metadata` and `origin`, as in `POST /v1/answer`."
    )

    n: Annotated[
        Annotated[int, Field(ge=1, le=1)] | None,
        only("leave it out, or send 1"),
        Field(description="1; others are refused."),
    ] = None
    # Many front ends send one. At temperature 0, as is set, it has no effect in any case.
    top_p: Annotated[float, Field(ge=0, le=1)] | None = PASSED
    frequency_penalty: Zero = None
    presence_penalty: Zero = None
    logprobs: Off = None
    top_logprobs: Zero = None
    logit_bias: EmptyObject = None
    # Chat front ends send their tools with every message. A model that is free to use them may do without.
    tools: Listed[dict[str, Any]] | None = Field(None, description="Taken; none is ever called.")
    functions: Listed[dict[str, Any]] | None = Field(None, description="As `tools`.")
    tool_choice: Annotated[
        Literal["none", "auto"] | None,
        only("leave it out, or send none or auto"),
        Field(description="`none` or `auto`; what asks for a call is refused."),
    ] = None
    function_call: Annotated[
        Literal["none", "auto"] | None,
        only("leave it out, or send none or auto"),
        Field(description="As `tool_choice`."),
    ] = None
    response_format: Annotated[
        TextFormat | None,
        only('leave it out, or send {"type": "text"}'),
        Field(description="Plain text alone."),
    ] = None
    modalities: Annotated[
        Listed[Literal["text"]] | None,
        only('leave it out, or send ["text"]'),
        Field(description="Text alone."),
    ] = None
    audio: Absent = None
    prediction: Absent = None
    web_search_options: Absent = None
    moderation: Absent = None
    store: bool | None = PASSED
    verbosity: str | None = PASSED
    seed: int | None = PASSED
    user: str | None = PASSED
    metadata: dict[str, Any] | None = PASSED
    parallel_tool_calls: bool | None = PASSED
    service_tier: str | None = PASSED
    reasoning_effort: str | None = PASSED
    safety_identifier: str | None = PASSED
    prompt_cache_key: str | None = PASSED
    prompt_cache_retention: str | None = PASSED
    prompt_cache_options: dict[str, Any] | None = PASSED

    @model_validator(mode="after")
    def _one_limit(self) -> ChatBody:
        given = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(given) > 1:
            raise PydanticCustomError(
                "limits", "max_tokens and max_completion_tokens differ; send one of them"
            )
        return self

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the tokens."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    def request(self, max_chars: int) -> AnswerRequest:
        """Give the service's form of it.

        :param max_chars: as in `read_messages`.
        :raises CorpusNotFound: if the model's name cannot be that of a corpus.
        :raises InvalidRequest: if the messages do not end with a question.
        :raises TooLarge: if a message is over the limit.
        """
        conversation = read_messages(self.messages, max_chars)
        extension = self.ragsvc or Extension()
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        return AnswerRequest(
            corpora=corpora_of_model(self.model),
            question=conversation.question,
            k=extension.k,
            where=extension.filter,
            at=optional(extension.at),
            history=conversation.history,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            temperature=self.temperature,
            stop=stop,
            instructions=conversation.instructions,
            session=extension.session,
            metadata=extension.metadata,
            origin=extension.origin,
        )
