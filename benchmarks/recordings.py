"""Words and times of recordings, against spoken text that is known.

    apt-get install espeak-ng
    python -m benchmarks.recordings --model FOLDER [--model FOLDER ...] [--voice en-gb ...] [--noise-db 20]

Sentences of our own are spoken by espeak-ng, one by one, and laid behind each other with pauses of known
length, so that the second of each first and last word is known. The file is read as an ingest reads it, in a
worker. Printed: the word error rate; of each sentence the distance between its beginning and end and those of
the place that a citation of it would name; and how long it took. A synthetic voice is harder to understand
than most people are, so the error rate is no figure for a model; the times are what is measured here.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.sets import table
from ragsvc.domain import Failure, ParsedDocument, TimeRange
from ragsvc.models.speech_model import find_speech_model
from ragsvc.text.limits import ParseLimits
from ragsvc.text.worker_pool import ParserPool

SENTENCES = Path(__file__).with_name("spoken.txt")
PAUSES_S = (0.3, 0.5, 0.8, 1.2, 2.5)
RATE = 22_050
NEAR_S = 1.0
HEAD = (
    "model, voice",
    "word errors",
    "times off by, median",
    "at most",
    f"within {NEAR_S:.0f} s",
    "processor a second",
    "clock a second",
)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence with the seconds at which it begins and ends."""

    text: str
    from_s: float
    to_s: float


def speak(sentence: str, voice: str) -> npt.NDArray[np.int16]:
    """The sound of a sentence, from its first to its last audible sample."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), sentence], check=True)
        with wave.open(str(path)) as file:
            if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE, 1, 2):
                raise SystemExit("espeak-ng gives other sound than expected")
            sound = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    audible = np.flatnonzero(np.abs(sound.astype(np.int32)) > 200)
    return sound[audible[0] : audible[-1] + 1]


def record(
    path: Path, voice: str, noise_db: float | None, seed: int, sentences: Sequence[str]
) -> list[Spoken]:
    """Write a recording of sentences, and tell when each is spoken.

    :param noise_db: how far white noise lies below the speech; None: there is none.
    """
    chance = random.Random(seed)
    parts: list[npt.NDArray[np.int16]] = [np.zeros(RATE, np.int16)]
    spoken: list[Spoken] = []
    at = RATE
    for sentence in sentences:
        sound = speak(sentence, voice)
        spoken.append(Spoken(sentence, at / RATE, (at + len(sound)) / RATE))
        pause = np.zeros(int(chance.choice(PAUSES_S) * RATE), np.int16)
        parts += (sound, pause)
        at += len(sound) + len(pause)
    whole = np.concatenate(parts).astype(np.float64)
    if noise_db is not None:
        loud = np.sqrt(np.mean(whole[np.abs(whole) > 200] ** 2))
        whole += np.random.default_rng(seed).normal(0, loud * 10 ** (-noise_db / 20), len(whole))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(whole, -32768, 32767).astype(np.int16).tobytes())
    return spoken


def words_of(text: str) -> list[str]:
    """Words without case and punctuation."""
    kept = "".join(sign if sign.isalnum() or sign == "'" else " " for sign in text.lower())
    return kept.split()


def aligned(said: Sequence[str], heard: Sequence[str]) -> tuple[int, list[tuple[int, int]]]:
    """The least edits from one list of words to the other, and the pairs that stand for each other."""
    costs = np.zeros((len(said) + 1, len(heard) + 1), np.int64)
    costs[:, 0], costs[0] = np.arange(len(said) + 1), np.arange(len(heard) + 1)
    for row, word in enumerate(said, 1):
        for column, other in enumerate(heard, 1):
            swapped = costs[row - 1, column - 1] + (word != other)
            costs[row, column] = min(swapped, costs[row - 1, column] + 1, costs[row, column - 1] + 1)
    pairs: list[tuple[int, int]] = []
    row, column = len(said), len(heard)
    while row and column:
        if costs[row, column] == costs[row - 1, column - 1] + (said[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((row, column))
        elif costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
    return int(costs[-1, -1]), pairs[::-1]


def distances(spoken: Sequence[Spoken], parsed: ParsedDocument) -> tuple[float, list[float]]:
    """Word error rate, and how far the beginning and end of each sentence are from those of its place."""
    said = [(word, number) for number, each in enumerate(spoken) for word in words_of(each.text)]
    heard = [
        (word, place.where)
        for place in parsed.places
        for word in words_of(parsed.text[place.start : place.end])
        if isinstance(place.where, TimeRange)
    ]
    edits, pairs = aligned([word for word, _ in said], [word for word, _ in heard])
    found: dict[int, list[TimeRange]] = {}
    for here, there in pairs:
        if said[here][0] == heard[there][0]:
            found.setdefault(said[here][1], []).append(heard[there][1])
    away: list[float] = []
    for number, each in enumerate(spoken):
        if whens := found.get(number):
            # What a citation names of a sentence that stands in several places: from the first to the last.
            away.append(abs(whens[0].from_s - each.from_s))
            away.append(abs(whens[-1].to_s - each.to_s))
        else:
            print(f"not found: {each.text}", file=sys.stderr)
    return edits / len(said), away


def read(path: Path, model: str) -> tuple[ParsedDocument, float, float]:
    """What a worker makes of a recording, with the seconds of its processor and of the clock."""
    speech = find_speech_model(model)
    limits = ParseLimits(speech_model=speech.path, speech_reading=speech.reading)
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with ParserPool(1, limits) as pool:
        ((_, made),) = list(pool.parse([("recording", str(path))]))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if isinstance(made, Failure):
        raise SystemExit(f"{made.code}: {made.error}")
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return made, processor_s, time.perf_counter() - began


def main(argv: Sequence[str] | None = None) -> int:
    """Record, read, compare, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recordings", description=__doc__)
    parser.add_argument("--model", action="append", required=True, help="folder of a Whisper model")
    parser.add_argument("--voice", action="append", help="of espeak-ng; default en-gb and en-us")
    parser.add_argument("--noise-db", type=float, help="white noise so far below the speech")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    sentences = SENTENCES.read_text("utf-8").splitlines()
    rows: list[tuple[str, ...]] = []
    for voice in options.voice or ("en-gb", "en-us"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "recording.wav"
            spoken = record(path, voice, options.noise_db, options.seed, sentences)
            for model in options.model:
                parsed, processor_s, wall_s = read(path, model)
                errors, away = distances(spoken, parsed)
                near = sum(each <= NEAR_S for each in away)
                rows.append(
                    (
                        f"{Path(model).name}, {voice}",
                        f"{100 * errors:.1f} %",
                        f"{np.median(away):.2f} s",
                        f"{max(away):.2f} s",
                        f"{near} of {2 * len(spoken)}",
                        f"{processor_s / parsed.metadata['duration_s']:.2f} s",
                        f"{wall_s / parsed.metadata['duration_s']:.2f} s",
                    )
                )
    print(table(HEAD, rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
