"""An answer while it is written: markers checked, then every sentence held against the passages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ragsvc.domain import Answer, FinishReason, Hit, Piece, Unsupported
from ragsvc.pipeline.markers import checked, cite


class Writing:
    """One answer of one generator, read once."""

    def __init__(self, pieces: Iterator[Piece], passages: Sequence[Hit], unsupported: Unsupported) -> None:
        self._pieces = pieces
        self._passages = passages
        self._unsupported = unsupported
        self._written: list[str] = []
        self._last = Piece("", FinishReason.STOP)

    def pieces(self) -> Iterator[str]:
        """The answer as the client may see it; a marker that names no passage never comes out."""
        for text in checked(self._texts(), len(self._passages)):
            self._written.append(text)
            yield text

    def finished(self, answer: Answer) -> Answer:
        """The whole answer, after the last of `pieces`."""
        text = "".join(self._written)
        return replace(
            answer,
            answered=True,
            answer=text,
            citations=cite(text, self._passages),
            finish=self._last.finish or FinishReason.STOP,
            prompt_tokens=self._last.prompt_tokens,
            completion_tokens=self._last.completion_tokens,
        )

    def _texts(self) -> Iterator[str]:
        for piece in self._pieces:
            if piece.finish is not None:
                self._last = piece
            yield piece.text
