"""The bundled reader: one encoder over a question, or a claim, and a text, with a head for each judgement.

It is trained by training/reader on public sets; weights/reader.json tells on which, and how good it is.
Its word vectors are those of the bundled embedder, which are not stored twice.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragsvc.domain import F64Matrix, ReaderFinding, ReaderText

if TYPE_CHECKING:
    from ragsvc.models.reader_network import ReaderNetwork

WEIGHTS = Path(__file__).with_name("weights") / "reader.safetensors"
REPORT = WEIGHTS.with_suffix(".json")


class BundledReader:
    """Loaded on first use, and safe to share between threads."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._weights = weights
        self._lock = threading.Lock()
        self._network: ReaderNetwork | None = None

    @staticmethod
    def is_there(weights: Path = WEIGHTS) -> bool:
        """Whether the weights are installed; without them everything works as if there were no reader."""
        return weights.is_file()

    def read(self, question: str, texts: Sequence[ReaderText]) -> list[ReaderFinding]:
        """See Reader.

        :raises ModelNotFound: if the weights are not there.
        :raises ModelMismatch: if they are not the published ones.
        """
        return self._load().read(question, texts)

    def support(self, claim: str, texts: Sequence[str]) -> F64Matrix:
        """See Reader; raises as `read`."""
        return self._load().support(claim, texts)

    def warm_up(self) -> None:
        """Load the weights now."""
        self._load()

    def fingerprint(self) -> str:
        """Hash of the weights, 64 hex digits."""
        return str(json.loads(REPORT.read_text("utf-8"))["sha256"])

    def _load(self) -> ReaderNetwork:
        with self._lock:
            if self._network is None:
                # torch is imported when something is read, not at every start.
                from ragsvc.models.reader_network import open_network

                self._network = open_network(self._weights, self._weights.with_suffix(".json"))
            return self._network
