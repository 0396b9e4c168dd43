"""The generator that the settings name, loaded once per process."""

from __future__ import annotations

from ragsvc.errors import InvalidRequest
from ragsvc.pipeline.extractive import ExtractiveGenerator
from ragsvc.protocols import Generator
from ragsvc.settings import Settings

EXTRACTIVE = "extractive"


class Generators:
    """Gives the generator of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.generator

    def current(self) -> Generator:
        """The generator; a model loads when it is first used.

        :raises InvalidRequest: if the setting names no kind of generator.
        """
        if self._name == EXTRACTIVE:
            return ExtractiveGenerator()
        raise InvalidRequest(
            f"RAGSVC_GENERATOR={self._name} names no generator",
            hint="choose extractive, transformers:NAME_OR_PATH or openai:URL",
        )
