"""Uploads on their way to a job: `<home>/spool/<id>/`, gone when the job has ended."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath

from ragsvc.domain import InlineDocument
from ragsvc.errors import InvalidRequest, JobNotFound

_MANIFEST = "spool.json"
_MAX_SUFFIX_CHARS = 16


class Spool:
    """A folder of uploaded files under numbers, so that no name can reach outside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()

    @classmethod
    def create(cls, home: Path) -> Spool:
        """Make an empty spool with a new id."""
        folder = home / "spool" / uuid.uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        return cls(folder)

    @property
    def id(self) -> str:
        """Id of the spool and of its job."""
        return self.folder.name

    def file(self, name: str) -> Path:
        """Where to write the file that will have this document id.

        :raises InvalidRequest: if the name was used before.
        """
        suffix = PurePosixPath(name).suffix.lower()
        if not suffix.removeprefix(".").isalnum() or len(suffix) > _MAX_SUFFIX_CHARS:
            suffix = ""
        with self._lock:
            if name in self._names:
                raise InvalidRequest(f"two files have the name {name!r}", hint="give each its own name")
            self._names[name] = f"{len(self._names):06d}{suffix}"
            return self.folder / self._names[name]

    def seal(self, documents: Sequence[InlineDocument]) -> None:
        """Write down what the files are called and the documents that came as text."""
        content = {"files": self._names, "documents": [asdict(document) for document in documents]}
        (self.folder / _MANIFEST).write_text(json.dumps(content), "utf-8")

    def discard(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.folder, ignore_errors=True)


def load_spool(folder: Path) -> tuple[list[InlineDocument], dict[str, Path]]:
    """Read a sealed spool.

    :return: documents that came as text, and files by their document id.
    :raises JobNotFound: if its files are gone.
    """
    try:
        content = json.loads((folder / _MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise JobNotFound(f"the uploaded files in {folder} are gone", hint="send them again") from error
    documents = [InlineDocument(**document) for document in content["documents"]]
    return documents, {name: folder / file for name, file in content["files"].items()}


def sweep_spools(home: Path, wanted: set[str]) -> None:
    """Remove spools that no open job needs: uploads that broke off with their server."""
    base = home / "spool"
    if base.is_dir():
        for folder in base.iterdir():
            if folder.name not in wanted:
                shutil.rmtree(folder, ignore_errors=True)
