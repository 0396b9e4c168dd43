"""Upkeep of the folder of models: what nobody knows any more, and what is not as it was written.

Nothing here imports torch: gc and verify look at bytes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ragsvc.domain import TrainedModel, VerifyProblem
from ragsvc.generative.training_folder import CHECKPOINT, TRAINING, is_in_work
from ragsvc.store.home_files import Home, written

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
REPORT = "report.html"
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_BLOCK = 1 << 20


def orphans(home: Home, known: Sequence[TrainedModel]) -> list[Path]:
    """Folders of ours below the models that the catalog does not know, and trainings that have written no
    checkpoint and are not in work. What has another name is not ours.

    Whoever holds the writer lock gets a true answer: models are published under it.
    """
    versions = {(model.name, str(model.version)) for model in known}
    found: list[Path] = []
    for folder in _folders(home.models):
        for inner in _folders(folder):
            if inner.name == TRAINING:
                if not (inner / CHECKPOINT).exists() and not is_in_work(inner):
                    found.append(inner)
            elif _VERSION.fullmatch(inner.name) and (folder.name, inner.name) not in versions:
                found.append(inner)
    return found


def size_bytes(folder: Path) -> int:
    """Of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def remove(folder: Path) -> None:
    """Remove a folder of a model, and that of its name when it was the last.

    :raises HomeNotWritable: if the system refuses.
    """
    with written(folder):
        shutil.rmtree(folder)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def faults(home: Home, known: Sequence[TrainedModel]) -> Iterator[VerifyProblem]:
    """Models whose weights are missing, or are not the bytes that were written."""
    for model in known:
        path = home.model(model.name, model.version) / WEIGHTS
        name = f"the weights of model {model.name} version {model.version}"
        repair = f"ragsvc models delete {model.name} --version {model.version}"
        try:
            digest = _sha256(path)
        except OSError as error:
            yield VerifyProblem(
                "", "model_damaged", f"{name} cannot be read: {error.strerror}: {path}", repair
            )
            continue
        if digest != model.weights_sha256:
            yield VerifyProblem(
                "", "model_damaged", f"{name} are not those that were written: {path}", repair
            )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _folders(folder: Path) -> list[Path]:
    try:
        inner = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in inner if path.is_dir() and not path.is_symlink()]
