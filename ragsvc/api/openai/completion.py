"""Answers as chat completions, whole and in chunks."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from ragsvc.api.errors import Problem
from ragsvc.api.openai.errors import error_object
from ragsvc.api.openai.footer import footer
from ragsvc.api.openai.url_citations import annotations_of
from ragsvc.api.openai.views import ExtensionView
from ragsvc.api.responses import encode
from ragsvc.domain import Answer, AnswerEvent, DoneEvent, TokenEvent
from ragsvc.service.json_values import encodable

END = b"data: [DONE]\n\n"


def _new_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class CompletionHead:
    """What all parts of one completion share.

    model: as the request names it. sources: whether they end the message. base: URL of this server.
    """

    model: str
    sources: bool
    base: str
    id: str = field(default_factory=_new_id)
    created: int = field(default_factory=lambda: int(time.time()))

    def members(self, kind: str, answer: Answer | None) -> dict[str, Any]:
        """The first members of an object; the fingerprint is the commit that was read."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None if answer is None else f"commit-{int(answer.commit)}",
        }

    def ending(self, answer: Answer) -> str:
        """What follows the text of the answer."""
        return footer(answer) if self.sources else ""


def usage(answer: Answer) -> dict[str, int]:
    """Tokens of what was read and written; the list of sources is not among them."""
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }


def completion(heading: CompletionHead, answer: Answer) -> dict[str, Any]:
    """A whole completion."""
    message = {
        "role": "assistant",
        "content": encodable(answer.answer) + heading.ending(answer),
        "refusal": None,
        "annotations": annotations_of(answer, heading.base),
        "ragsvc": ExtensionView.of(answer).json_object(),
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": str(answer.finish)}
    return {
        **heading.members("chat.completion", answer),
        "choices": [choice],
        "usage": usage(answer),
    }


class WholeFrames:
    """One JSON object, when the answer is done. A client that hangs up before stops the work."""

    media_type = "application/json"
    ping = b""

    def __init__(self, heading: CompletionHead) -> None:
        self._heading = heading

    def frame(self, event: AnswerEvent) -> bytes | None:
        """Write the last event; the others are in it."""
        if isinstance(event, TokenEvent):
            return b""
        return encode(completion(self._heading, event.answer)) if isinstance(event, DoneEvent) else None

    def error(self, problem: Problem) -> bytes:
        """See Frames; nothing follows the object."""
        raise AssertionError(problem.detail)


class ChunkFrames:
    """Server-sent events, each a chunk of the completion; the last is `[DONE]`.

    The first chunk has the role and the first words; the last one with a choice has the finish reason,
    and in its delta `annotations` and `ragsvc`.
    """

    media_type = "text/event-stream"
    ping = b": ping\n\n"

    def __init__(self, heading: CompletionHead, *, with_usage: bool) -> None:
        self._heading = heading
        self._with_usage = with_usage
        self._begun = False

    def frame(self, event: AnswerEvent) -> bytes | None:
        """Write one event; passages and citations come with the last chunk."""
        if isinstance(event, TokenEvent):
            return self._content(encodable(event.text)) if event.text else b""
        return self._end(event.answer) if isinstance(event, DoneEvent) else None

    def error(self, problem: Problem) -> bytes:
        """Write the error that ends the stream; clients raise it."""
        return _data(error_object(problem))

    def _content(self, text: str) -> bytes:
        delta = {"content": text}
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        return self._chunk(delta, None, None)

    def _end(self, answer: Answer) -> bytes:
        frames = []
        if ending := self._heading.ending(answer):
            frames.append(self._content(ending))
        if not self._begun:
            frames.append(self._content(""))
        last_delta = {
            "annotations": annotations_of(answer, self._heading.base),
            "ragsvc": ExtensionView.of(answer).json_object(),
        }
        frames.append(self._chunk(last_delta, str(answer.finish), answer))
        if self._with_usage:
            last = self._heading.members("chat.completion.chunk", answer)
            frames.append(_data({**last, "choices": [], "usage": usage(answer)}))
        return b"".join(frames) + END

    def _chunk(self, delta: dict[str, Any], finish: str | None, answer: Answer | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**self._heading.members("chat.completion.chunk", answer), "choices": [choice]}
        if self._with_usage:
            chunk["usage"] = None
        return _data(chunk)


def _data(content: Any) -> bytes:
    return b"data: " + encode(content) + b"\n\n"
