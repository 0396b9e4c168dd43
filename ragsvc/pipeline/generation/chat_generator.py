"""A generator made of a chat model: the prompt goes in, an answer with markers comes out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ragsvc.domain import Delta, GenerationRequest
from ragsvc.pipeline.generation.output_filters.link_targets import Targets
from ragsvc.pipeline.generation.output_filters.links import Links
from ragsvc.pipeline.generation.output_filters.markers import MarkerNotation
from ragsvc.pipeline.generation.output_filters.thoughts import ReasoningFilter
from ragsvc.pipeline.generation.prompt import prompt
from ragsvc.pipeline.grounding.citations import MarkerCheck
from ragsvc.pipeline.iterators import closed_after
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

    def stream(self, asked: GenerationRequest) -> Iterator[Delta]:
        """See `Generator.stream`; every piece of the model gives one piece, though it may be empty.

        :raises TooLarge: if the question leaves no room for a passage.
        """
        made = prompt(asked, self._prompt_tokens, self._chat.count)
        limit = min(asked.max_tokens or self._max_answer_tokens, self._max_answer_tokens)
        answer = _AnswerFilter(asked, made.shown)
        with closed_after(self._chat.stream(made.messages, limit, asked.temperature, asked.stop)) as pieces:
            for piece in pieces:
                text = answer.feed(piece.text.replace("\0", NO_CHARACTER))
                if piece.finish is not None:
                    text += answer.end()
                    if not piece.prompt_tokens and asked.count is not None:
                        piece = replace(piece, prompt_tokens=made.tokens(asked.count))
                yield replace(piece, text=text)
            if rest := answer.end():
                yield Delta(rest)


class _AnswerFilter:
    """What of a model's words is its answer, with markers and links of the passages that it saw."""

    def __init__(self, asked: GenerationRequest, shown: Collection[int]) -> None:
        self._reasoning, self._notation = ReasoningFilter(), MarkerNotation(shown)
        # A marker that goes must not bring together what is a link without it.
        self._check = MarkerCheck(len(asked.passages))
        self._links = Links(Targets(asked.passages[number - 1] for number in shown))

    def feed(self, text: str) -> str:
        return self._links.feed(self._check.feed(self._notation.feed(self._reasoning.feed(text))))

    def end(self) -> str:
        rest = self._notation.feed(self._reasoning.end()) + self._notation.end()
        return self._links.feed(self._check.feed(rest) + self._check.end()) + self._links.end()
