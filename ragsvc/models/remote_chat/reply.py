"""What a server of the OpenAI kind sends: events or one JSON object, read into pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ragsvc.domain import Delta, FinishReason
from ragsvc.errors import ModelError, ModelRefused
from ragsvc.models.remote_chat.server_words import ServerName

MAX_LINE_BYTES = 1 << 20
MAX_REPLY_BYTES = 4 << 20
LENGTHS = ("length", "max_tokens")
DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class ReplyPart:
    """One message of a server. text: "" when it only shows that the server is at work."""

    text: str
    finish: str | None
    prompt_tokens: int
    completion_tokens: int


class ReplyLines:
    """Cuts bytes into lines, whatever the pieces they come in."""

    def __init__(self, server: ServerName) -> None:
        self._server = server
        self._rest = bytearray()
        self._total = 0

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that are complete now, without their ends.

        :raises ModelError: if a line or the reply grows too long, or is not UTF-8.
        """
        self._total += len(data)
        if self._total > MAX_REPLY_BYTES:
            raise ModelError(
                f"{self._server} sent more than {MAX_REPLY_BYTES >> 20} MiB",
                hint="it seems not to stop by itself; ask for fewer tokens, or try another model",
            )
        *whole, rest = (self._rest + data).split(b"\n")
        self._rest = rest
        for line in (*whole, rest):
            if len(line) > MAX_LINE_BYTES:
                raise ModelError(f"{self._server} sent a line of more than {MAX_LINE_BYTES >> 20} MiB")
        for line in whole:
            yield self._decoded(line)

    def end(self) -> str:
        """What stands after the last line end."""
        return self._decoded(self._rest)

    def _decoded(self, line: bytes | bytearray) -> str:
        try:
            return line.decode("utf-8").rstrip("\r")
        except UnicodeDecodeError as error:
            raise ModelError(f"{self._server} sent text that is not UTF-8") from error


class Reply:
    """One answer of a server: takes in lines or a whole body, gives pieces."""

    def __init__(self, server: ServerName) -> None:
        self._server = server
        self._held = ""
        self._heard = False
        self._finish: str | None = None
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self.done = False

    def line(self, line: str) -> Iterator[Delta]:
        """Read one line of server-sent events; comments and other fields say nothing.

        An empty piece shows that the server works on the answer: it thinks, or counts tokens.

        :raises ModelError: if it is no event of this kind, or tells of an error.
        """
        if self.done or not line.startswith("data:"):
            return
        data = line[5:].strip()
        if data == DONE:
            self.done = True
        elif data:
            yield from self._take(data, "delta")

    def body(self, text: str) -> Iterator[Delta]:
        """Read an answer that came as one JSON object.

        :raises ModelError: if it is none.
        """
        yield from self._take(text, "message")
        self._finish = self._finish or "stop"

    def last(self) -> Delta:
        """The piece that ends the answer.

        :raises ModelError: if the answer broke off, or the server held the rest of it back.
        """
        if not self._heard:
            raise ModelError(
                f"{self._server} sent no answer",
                hint="the URL must be the base of an OpenAI-compatible API; it often ends in /v1",
            )
        if self._finish is None and not self.done:
            raise ModelError(
                f"{self._server} broke off in the middle of an answer",
                hint="look into its log, then ask again",
            )
        if self._finish == "content_filter":
            raise ModelRefused(f"the content filter of {self._server} held back the rest of the answer")
        finish = FinishReason.LENGTH if self._finish in LENGTHS else FinishReason.STOP
        return Delta(whole(self._held), finish, self._prompt_tokens, self._completion_tokens)

    def _take(self, data: str, member: str) -> Iterator[Delta]:
        part = part_of(read_json(data, self._server), member, self._server)
        self._heard = True
        self._finish = part.finish or self._finish
        self._prompt_tokens = part.prompt_tokens or self._prompt_tokens
        self._completion_tokens = part.completion_tokens or self._completion_tokens
        text = self._held + part.text
        # Some servers cut an emoji into its two halves of UTF-16.
        cut = len(text) - ("\ud800" <= text[-1:] <= "\udbff")
        self._held = text[cut:]
        yield Delta(whole(text[:cut]))


def read_json(text: str, server: ServerName) -> dict[str, Any]:
    """Read an object.

    :raises ModelError: if it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _strange(server, text) from error
    if not isinstance(value, dict):
        raise _strange(server, text)
    return value


def part_of(value: dict[str, Any], member: str, server: ServerName) -> ReplyPart:
    """Take what matters out of a chunk ("delta") or of a whole answer ("message").

    :raises ModelError: if it is neither, or tells of an error.
    """
    if value.get("error"):
        raise ModelError(f"{server} reports an error: {server.error_in(value)}", hint="look into its log")
    choices = value.get("choices") or []
    usage = value.get("usage")
    tokens = usage if isinstance(usage, dict) else {}
    first = choices[0] if isinstance(choices, list) and choices else {}
    said = first.get(member) if isinstance(first, dict) else None
    text = said.get("content") if isinstance(said, dict) else None
    finish = first.get("finish_reason") if isinstance(first, dict) else None
    if not (first or tokens or "choices" in value) or not isinstance(text, str | None):
        raise _strange(server, str(value))
    if member == "message" and text is None:
        raise _strange(server, str(value))
    return ReplyPart(
        text or "",
        finish if isinstance(finish, str) else None,
        _count(tokens.get("prompt_tokens")),
        _count(tokens.get("completion_tokens")),
    )


def whole(text: str) -> str:
    """Halves of UTF-16 put together; one that has lost its other half becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _strange(server: ServerName, text: str) -> ModelError:
    return ModelError(
        f"{server} sent what no OpenAI-compatible server sends: {server.quoted(text)}",
        hint="the URL must be the base of such an API; it often ends in /v1",
    )
