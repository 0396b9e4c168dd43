"""Recordings in a corpus: skipped with a notice without a model, kept from before, cited by their seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doubles import CORPUS, ME, HashEmbedder, ingest, open_service, search, settings_of

from ragsvc.domain import Failure, SkippedSource, TimeRange
from ragsvc.errors import MissingExtra, ModelNotFound
from ragsvc.models import speech_model
from ragsvc.models.speech_model import find_speech_model
from ragsvc.service.service import Service
from ragsvc.text.limits import ParseLimits
from ragsvc.text.worker_pool import ParserPool

SAID = "The ferry leaves from the second pier.\nFresh water is free of charge.\n"


@contextmanager
def hearing(home: Path, folder: Path, reading: str, timeout_s: float = 60.0) -> Iterator[Service]:
    """A service whose workers read recordings as text."""
    limits = ParseLimits(timeout_s=timeout_s, speech_model=str(folder), speech_reading=reading)
    with ParserPool(1, limits, parser="recording_doubles:read_lines") as pool:
        service = Service.open(settings_of(home), embedders=HashEmbedder, pool=pool)
        with service:
            yield service


def test_recordings_without_a_model_are_skipped_with_what_to_type(tmp_path: Path) -> None:
    folder = tmp_path / "talks"
    folder.mkdir()
    (folder / "a.mp3").write_text(SAID)
    (folder / "b.txt").write_text("Some words.\n")
    with hearing(tmp_path / "home", tmp_path / "none", "one") as service:
        assert ingest(service, folder).documents.added == 2
    with open_service(tmp_path / "home") as service:
        report = ingest(service, folder)
        assert report.skipped == (SkippedSource(str(folder / "a.mp3"), "recording_unread"),)
        (notice,) = report.notices
        assert "ragsvc[audio]" in notice and "RAGSVC_SPEECH_MODEL" in notice
        # What was read of it before stays, as with every file that cannot be read now.
        assert (report.documents.failed, report.documents.removed) == (0, 0)
        assert search(service, "ferry").hits[0].passage.document_id == "talks/a.mp3"


def test_hits_and_stored_text_have_their_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_text(SAID)
    with hearing(tmp_path / "home", tmp_path / "none", "one") as service:
        ingest(service, path)
        (hit, *_) = search(service, "water free of charge").hits
        assert {place.where for place in hit.places} <= {TimeRange(at, at + 1.0) for at in range(3)}
        start = SAID.index("Fresh")
        piece = service.text(ME, CORPUS, "a.ogg", None, start, start + 5)
        assert [place.where for place in piece.places] == [TimeRange(1.0, 2.0)]


def test_another_model_reads_anew_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_text(SAID)
    seen = []
    for reading, timeout_s in (("one", 60), ("one", 60), ("two", 60), ("two", 120), ("one", 60)):
        with hearing(tmp_path / "home", tmp_path / "none", reading, timeout_s) as service:
            seen.append(ingest(service, path).documents.changed)
    # For more time the same text comes out; what one heard is still known.
    assert seen == [0, 0, 1, 0, 1]


def test_a_setting_that_names_no_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("faster_whisper", reason="the extra ragsvc[audio] is not installed")
    folder = tmp_path / "model"
    folder.mkdir()
    for name in (str(tmp_path / "nowhere"), "base", str(folder)):
        with pytest.raises(ModelNotFound) as caught:
            settings = settings_of(tmp_path / "home", speech_model=name)
            Service.open(settings, embedders=HashEmbedder)
        assert "RAGSVC_SPEECH_MODEL" in caught.value.message and caught.value.hint
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).write_bytes(b"x" * 3_000_000)
    first = find_speech_model(str(folder))
    assert first == find_speech_model(str(folder)) and first.path == str(folder)
    (folder / "model.bin").write_bytes(b"x" * 2_999_999 + b"y")
    assert find_speech_model(str(folder)).reading != first.reading
    monkeypatch.setattr(speech_model, "_PACKAGES", ("no-such-package",))
    with pytest.raises(MissingExtra) as missing:
        find_speech_model(str(folder))
    assert "ragsvc[audio]" in missing.value.hint


def test_a_recording_that_fails_keeps_what_was_read_before(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text(SAID)
    with hearing(tmp_path / "home", tmp_path / "none", "one") as service:
        ingest(service, path)
        path.write_bytes(b"\xff\xfe\xff")
        report = ingest(service, path)
        assert [type(failure) for failure in report.failures] == [Failure]
        assert search(service, "ferry").hits
