"""Recordings: what is said, when, and what is told of files that are none or are cut off."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("av", reason="the extra ragsvc[audio] is not installed")

from made_sounds import Burst, BurstTranscriber, encoded, silent_film, sound, wav

from ragsvc.domain import Failure, ParsedDocument, TimeRange
from ragsvc.errors import BrokenDocument, DocumentError, NoText, ParserTimeout
from ragsvc.text.file_parser import parse_bytes, parse_file
from ragsvc.text.limits import SPEECH_FOLD, Pace, ParseLimits
from ragsvc.text.readers import transcript
from ragsvc.text.readers.transcript import transcribe
from ragsvc.text.speech import SAMPLE_RATE
from ragsvc.text.worker_orders import file_order
from ragsvc.text.worker_pool import ParserPool

LIMITS = ParseLimits(speech_model="/a/folder", speech_reading="x")
BURSTS = ((0.5, 1.5), (2.0, 2.6), (5.2, 6.0))
NEAR_S = 0.06
FORMATS = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "m4a": ("ipod", "aac", 44_100),
    "mp4": ("mp4", "aac", 44_100),
    "mov": ("mov", "aac", 44_100),
    "aac": ("adts", "aac", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "opus": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "mkv": ("matroska", "libopus", 48_000),
    "flac": ("flac", "flac", SAMPLE_RATE),
}


def read(data: bytes, name: str = "x.wav", transcriber: BurstTranscriber | None = None) -> ParsedDocument:
    return transcribe(data, name, transcriber or BurstTranscriber(), time.monotonic() + 60)


def times(parsed: ParsedDocument) -> list[Burst]:
    return [(p.where.from_s, p.where.to_s) for p in parsed.places if isinstance(p.where, TimeRange)]


@st.composite
def spoken(draw: st.DrawFn) -> tuple[tuple[Burst, ...], float]:
    at = 0.0
    bursts: list[Burst] = []
    for pause, length in draw(
        st.lists(st.tuples(st.floats(0.4, 3), st.floats(0.5, 2)), min_size=1, max_size=6)
    ):
        bursts.append((at + pause, at + pause + length))
        at += pause + length
    return tuple(bursts), at + draw(st.floats(0.5, 3))


@given(spoken(), st.floats(0, 0.4), st.sampled_from((2, 5, 600)))
@settings(max_examples=40, deadline=None)
def test_each_phrase_stands_where_it_is_said(
    made: tuple[tuple[Burst, ...], float], wide_s: float, block_s: int
) -> None:
    bursts, length_s = made
    with pytest.MonkeyPatch.context() as patch:
        # Cut into blocks at quiet places, all is as if it were one.
        patch.setattr(transcript, "_BLOCK_S", max(block_s, 3))
        patch.setattr(transcript, "_SEARCHED_S", 3)
        parsed = read(wav(sound(bursts, length_s)), transcriber=BurstTranscriber(wide_s))
    assert np.allclose(times(parsed), bursts, atol=NEAR_S)
    said = [parsed.text[place.start : place.end] for place in parsed.places]
    assert " ".join(said) == " ".join(parsed.text.split())
    assert parsed.metadata == {"language": "en", "duration_s": pytest.approx(length_s, abs=0.1)}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_that_people_record_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(transcript, "load_transcriber", lambda folder: BurstTranscriber())
    path = tmp_path / f"x.{name}"
    path.write_bytes(encoded(sound(BURSTS, 7.0), *FORMATS[name]))
    parsed = parse_file(str(path), LIMITS)
    assert np.allclose(times(parsed), BURSTS, atol=0.15)
    (caveat,) = parsed.warnings
    assert caveat.code == "read_from_recording" and "0.90" in caveat.message


def test_the_language_is_told_once() -> None:
    transcriber = BurstTranscriber()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcript, "_BLOCK_S", 3)
        patch.setattr(transcript, "_SEARCHED_S", 2)
        read(wav(sound([(4.0, 5.0), (8.0, 9.0)], 10)), transcriber=transcriber)
    assert set(transcriber.languages[1:]) == {"en"} and transcriber.languages[0] == ""


def test_paragraphs_end_at_pauses_and_after_a_few_sentences() -> None:
    bursts = [(at, at + 0.5) for at in (1, 2, 6, 7, 8, 9, 10, 11)]
    text = read(wav(sound(bursts, 12))).text
    assert [len(part.split(". ")) for part in text.split("\n\n")] == [2, 5, 1]
    assert text.endswith(".\n")


def claiming(samples: np.ndarray, seconds: int) -> bytes:
    """A FLAC whose header names another length than its sound has."""
    data = bytearray(encoded(samples, "flac", "flac", SAMPLE_RATE))
    data[21] = data[21] & 0xF0 | (seconds * SAMPLE_RATE >> 32)
    data[22:26] = (seconds * SAMPLE_RATE & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(data)


def test_a_claim_of_ten_hours_costs_what_the_file_holds() -> None:
    parsed = read(claiming(sound(BURSTS, 7.0), 36_000), "x.flac")
    assert np.allclose(times(parsed), BURSTS, atol=NEAR_S) and parsed.metadata["duration_s"] == 7.0
    assert [(w.code, "10:00:00" in w.message) for w in parsed.warnings[1:]] == [("recording_cut_off", True)]
    with pytest.raises(NoText, match="nothing is said"):
        read(claiming(sound((), 3.0), 36_000), "x.flac")


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://%b\n#EXT-X-ENDLIST\n"
HOSTILE = {
    "nothing": (b"", BrokenDocument),
    "words": (b"Just some words.\n" * 200, BrokenDocument),
    "noise": (np.random.default_rng(1).bytes(20_000), DocumentError),
    "half a film": (encoded(sound(BURSTS, 7.0), *FORMATS["mp4"])[:9000], BrokenDocument),
    "a header alone": (wav(sound((), 1.0))[:44], BrokenDocument),
    "silence": (wav(sound((), 3.0)), NoText),
    "a film without sound": (silent_film(), NoText),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("name", ["x.mp3", "x.mp4", "x.wav"])
def test_what_is_no_recording_says_so_and_what_to_do(what: str, name: str) -> None:
    data, error = HOSTILE[what]
    with pytest.raises(error) as caught:
        read(data, name)
    assert name in caught.value.message and caught.value.hint


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    other = tmp_path / "secret.wav"
    other.write_bytes(wav(sound(BURSTS, 7.0)))
    with pytest.raises(BrokenDocument):
        read(PLAYLIST % os.fsencode(other), "x.mp3")


def test_damage_costs_what_is_damaged() -> None:
    data = bytearray(encoded(sound(BURSTS, 7.0), *FORMATS["mp3"]))
    middle = len(data) // 2
    data[middle : middle + 2000] = bytes(2000)
    found = times(read(bytes(data), "x.mp3"))
    assert np.allclose(found[0], BURSTS[0], atol=0.15) and np.allclose(found[-1], BURSTS[-1], atol=0.3)


def test_what_there_is_no_time_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ParserTimeout):
        transcribe(wav(sound(BURSTS, 7.0)), "x.wav", BurstTranscriber(), time.monotonic() - 1)
    ticks = iter((0.0, 2.0))
    monkeypatch.setattr(transcript, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    parsed = transcribe(wav(sound(BURSTS, 7.0)), "x.wav", BurstTranscriber(), 1.0)
    assert len(parsed.places) == 1 and parsed.metadata["duration_s"] == pytest.approx(7.0)
    caveat = parsed.warnings[-1]
    assert caveat.code == "recording_partly_read" and "up to 0:01" in caveat.message


def test_without_a_model_it_says_what_to_type(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(sound(BURSTS, 7.0)))
    with pytest.raises(NoText) as caught:
        parse_file(str(path), ParseLimits())
    assert "ragsvc[audio]" in caught.value.hint and "RAGSVC_SPEECH_MODEL" in caught.value.hint
    # One inside of another file would take the time of that.
    with pytest.raises(DocumentError) as other:
        parse_bytes(path.read_bytes(), "x.wav", LIMITS, depth=1)
    assert other.value.code == "unsupported_type"


def test_a_model_that_does_not_load_costs_recordings_alone(tmp_path: Path) -> None:
    files = {"x.wav": wav(sound(BURSTS, 7.0)), "x.txt": b"Some words.\n"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "model").mkdir()
    limits = ParseLimits(speech_model=str(tmp_path / "model"), speech_reading="x")
    with ParserPool(1, limits) as pool:
        found = dict(pool.parse((name, str(tmp_path / name)) for name in files))
    failed, read_as = found["x.wav"], found["x.txt"]
    assert isinstance(failed, Failure) and "RAGSVC_SPEECH_MODEL" in failed.error
    assert isinstance(read_as, ParsedDocument)


def test_recordings_get_more_time_than_others(tmp_path: Path) -> None:
    for name in ("x.mp3", "x.pdf"):
        (tmp_path / name).write_bytes(bytes(1 << 20))
    sound_order, page_order = (file_order(str(tmp_path / name), ParseLimits()) for name in ("x.mp3", "x.pdf"))
    assert sound_order.longest_s == page_order.longest_s * SPEECH_FOLD
    assert sound_order.timeout_s > page_order.timeout_s and not sound_order.light
    assert ParseLimits(timeout_s=1.0).seconds_for(1 << 30, Pace.SPEECH) == SPEECH_FOLD


@pytest.mark.skipif(
    "RAGSVC_SPEECH_MODEL" not in os.environ, reason="RAGSVC_SPEECH_MODEL names no Whisper model"
)
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng, which speaks, is not installed")
def test_a_real_model_hears_sentences_where_they_are_spoken(tmp_path: Path) -> None:
    from benchmarks.recordings import distances, read, record

    path = tmp_path / "x.wav"
    known = record(
        path, "en-us", None, 1, ["The crane lifts heavy containers.", "The next meeting is on Monday."]
    )
    model = os.environ["RAGSVC_SPEECH_MODEL"]
    parsed, _, _ = read(path, model)
    errors, away = distances(known, parsed)
    assert errors < 0.3 and max(away) < 1.0
    assert read(path, model)[0] == parsed
