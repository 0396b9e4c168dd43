"""Speech as text with times, by a Whisper model in CTranslate2 format (the extra ragsvc[audio]), offline."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
# No speech between two words for so long: what comes after is another phrase.
_PAUSE_S = 1.0
_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
_CLOSERS = "\"'”’»)]"
_MAX_PHRASE_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A stretch of a sentence up to its next mark, with the seconds from its first word to its last.

    Models set commas where people set full stops, so a mark of any kind ends one.

    text: with the white space before it, where its language has any. confidence: [0, 1].
    """

    text: str
    from_s: float
    to_s: float
    confidence: float

    @property
    def ends_sentence(self) -> bool:
        """Whether a sentence ends with it."""
        return self.text.rstrip().rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)


class Transcriber(Protocol):
    """Writes down what is said."""

    def hear(self, samples: npt.NDArray[np.float32], language: str) -> tuple[str, Iterator[Phrase]]:
        """Transcribe a stretch of sound.

        :param samples: (n,) float32 in [-1, 1], SAMPLE_RATE a second.
        :param language: code of ISO 639-1; "": it is told by the first half minute of speech.
        :return: the language, "" where nothing is said, and phrases as they are made, in order of time.
        """
        ...


@cache
def load_transcriber(folder: str) -> Transcriber:
    """Load a model; the second time it is there.

    :param folder: with model.bin, config.json, tokenizer.json and the vocabulary.
    :raises RuntimeError: (or ValueError, OSError, ImportError) if it is none that can be loaded.
    """
    return _Whisper(folder)


class _Whisper:
    """Without a second try at another temperature, so that the same sound gives the same text."""

    def __init__(self, folder: str) -> None:
        from faster_whisper import WhisperModel
        from faster_whisper.vad import get_vad_model

        self._model: Any = WhisperModel(
            folder, device="cpu", compute_type="int8", cpu_threads=1, num_workers=1, local_files_only=True
        )
        # It lies in the package; loaded here, it counts as part of the model.
        get_vad_model()

    def hear(self, samples: npt.NDArray[np.float32], language: str) -> tuple[str, Iterator[Phrase]]:
        """See Transcriber."""
        segments, told = self._model.transcribe(
            samples,
            language=language or None,
            beam_size=5,
            temperature=0.0,
            # An error in one half minute must not go on into the next.
            condition_on_previous_text=False,
            word_timestamps=True,
            # On silence and noise alone the model makes up words.
            vad_filter=True,
        )
        first = next(segments, None)
        if first is None:
            return "", iter(())
        return str(told.language), _phrases(first, segments)


def _phrases(first: Any, others: Iterator[Any]) -> Iterator[Phrase]:
    """Segments cut at marks and at pauses, by the times of their words."""
    segment: Any = first
    while segment is not None:
        # Words of a segment share what the model thought of it as a whole.
        confidence = math.exp(min(float(segment.avg_logprob), 0.0))
        words: list[Any] = []
        for word in segment.words or ():
            if words and (float(word.start) - float(words[-1].end) >= _PAUSE_S or _is_whole(words)):
                yield _phrase(words, confidence)
                words = []
            words.append(word)
        if words:
            yield _phrase(words, confidence)
        segment = next(others, None)


def _is_whole(words: list[Any]) -> bool:
    last = words[-1].word.rstrip()
    return not last[-1:].isalnum() or sum(len(word.word) for word in words) > _MAX_PHRASE_CHARS


def _phrase(words: list[Any], confidence: float) -> Phrase:
    return Phrase(
        text="".join(word.word for word in words),
        from_s=float(words[0].start),
        to_s=max(float(words[-1].end), float(words[0].start)),
        confidence=confidence,
    )
