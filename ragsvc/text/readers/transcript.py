"""What is said in a recording, with the seconds at which it is said."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from ragsvc.domain import Caveat, ParsedDocument, Place, Places, TimeRange, clock
from ragsvc.errors import BrokenDocument, NoText, ParserTimeout
from ragsvc.text.file_types import kind_by_name
from ragsvc.text.limits import Pace, ParseLimits
from ragsvc.text.normalisation import clean
from ragsvc.text.speech import SAMPLE_RATE, Phrase, Transcriber, load_transcriber

# Playlists and the like would open other files; FFmpeg's own names of what may be read.
_FORMATS = "wav,mp3,mov,mp4,m4a,ogg,flac,matroska,webm,aac"
_UNREADABLE = (av.FFmpegError, ValueError, OSError, EOFError)
_MORE_TIME = "Raise RAGSVC_PARSE_TIMEOUT_S."
_OTHERWISE = "Play it, and save it again."
# So much sound is in memory at a time; it is cut where the last half minute of it is quietest.
_BLOCK_S = 600
_SEARCHED_S = 30
_QUIET_S = 0.2
_LEAST_S = 0.1
_FULL_SCALE = 1 << 15
# Below it nobody says anything.
_SILENCE = 0.001
# Where a phrase begins and ends, by its loudness: shares of that of its loud parts, an amplitude each.
_FRAME_S = 0.02
_FLOOR_QUANTILE = 0.1
_LOUD_QUANTILE = 0.95
_QUIET = 0.05
_MOST_QUIET = 0.25
_ONSET_FRAMES = 15
# What players show counts gaps, which are left out of the sound.
_GAP_S = 0.5
_PARAGRAPH_SENTENCES = 5
_MAX_PARAGRAPH_CHARS = 1_500
_PARAGRAPH_PAUSE_S = 2.0
# Of the time that a file is given: what is written down by then is kept, rather than nothing.
_SHARE_FOR_SPEECH = 0.8
_MISSING_S = 5.0
_MAX_TITLE_CHARS = 300


@dataclass(frozen=True, slots=True)
class _Block:
    """Consecutive sound. at_s: where it begins. samples: (n,) int16."""

    at_s: float
    samples: npt.NDArray[np.int16]

    @property
    def end_s(self) -> float:
        return self.at_s + len(self.samples) / SAMPLE_RATE


@dataclass(slots=True)
class _Transcript:
    """What has been written down so far."""

    phrases: list[Phrase] = field(default_factory=list)
    language: str = ""
    heard_s: float = 0.0
    is_late: bool = False


def read_recording(data: bytes, name: str, limits: ParseLimits) -> ParsedDocument:
    """Write down what is said in a sound or video file.

    :param limits: with a speech model.
    :raises NoText: if the model does not load, there is no sound track, or nothing is said.
    :raises ParserTimeout: if nothing was written down in time.
    :raises BrokenDocument: if it is no recording that can be opened.
    """
    deadline = time.monotonic() + limits.seconds_for(len(data), Pace.SPEECH) * _SHARE_FOR_SPEECH
    try:
        transcriber = load_transcriber(limits.speech_model)
    except (RuntimeError, ValueError, OSError, ImportError) as error:
        raise NoText(
            f"{name} is a recording, and {limits.speech_model} does not load: {error}",
            hint="RAGSVC_SPEECH_MODEL must name a Whisper model in CTranslate2 format.",
        ) from error
    return transcribe(data, name, transcriber, deadline)


def transcribe(data: bytes, name: str, transcriber: Transcriber, deadline: float) -> ParsedDocument:
    """See read_recording. deadline: of time.monotonic()."""
    with _opened(data, name) as file:
        if not file.streams.audio:
            raise NoText(f"{name} has no sound track", hint="There is nothing to be written down.")
        claimed_s = file.duration / av.time_base if file.duration else 0.0
        title = _title_of(file)
        made = _write_down(_blocks(file), transcriber, deadline)
    if not made.phrases and made.is_late:
        raise ParserTimeout(f"nothing of {name} was written down in time", hint=_MORE_TIME)
    if not made.heard_s:
        raise BrokenDocument(f"the sound of {name} cannot be decoded", hint=_OTHERWISE)
    if not made.phrases:
        raise NoText(f"nothing is said in {name}, {clock(made.heard_s)} long", hint="Play it.")
    text, places = _laid_out(made.phrases)
    duration_s = max(claimed_s, made.heard_s) if made.is_late else made.heard_s
    return ParsedDocument(
        title=title,
        text=text,
        media_type="text/plain",
        metadata={"language": made.language, "duration_s": round(duration_s, 1)},
        warnings=_caveats(made, claimed_s),
        places=places,
    )


def _opened(data: bytes, name: str) -> Any:
    try:
        return av.open(io.BytesIO(data), metadata_errors="ignore", options={"format_whitelist": _FORMATS})
    except MemoryError:
        raise
    except _UNREADABLE as error:
        raise BrokenDocument(f"{name} is no recording that can be opened", hint=_OTHERWISE) from error


def _title_of(file: Any) -> str:
    title = " ".join(clean(str(file.metadata.get("title") or "")).split())[:_MAX_TITLE_CHARS]
    # Never the name of a file.
    return "" if kind_by_name(title) else title


def _write_down(blocks: Iterable[_Block], transcriber: Transcriber, deadline: float) -> _Transcript:
    made = _Transcript()
    for block in blocks:
        if time.monotonic() > deadline:
            made.is_late = True
            break
        samples = block.samples.astype(np.float32) / np.float32(_FULL_SCALE)
        if len(samples) >= _LEAST_S * SAMPLE_RATE and float(np.abs(samples).max()) > _SILENCE:
            language, phrases = transcriber.hear(samples, made.language)
            made.language = made.language or language
            loudness = Loudness.of(samples)
            for phrase in phrases:
                made.phrases.append(_moved(phrase, block, loudness))
                if time.monotonic() > deadline:
                    made.is_late = True
                    made.heard_s = made.phrases[-1].to_s
                    return made
        made.heard_s = block.end_s
    return made


def _moved(phrase: Phrase, block: _Block, loudness: Loudness) -> Phrase:
    """A phrase with times of the recording, none of them outside of the block."""
    from_s, to_s = loudness.trimmed(phrase.from_s, phrase.to_s)
    return Phrase(
        text=clean(phrase.text),
        from_s=block.at_s + from_s,
        to_s=block.at_s + to_s,
        confidence=phrase.confidence,
    )


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a stretch of sound is: frames (n,) float32, root mean squares; floor: of what is quiet."""

    frames: npt.NDArray[np.float32]
    floor: float

    @classmethod
    def of(cls, samples: npt.NDArray[np.float32]) -> Loudness:
        """Measure it. samples: (n,) float32, at least a frame."""
        step = int(_FRAME_S * SAMPLE_RATE)
        whole = samples[: len(samples) // step * step].reshape(-1, step)
        frames = np.sqrt(np.square(whole).mean(axis=1))
        return cls(frames, float(np.quantile(frames, _FLOOR_QUANTILE)))

    def trimmed(self, from_s: float, to_s: float) -> tuple[float, float]:
        """Times within the sound, without quiet around them: models count pauses to the words beside."""
        first = min(max(int(from_s / _FRAME_S), 0), len(self.frames) - 1)
        end = min(max(round(to_s / _FRAME_S), first + 1), len(self.frames))
        frames = self.frames[first:end]
        loud = float(np.quantile(frames, _LOUD_QUANTILE))
        heard = frames >= min(max(loud * _QUIET, self.floor * 2), loud * _MOST_QUIET)
        return (first + _onset(heard)) * _FRAME_S, (end - _onset(heard[::-1])) * _FRAME_S


def _onset(heard: npt.NDArray[np.bool_]) -> int:
    """The first loud frame that others follow: not the last of what was said before a pause."""
    window = np.ones(min(_ONSET_FRAMES, len(heard)), np.int64)
    following = np.convolve(heard, window)[len(window) - 1 :]
    return int(np.argmax(heard & (following * 2 >= len(window)))) if heard.any() else 0


def _blocks(file: Any) -> Iterator[_Block]:
    """The sound of the first track, one channel, in blocks that end where it is quiet or has a gap."""
    pieces: list[npt.NDArray[np.int16]] = []
    at_s, size = 0.0, 0
    for piece_s, piece in _pieces(file):
        if piece_s > at_s + size / SAMPLE_RATE + _GAP_S:
            if size:
                yield _Block(at_s, np.concatenate(pieces))
            pieces, at_s, size = [], piece_s, 0
        pieces.append(piece)
        size += len(piece)
        if size >= _BLOCK_S * SAMPLE_RATE:
            whole = np.concatenate(pieces)
            cut = _quiet_place(whole)
            yield _Block(at_s, whole[:cut])
            pieces, at_s, size = [whole[cut:]], at_s + cut / SAMPLE_RATE, size - cut
    if size:
        yield _Block(at_s, np.concatenate(pieces))


def _pieces(file: Any) -> Iterator[tuple[float, npt.NDArray[np.int16]]]:
    """Decoded sound with the second at which a player plays it; what is damaged is left out."""
    began_s = (file.start_time or 0) / av.time_base
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    packets = file.demux(file.streams.audio[0])
    while True:
        try:
            packet = next(packets, None)
            for frame in packet.decode() if packet is not None else ():
                at_s = float(frame.time or 0.0) - began_s
                frame.pts = None
                for part in resampler.resample(frame):
                    yield at_s, np.asarray(part.to_ndarray(), np.int16).reshape(-1)
            if packet is None:
                return
        except MemoryError:
            raise
        except av.InvalidDataError:
            continue
        except _UNREADABLE:
            return


def _quiet_place(samples: npt.NDArray[np.int16]) -> int:
    """Where to cut: the middle of the quietest fifth of a second near the end."""
    step = int(_QUIET_S * SAMPLE_RATE)
    tail = samples[-_SEARCHED_S * SAMPLE_RATE :]
    tail = tail[: len(tail) // step * step].reshape(-1, step)
    quietest = int(np.argmin(np.abs(tail.astype(np.int32)).sum(axis=1)))
    return len(samples) - _SEARCHED_S * SAMPLE_RATE + quietest * step + step // 2


def _laid_out(phrases: Iterable[Phrase]) -> tuple[str, Places]:
    """Paragraphs of a few sentences each, and where each phrase stands."""
    parts: list[str] = []
    places: list[Place] = []
    at = began = sentences = 0
    last: Phrase | None = None
    for phrase in phrases:
        words = " ".join(phrase.text.split())
        if not words:
            continue
        gap = " " if phrase.text[0].isspace() else ""
        if last is None:
            gap = ""
        elif at - began > _MAX_PARAGRAPH_CHARS or _ends_paragraph(last, phrase, sentences):
            gap, began, sentences = "\n\n", at, 0
        parts += (gap, words)
        places.append(Place(at + len(gap), at + len(gap) + len(words), TimeRange(phrase.from_s, phrase.to_s)))
        at += len(gap) + len(words)
        sentences += phrase.ends_sentence
        last = phrase
    return "".join((*parts, "\n")) if parts else "", tuple(places)


def _ends_paragraph(last: Phrase, phrase: Phrase, sentences: int) -> bool:
    pause = phrase.from_s - last.to_s >= _PARAGRAPH_PAUSE_S
    return last.ends_sentence and (pause or sentences >= _PARAGRAPH_SENTENCES)


def _caveats(made: _Transcript, claimed_s: float) -> tuple[Caveat, ...]:
    caveats: list[Caveat] = []
    size = sum(len(phrase.text) for phrase in made.phrases)
    if size:
        sure = sum(phrase.confidence * len(phrase.text) for phrase in made.phrases) / size
        words = f"{clock(made.heard_s)} of sound written down ({made.language}), confidence {sure:.2f}"
        caveats.append(Caveat("read_from_recording", words))
    if made.is_late:
        words = f"written down up to {clock(made.heard_s)}, for want of time. {_MORE_TIME}"
        caveats.append(Caveat("recording_partly_read", words))
    elif claimed_s > made.heard_s + _MISSING_S:
        words = f"it says that it is {clock(claimed_s)} long, and its sound ends at {clock(made.heard_s)}"
        caveats.append(Caveat("recording_cut_off", words))
    return tuple(caveats)
