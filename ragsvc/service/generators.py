"""The generator that the settings name, made once per process."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

from ragsvc.errors import InvalidRequest, InvalidSetting, ModelNotFound
from ragsvc.models.model_folder import model_folder
from ragsvc.pipeline.generation.chat_generator import PromptedGenerator
from ragsvc.protocols import Chat, Generator
from ragsvc.settings import Settings

EXTRACTIVE = "extractive"
BUNDLED = "bundled"
OPENAI = "openai"
TRANSFORMERS = "transformers"


# A hub's name is an owner and a name; what begins like a path is none.
_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


def check_generator(settings: Settings) -> None:
    """Find what cannot be a generator before a server starts, which would wait for it for ever.

    Nothing is loaded, and nothing is sent.

    :raises InvalidSetting: if it names no kind of generator, a URL or key that cannot be used, a model that
        is neither a folder nor a name that a hub may have, or the bundled writer without its packages.
    """
    kind, _, name = settings.generator.partition(":")
    Generators(settings).current()
    if kind == BUNDLED:
        _check_bundled()
    if kind == TRANSFORMERS and model_folder(name) is None and not _HUB_NAME.fullmatch(name):
        raise InvalidSetting(
            f"RAGSVC_GENERATOR={settings.generator}: there is no model {name!r}",
            hint="name a folder, or a hub model such as transformers:Qwen/Qwen2.5-0.5B-Instruct",
        )


def advice_on(settings: Settings) -> list[str]:
    """What who starts a server should know about the model that the settings name."""
    kind, _, name = settings.generator.partition(":")
    if kind not in (TRANSFORMERS, BUNDLED):
        return []
    found = []
    if settings.workers > 1:
        found.append(
            f"each of the {settings.workers} server processes loads {name or kind} for itself: that takes as "
            f"much memory {settings.workers} times; RAGSVC_WORKERS=1 loads it once"
        )
    if settings.threads is None:
        found.append(
            "a local model writes with one thread of the CPU where RAGSVC_THREADS is not set; a number of "
            "cores there makes it faster"
        )
    return found


def _check_bundled() -> None:
    from ragsvc.models.writer_folder import check_installed

    try:
        check_installed()
    except ModelNotFound as error:
        raise InvalidSetting(f"RAGSVC_GENERATOR={BUNDLED}: {error.message}", hint=error.hint) from error


class Generators:
    """Gives the generator of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._made: Generator | None = None
        self._writer: Chat | None = None
        self._known = False
        self._warm_up: Callable[[], None] | None = None

    def warm_up(self) -> None:
        """Load a local model now, so that the first question does not wait for it.

        :raises ModelError: if it cannot be used.
        :raises InvalidSetting: as `current`.
        """
        self.current()
        if self._warm_up is not None:
            self._warm_up()

    def current(self) -> Generator | None:
        """The generator, always the same; a model loads, or is asked, when it is first used.

        :return: None where answers quote, which needs none; what they quote the `writer` may say anew.

        :raises InvalidSetting: if the setting names no kind of generator, or a URL that cannot be used.
        """
        with self._lock:
            if not self._known:
                self._made, self._known = self._make(), True
            return self._made

    def writer(self) -> Chat | None:
        """What says anew what answers quote; None: nothing does.

        :raises InvalidSetting: as `current`.
        """
        self.current()
        return self._writer

    def _make(self) -> Generator | None:
        kind, _, rest = self._settings.generator.partition(":")
        if kind == EXTRACTIVE and not rest:
            return None
        if kind == BUNDLED and not rest:
            self._writer = self._bundled()
            return None
        if kind == OPENAI:
            return self._prompted(self._remote(rest))
        if kind == TRANSFORMERS and rest:
            return self._prompted(self._local(rest))
        raise InvalidSetting(
            f"RAGSVC_GENERATOR={self._settings.generator} names no generator",
            hint="choose extractive, bundled, transformers:NAME_OR_PATH or openai:URL",
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

    def _bundled(self) -> Chat:
        from ragsvc.models.writer import BundledWriter

        writer = BundledWriter(self._settings.home, self._settings.generator_waiting)
        self._warm_up = writer.warm_up
        return writer

    def _remote(self, url: str) -> Chat:
        # Its HTTP library is for those alone who have set it.
        from ragsvc.models.remote_chat.chat import RemoteChat

        settings = self._settings
        key = settings.generator_api_key
        try:
            return RemoteChat(
                url,
                settings.generator_model,
                None if key is None else key.get_secret_value(),
                settings.generator_timeout_s,
            )
        except InvalidRequest as error:
            raise InvalidSetting(error.message, hint=error.hint) from error
