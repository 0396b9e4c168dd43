"""Any causal or sequence-to-sequence model of transformers as a Chat: one answer at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragsvc.domain import Delta, Message, Speaker
from ragsvc.errors import ModelError, Overloaded
from ragsvc.models.chat_prompt import ChatPrompt
from ragsvc.models.chat_writer import ChatWriter
from ragsvc.models.display_name import shown_name
from ragsvc.models.language_model import LanguageModel, SamplingOptions
from ragsvc.models.token_decoder import StopTexts

# A reader that cannot be interrupted sees at least this often whether its client is still there.
BEAT_S = 0.25


class FairQueue:
    """Lets one holder through at a time; the others stand in line."""

    def __init__(self, waiting: int) -> None:
        """Open, with nobody in line.

        :param waiting: how many may stand in line behind the one who is through; at least 0.
        """
        self._waiting = waiting
        self._changed = threading.Condition()
        # The first is through, the others wait.
        self._line: deque[object] = deque()

    def enter(self) -> object:
        """Get in line.

        :return: a ticket for `through` and `leave`.
        :raises Overloaded: if the line is full.
        """
        with self._changed:
            if len(self._line) > self._waiting:
                raise Overloaded(
                    f"{len(self._line)} answers are being written or wait for the model already",
                    hint="ask again in a moment, or raise RAGSVC_GENERATOR_WAITING",
                )
            ticket = object()
            self._line.append(ticket)
            return ticket

    def through(self, ticket: object, timeout_s: float) -> bool:
        """Wait until it is the ticket's turn, but no longer than so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._line[0] is ticket, timeout_s)

    def leave(self, ticket: object) -> None:
        """Make way, whether it was the ticket's turn or not; leaving twice does nothing."""
        with self._changed:
            if ticket in self._line:
                self._line.remove(ticket)
                self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class _Ready:
    model: LanguageModel
    prompt: ChatPrompt


class TransformersChat:
    """Loaded on first use, and safe to share between threads."""

    def __init__(self, name: str, waiting: int) -> None:
        """Remember what to load; nothing is read yet.

        :param name: a folder, or a hub name such as "Qwen/Qwen2.5-0.5B-Instruct".
        :param waiting: answers that may wait for the one being written, at least 0.
        """
        self._name = name
        self._turnstile = FairQueue(waiting)
        self._lock = threading.Lock()
        self._loaded: _Ready | None = None

    @property
    def name(self) -> str:
        """See Chat; of a folder its own name, and not where it lies."""
        return f"transformers:{shown_name(self._name)}"

    def warm_up(self) -> None:
        """Load the model and write one token, so that the first question does not wait for it.

        :raises ModelError: if the model cannot be used.
        """
        for _ in self.stream([Message(Speaker.USER, "warm up")], 1, 0.0, ()):
            pass

    def count(self, text: str) -> int:
        """See Chat; exact, without what the template adds.

        :raises ModelError: if the model cannot be used.
        """
        return self._load().prompt.count(text)

    def stream(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, stop: Sequence[str]
    ) -> Iterator[Delta]:
        """See Chat; pieces without text come while nothing else does, and while others are served.

        :raises ModelError: if the model cannot be used, or the prompt does not fit.
        :raises Overloaded: if too many wait for it already.
        """
        ticket = self._turnstile.enter()
        writer: ChatWriter | None = None
        try:
            while not self._turnstile.through(ticket, BEAT_S):
                yield Delta("")
            ready = self._load()
            ids = ready.prompt.ids(messages)
            _check_fits(ready.model, len(ids), max_tokens)
            stops = StopTexts((*stop, *ready.prompt.stops))
            sampling = SamplingOptions(max_tokens, temperature)
            begun = ChatWriter(ready.model, ready.prompt, ids, sampling, stops)
            begun.begin(lambda: self._turnstile.leave(ticket))
            # From here on the thread has the turn: it makes way when the model is free again.
            writer = begun
            yield from writer.pieces(BEAT_S)
        finally:
            if writer is None:
                self._turnstile.leave(ticket)
            else:
                writer.stop()

    def _load(self) -> _Ready:
        with self._lock:
            if self._loaded is None:
                model = self._open()
                prompt = ChatPrompt(self._name, model.tokenizer, two_texts=model.two_texts)
                self._loaded = _Ready(model, prompt)
            return self._loaded

    def _open(self) -> LanguageModel:
        return LanguageModel.load(self._name)


def _check_fits(model: LanguageModel, prompt_tokens: int, max_tokens: int) -> None:
    """Refuse what the model cannot read: it would fail midway, or forget the beginning.

    :raises ModelError: if prompt and answer do not fit together; each by itself where they are two texts.
    """
    limit = model.context_tokens
    needed = max(prompt_tokens, max_tokens) if model.two_texts else prompt_tokens + max_tokens
    if limit is not None and needed > limit:
        raise ModelError(
            f"a prompt of {prompt_tokens} tokens and an answer of up to {max_tokens} do not fit into the "
            f"{limit} tokens of the model {model.name!r}",
            hint="lower RAGSVC_PROMPT_TOKENS or RAGSVC_MAX_ANSWER_TOKENS, or choose a model that reads more",
        )
