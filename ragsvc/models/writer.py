"""The bundled writer: a small causal language model that says what units of documents say."""

from __future__ import annotations

from pathlib import Path

from ragsvc.models.chat import TransformersChat
from ragsvc.models.language_model import LanguageModel
from ragsvc.models.writer_folder import writer_folder

NAME = "bundled"


class BundledWriter(TransformersChat):
    """Made of its packages, and loaded, on first use."""

    def __init__(self, home: Path, waiting: int) -> None:
        """Remember where it is kept.

        :param home: of the service; its folder models/ is made where it is not there.
        :param waiting: answers that may wait for the one being written, at least 0.
        """
        super().__init__(NAME, waiting)
        self._home = home

    @property
    def name(self) -> str:
        """See Chat."""
        return NAME

    def _open(self) -> LanguageModel:
        return LanguageModel.load(str(writer_folder(self._home)))
