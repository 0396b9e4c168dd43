"""The messages of a chat: the question, what was said before it, and instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from ragsvc.api.openai.fields import PASSED, Absent, only
from ragsvc.api.openai.footer import without_footer
from ragsvc.api.schemas import Listed
from ragsvc.domain import Role, Turn
from ragsvc.errors import InvalidRequest, TooLarge
from ragsvc.service.request_limits import MAX_TURNS

INSTRUCTING = ("system", "developer")
# What was said to tools by the model that a chat began with.
CALLED = ("tool", "function")


class Part(BaseModel):
    """A part of a message: text, or what an assistant said when it refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    type: Literal["text", "refusal"] = Field(description="Which of the two.")
    text: str = Field("", description="The text.")
    refusal: str = Field("", description="The refusal.")
    cache_control: dict[str, Any] | None = PASSED
    prompt_cache_breakpoint: dict[str, Any] | None = PASSED


def _content(value: Any, inner: Callable[[Any], Any]) -> Any:
    try:
        return inner(value)
    except ValidationError as error:
        raise PydanticCustomError(
            "unsupported",
            "should be a text, or a list of parts of the type text; images and audio are not read",
        ) from error


class MessageBody(BaseModel):
    """One message. What this server sends in a message may be sent back as it is."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    role: Annotated[
        Literal["system", "developer", "user", "assistant", "tool", "function"],
        only("send system, developer, user, assistant or tool"),
        Field(description="Who says it.", examples=["user"]),
    ]
    content: Annotated[
        str | Listed[Part] | None,
        WrapValidator(_content),
        Field(description="A text, or a list of parts of text.", examples=["How are backups made?"]),
    ] = None
    name: str | None = PASSED
    refusal: str | None = Field(None, description="What an assistant said instead of `content`.")
    annotations: list[Any] | None = PASSED
    ragsvc: dict[str, Any] | None = PASSED
    metadata: dict[str, Any] | None = PASSED
    options: list[Any] | None = PASSED
    reasoning: str | None = PASSED
    reasoning_content: str | None = PASSED
    tool_calls: Listed[dict[str, Any]] | None = PASSED
    tool_call_id: str | None = PASSED
    function_call: dict[str, Any] | None = PASSED
    audio: Absent = None

    @property
    def calls(self) -> bool:
        """Whether it calls a tool."""
        return bool(self.tool_calls or self.function_call)

    @property
    def text(self) -> str:
        """All that it says; parts stand on lines of their own, for clients send them as such."""
        if self.content is None:
            return self.refusal or ""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text or part.refusal for part in self.content)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat as the service takes it. history: before the question, oldest first."""

    question: str
    history: tuple[Turn, ...]
    instructions: str


def check_length(name: str, text: str, max_chars: int) -> None:
    """Refuse an overlong text.

    :param name: of the field, for the message.
    :raises TooLarge: if it has more than `max_chars` characters.
    """
    if len(text) > max_chars:
        raise TooLarge(
            f"{name} has {len(text)} characters, the most is {max_chars}",
            hint="shorten it, or raise RAGSVC_MAX_QUESTION_CHARS",
            param=name if name.startswith("messages") else "messages",
        )


def read_messages(messages: Sequence[MessageBody], max_chars: int) -> Conversation:
    """Find the question, which the last message asks, and what goes with it.

    Only the last 200 turns before it are kept, for no more are of use. Calls of tools and what they gave
    are left out: no tool is called here.

    :param max_chars: of each message of the user, and of all instructions together.
    :raises InvalidRequest: if the user does not have the last word, or says nothing.
    :raises TooLarge: if a message is over the limit.
    """
    turns: list[Turn] = []
    instructions: list[str] = []
    asking = ""
    for number, message in enumerate(messages):
        text = message.text
        if message.role in INSTRUCTING:
            instructions.append(text.strip())
        elif message.role == "user":
            check_length(f"messages[{number}].content", text, max_chars)
            turns.append(Turn(Role.USER, text))
            asking = f"messages[{number}].content"
        elif message.role not in CALLED and (text or not message.calls):
            turns.append(Turn(Role.ASSISTANT, without_footer(text)))
    if not turns or turns[-1].role is not Role.USER:
        raise InvalidRequest(
            "the last of messages must be of the user",
            hint='end with {"role": "user", "content": ...}',
            param="messages",
        )
    if not turns[-1].content.strip():
        raise InvalidRequest(f"{asking} is blank", hint=f"write something into {asking}", param=asking)
    joined = "\n\n".join(filter(None, instructions))
    check_length("the content of all system messages", joined, max_chars)
    return Conversation(turns[-1].content, tuple(turns[:-1][-MAX_TURNS:]), joined)
