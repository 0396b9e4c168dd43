"""Uploads on their way to a job: `<home>/spool/<id>/`, gone when the job has ended.

Whoever writes a spool holds a lock on its folder until the job's row exists; what is neither locked nor
of an open job was left by a process that died, and is swept.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from io import BufferedWriter
from pathlib import Path, PurePosixPath

from ragsvc.domain import InlineDocument
from ragsvc.errors import InvalidRequest, JobNotFound
from ragsvc.store.home_files import make_folder, written

_MANIFEST = "spool.json"
_DOCUMENTS = "documents.jsonl"
_MAX_SUFFIX_CHARS = 16


class Spool:
    """A folder of uploaded files under numbers, so that no name can reach outside it.

    retry: whether what cost too much before is to be read again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.retry = False
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()
        self._claim: int | None = None
        self._lines: BufferedWriter | None = None

    @classmethod
    def create(cls, home: Path) -> Spool:
        """Make an empty spool with a new id; it is safe from sweeping until `release` or `discard`.

        :raises DiskFull: if there is no room.
        :raises HomeNotWritable: if the folder cannot be made.
        """
        while True:
            spool = cls(home / "spool" / uuid.uuid4().hex)
            with written(spool.folder):
                make_folder(spool.folder.parent)
                spool.folder.mkdir(mode=0o700)
            # A sweep may come between the folder and the lock: then there is nothing to lock.
            with contextlib.suppress(FileNotFoundError):
                spool._claim = os.open(spool.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                fcntl.flock(spool._claim, fcntl.LOCK_EX)
                if spool.folder.exists():
                    return spool
            spool.release()

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

    def add(self, document: InlineDocument) -> None:
        """Write a document that came as text.

        :raises DiskFull: if there is no room.
        :raises HomeNotWritable: if the folder cannot be written.
        """
        with written(self.folder):
            if self._lines is None:
                self._lines = (self.folder / _DOCUMENTS).open("ab")
            self._lines.write(json.dumps(asdict(document)).encode() + b"\n")

    def seal(self, documents: Sequence[InlineDocument]) -> None:
        """Write down what the files are called, and further documents that came as text.

        :raises DiskFull: if there is no room.
        :raises HomeNotWritable: if the folder cannot be written.
        """
        self._close_lines()
        content = {
            "files": self._names,
            "documents": [asdict(document) for document in documents],
            "retry": self.retry,
        }
        with written(self.folder):
            (self.folder / _MANIFEST).write_text(json.dumps(content), "utf-8")

    def _close_lines(self) -> None:
        lines, self._lines = self._lines, None
        if lines is not None:
            with written(self.folder), lines:
                lines.flush()

    def release(self) -> None:
        """From now on it is the job's; without a job, a sweep may take it."""
        with self._lock:
            claim, self._claim = self._claim, None
        if claim is not None:
            os.close(claim)

    def discard(self) -> None:
        """Remove everything."""
        with contextlib.suppress(OSError):
            self._close_lines()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.release()


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
    with contextlib.suppress(FileNotFoundError), (folder / _DOCUMENTS).open("rb") as lines:
        documents += [InlineDocument(**json.loads(line)) for line in lines]
    return documents, {name: folder / file for name, file in content["files"].items()}


def wants_retry(folder: Path) -> bool:
    """Whether a sealed spool asks for another try of what cost too much before."""
    return bool(json.loads((folder / _MANIFEST).read_text("utf-8")).get("retry"))


def sweep_spools(home: Path, is_wanted: Callable[[str], bool]) -> None:
    """Remove what uploads left whose process died before there was a job, or a job whose end left it.

    :param is_wanted: whether an open job has this id; asked only once nobody writes the spool any more.
    """
    base = home / "spool"
    if base.is_dir():
        for folder in base.iterdir():
            with _unless_written(folder) as free:
                if free and not is_wanted(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _unless_written(folder: Path) -> Iterator[bool]:
    """Lock a spool for the length of the block; False when another does, or it is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
