"""A generator made of a chat model: the prompt goes in, an answer with markers comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ragsvc.domain import Generation, Piece
from ragsvc.pipeline.closing import closed_after
from ragsvc.pipeline.generation.notation import Notation
from ragsvc.pipeline.generation.prompt import prompt
from ragsvc.pipeline.generation.reasoning import WithoutReasoning
from ragsvc.protocols import Chat

# Stands in for NUL, which is in no text that is meant to be read and which much cannot store.
NO_CHARACTER = "\ufffd"


class PromptedGenerator:
    """Answers with a chat model; what it thinks before it answers is not part of the answer."""

    def __init__(self, chat: Chat, *, prompt_tokens: int, max_answer_tokens: int) -> None:
        self._chat = chat
        self._prompt_tokens = prompt_tokens
        self._max_answer_tokens = max_answer_tokens

    @property
    def name(self) -> str:
        """The name of the chat model."""
        return self._chat.name

    def stream(self, asked: Generation) -> Iterator[Piece]:
        """See `Generator.stream`; every piece of the model gives one piece, though it may be empty.

        :raises TooLarge: if the question leaves no room for a passage.
        """
        made = prompt(asked, self._prompt_tokens, self._chat.count)
        limit = min(asked.max_tokens or self._max_answer_tokens, self._max_answer_tokens)
        reasoning, notation = WithoutReasoning(), Notation(made.shown)
        with closed_after(self._chat.stream(made.messages, limit, asked.temperature, asked.stop)) as pieces:
            for piece in pieces:
                text = notation.feed(reasoning.feed(piece.text.replace("\0", NO_CHARACTER)))
                if piece.finish is not None:
                    text += notation.feed(reasoning.end()) + notation.end()
                    if not piece.prompt_tokens and asked.count is not None:
                        piece = replace(piece, prompt_tokens=made.tokens(asked.count))
                yield replace(piece, text=text)
            if rest := notation.feed(reasoning.end()) + notation.end():
                yield Piece(rest)
