"""The model that writes recordings down: where it lies, and what its files are. Nothing here loads it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ragsvc.errors import MissingExtra, ModelNotFound
from ragsvc.models.model_folder import hub_folder, model_folder

_PACKAGES = ("faster-whisper", "ctranslate2")
_WEIGHTS = "model.bin"
_NEEDED = (_WEIGHTS, "config.json", "tokenizer.json")
_PATTERNS = ("*.json", "*.txt", _WEIGHTS)
_SAMPLE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SpeechModel:
    """A model that was found.

    path: its folder. reading: what distinguishes the texts that it gives: its files, and what runs it.
    """

    path: str
    reading: str


NO_SPEECH = SpeechModel("", "")


def find_speech_model(name: str) -> SpeechModel:
    """Find a Whisper model in CTranslate2 format.

    :param name: a folder, or a hub name such as OWNER/faster-whisper-base, whose files are in the hub's cache
        or are fetched into it where that is allowed.
    :raises MissingExtra: if ragsvc[audio] is not installed.
    :raises ModelNotFound: if there is no such model.
    """
    try:
        runners = "+".join(f"{package}-{version(package)}" for package in _PACKAGES)
    except PackageNotFoundError as error:
        raise MissingExtra(
            "RAGSVC_SPEECH_MODEL is set, and what runs it is not installed",
            hint="pip install 'ragsvc[audio]'",
        ) from error
    folder = model_folder(name) or _of_hub(name)
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if missing:
        raise ModelNotFound(
            f"RAGSVC_SPEECH_MODEL: {folder} lacks {', '.join(missing)}",
            hint="it needs a Whisper model in CTranslate2 format, as ct2-transformers-converter writes it",
        )
    return SpeechModel(str(folder), f"{runners}+{_fingerprint(folder)}")


def _of_hub(name: str) -> Path:
    if "/" not in name or name.startswith(("/", ".", "~")):
        raise ModelNotFound(
            f"RAGSVC_SPEECH_MODEL: there is no folder {name!r}",
            hint="name the folder of a Whisper model in CTranslate2 format, or a hub name with its owner",
        )
    return hub_folder(name, _PATTERNS, lambda folder: (folder / _WEIGHTS).is_file())


def _fingerprint(folder: Path) -> str:
    """Which files it has: names, sizes, beginnings and ends; all of some gigabytes would take seconds."""
    digest = hashlib.sha256()
    try:
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            size = file.stat().st_size
            digest.update(f"{file.name}\0{size}\0".encode())
            with file.open("rb") as stream:
                digest.update(stream.read(_SAMPLE_BYTES))
                stream.seek(max(size - _SAMPLE_BYTES, 0))
                digest.update(stream.read(_SAMPLE_BYTES))
    except OSError as error:
        raise ModelNotFound(
            f"RAGSVC_SPEECH_MODEL: {folder} cannot be read: {error}", hint="check the permissions"
        ) from error
    return digest.hexdigest()[:16]
