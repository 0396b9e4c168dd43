"""A chat model that writes what it is told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragsvc.domain import Delta, FinishReason, Message


class ScriptedChat:
    """A Chat that writes what it is told to."""

    name = "scripted"

    def __init__(self, pieces: Sequence[str], finish: FinishReason = FinishReason.STOP) -> None:
        self.pieces = pieces
        self.finish = finish
        self.asked: list[tuple[Message, ...]] = []
        self.limits: list[int] = []
        self.closed = False

    def count(self, text: str) -> int:
        return len(text.split())

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        self.asked.append(tuple(messages))
        self.limits.append(max_tokens)
        try:
            for piece in self.pieces:
                yield Delta(piece)
            yield Delta("", self.finish, 7, len(self.pieces))
        finally:
            self.closed = True
