"""One message written in a thread of its own, so that its reader can leave at any time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ragsvc.domain import Delta, FinishReason
from ragsvc.models.chat_prompt import ChatPrompt
from ragsvc.models.language_model import GenerationEnd, LanguageModel, SamplingOptions
from ragsvc.models.token_decoder import StopTexts, TokenDecoder

THREAD = "ragsvc-generation"

Box: TypeAlias = "queue.SimpleQueue[Delta | BaseException]"


class ChatWriter:
    """Written once, read once."""

    def __init__(
        self,
        model: LanguageModel,
        prompt: ChatPrompt,
        ids: Sequence[int],
        sampling: SamplingOptions,
        stops: StopTexts,
    ) -> None:
        self._model = model
        self._ids = ids
        self._sampling = sampling
        self._decoding = TokenDecoder(prompt.decode)
        self._special = frozenset(model.tokenizer.all_special_ids)
        self._stops = stops
        self._halt = threading.Event()
        self._box: Box = queue.SimpleQueue()
        self._tokens = 0
        self._blank = True
        self._finish = FinishReason.LENGTH

    def begin(self, done: Callable[[], None]) -> None:
        """Start the thread; `done` is called in it when the model is free again."""
        threading.Thread(target=self._work, args=(done,), name=THREAD, daemon=True).start()

    def stop(self) -> None:
        """End the thread at its next layer; nothing happens if it has ended."""
        self._halt.set()

    def pieces(self, beat_s: float) -> Iterator[Delta]:
        """What is written; a piece without text when nothing came for so many seconds.

        :raises ModelError: if the model failed.
        """
        while True:
            try:
                item = self._box.get(timeout=beat_s)
            except queue.Empty:
                yield Delta("")
                continue
            if isinstance(item, BaseException):
                raise item
            yield item
            if item.finish is not None:
                return

    def _work(self, done: Callable[[], None]) -> None:
        last: Delta | BaseException
        try:
            self._model.run(self._ids, self._sampling, self._take, self._halt)
            rest = self._trimmed(self._stops.feed(self._decoding.end()) + self._stops.end())
            finish = FinishReason.STOP if self._stops.reached else self._finish
            last = Delta(rest, finish, len(self._ids), self._tokens)
        except BaseException as error:  # noqa: BLE001 - the reader raises it
            last = error
        # The turn is given on first: who reads the last piece may ask again at once.
        done()
        self._box.put(last)

    def _take(self, token: int) -> None:
        if self._halt.is_set():
            raise GenerationEnd
        if token in self._model.ends:
            self._finish = FinishReason.STOP
            return
        self._tokens += 1
        if token in self._special:
            return
        # Every token gives a piece, if only to say that the work goes on.
        self._box.put(Delta(self._trimmed(self._stops.feed(self._decoding.feed(token)))))
        if self._stops.reached:
            raise GenerationEnd

    def _trimmed(self, text: str) -> str:
        """Without the space that many models put between the prompt and their first word."""
        if self._blank:
            text = text.lstrip()
            self._blank = not text
        return text
