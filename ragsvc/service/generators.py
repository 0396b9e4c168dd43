"""The generator that the settings name, made once per process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ragsvc.errors import InvalidRequest
from ragsvc.pipeline.extractive import ExtractiveGenerator
from ragsvc.pipeline.prompted import PromptedGenerator
from ragsvc.protocols import Chat, Generator
from ragsvc.settings import Settings

EXTRACTIVE = "extractive"
OPENAI = "openai"
TRANSFORMERS = "transformers"


class Generators:
    """Gives the generator of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: Generator | None = None
        self._warm_up: Callable[[], None] | None = None

    def warm_up(self) -> None:
        """Load a local model now, so that the first question does not wait for it.

        :raises ModelError: if it cannot be used.
        :raises InvalidRequest: as `current`.
        """
        self.current()
        if self._warm_up is not None:
            self._warm_up()

    def current(self) -> Generator:
        """The generator, always the same; a model loads, or is asked, when it is first used.

        :raises InvalidRequest: if the setting names no kind of generator, or a URL that cannot be used.
        """
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made

    def _make(self) -> Generator:
        kind, _, rest = self._settings.generator.partition(":")
        if kind == EXTRACTIVE and not rest:
            return ExtractiveGenerator()
        if kind == OPENAI:
            return self._prompted(self._remote(rest))
        if kind == TRANSFORMERS and rest:
            return self._prompted(self._local(rest))
        raise InvalidRequest(
            f"RAGSVC_GENERATOR={self._settings.generator} names no generator",
            hint="choose extractive, transformers:NAME_OR_PATH or openai:URL",
        )

    def _prompted(self, chat: Chat) -> Generator:
        settings = self._settings
        return PromptedGenerator(
            chat, prompt_tokens=settings.prompt_tokens, max_answer_tokens=settings.max_answer_tokens
        )

    def _local(self, name: str) -> Chat:
        # Whoever answers without a model needs not load what models need.
        from ragsvc.models.chat import TransformersChat

        chat = TransformersChat(name, self._settings.generator_waiting)
        self._warm_up = chat.warm_up
        return chat

    def _remote(self, url: str) -> Chat:
        # Its HTTP library is for those alone who have set it.
        from ragsvc.models.remote import RemoteChat

        settings = self._settings
        key = settings.generator_api_key
        return RemoteChat(
            url,
            settings.generator_model,
            None if key is None else key.get_secret_value(),
            settings.generator_timeout_s,
        )
