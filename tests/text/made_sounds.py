"""Sounds of known bursts, files of them, and somebody who writes bursts down as sentences."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ragsvc.text.speech import SAMPLE_RATE, Phrase

LOUD = 0.3
_QUIET_S = 0.2

Burst = tuple[float, float]
"""Seconds at which somebody begins and ends to speak."""


def sound(bursts: Sequence[Burst], length_s: float) -> npt.NDArray[np.int16]:
    """A hum where somebody speaks, and silence elsewhere."""
    times = np.arange(int(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    heard = np.zeros(len(times), bool)
    for begin, end in bursts:
        heard |= (times >= begin) & (times < end)
    return (heard * np.sin(times * 2 * np.pi * 220) * LOUD * 32767).astype(np.int16)


def wav(samples: npt.NDArray[np.int16]) -> bytes:
    """An uncompressed file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def encoded(samples: npt.NDArray[np.int16], container: str, codec: str, rate: int) -> bytes:
    """A compressed file, by FFmpeg's names of its container and codec."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.rate = SAMPLE_RATE
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=size)
        for part in resampler.resample(frame) + resampler.resample(None):
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return buffer.getvalue()


def silent_film() -> bytes:
    """Some pictures, and no sound track."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for shade in range(5):
            picture = np.full((48, 64, 3), shade * 20, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return buffer.getvalue()


class BurstTranscriber:
    """Takes each burst for a sentence, with times that are too wide, as those of Whisper models are."""

    def __init__(self, wide_s: float = 0.0) -> None:
        self.wide_s = wide_s
        self.languages: list[str] = []

    def hear(self, samples: npt.NDArray[np.float32], language: str) -> tuple[str, Iterator[Phrase]]:
        """See Transcriber."""
        self.languages.append(language)
        loud = np.flatnonzero(np.abs(samples) > LOUD / 3)
        if not len(loud):
            return "", iter(())
        cuts = np.flatnonzero(np.diff(loud) > _QUIET_S * SAMPLE_RATE)
        spans = zip([loud[0], *loud[cuts + 1]], [*loud[cuts], loud[-1]], strict=True)
        return "en", (
            Phrase(
                text=f" Burst of {int(end - begin) // 160} hundredths.",
                from_s=begin / SAMPLE_RATE - self.wide_s,
                to_s=end / SAMPLE_RATE + self.wide_s,
                confidence=0.9,
            )
            for begin, end in spans
        )
