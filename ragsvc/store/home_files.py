"""A home: the folder that holds the catalog and all that lies beside it, and the system's words about it."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path

from ragsvc.errors import DiskFull, HomeNotWritable

# SQLite makes files beside the catalog even for whoever only reads.
NOT_WRITABLE_HINT = (
    "reading needs a writable folder too: copy a read-only backup first, or choose another folder: --home DIR"
)


CATALOG_FILE = "catalog.db"


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of a home lies. Only the catalog is truth; all else is made anew from it."""

    path: Path

    @property
    def catalog(self) -> Path:
        """The database."""
        return self.path / CATALOG_FILE

    @property
    def unpacked_models(self) -> Path:
        """The folder of bundled models that are packed inside their packages."""
        return self.path / "unpacked"

    def corpus(self, uid: str) -> Path:
        """The folder of a corpus's index files, all profiles."""
        return self.path / uid

    def index(self, uid: str, fingerprint: str) -> Path:
        """The folder of a corpus's index files under one profile."""
        return self.corpus(uid) / fingerprint[:16]

    def spool(self, job_id: str) -> Path:
        """The folder of what was uploaded for a job."""
        return self.path / "spool" / job_id

    @property
    def models(self) -> Path:
        """The folder of all trained models."""
        return self.path / "models"

    def model(self, name: str, version: int) -> Path:
        """The folder of a trained model."""
        return self.models / name / str(version)

    def training(self, name: str) -> Path:
        """The folder of a training that is in work, or was interrupted."""
        return self.models / name / "training"


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder of a home; a file or a dead link that damage put in its place goes."""
    try:
        folder.mkdir(mode, exist_ok=True)
    except FileExistsError:
        folder.unlink(missing_ok=True)
        folder.mkdir(mode, exist_ok=True)


def open_lock_file(path: Path) -> int:
    """Open a lock file of a home, making it; what damage put in its place is moved aside.

    :raises OSError: if the system refuses.
    """
    # Close-on-exec, as all of Python's: a child must not keep the lock of its dead parent.
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o644)
    except OSError:
        if not _is_obstructed(path):
            raise
        # Nobody can have a lock on it.
        with suppress(FileNotFoundError):
            path.rename(path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}"))
        return os.open(path, flags, 0o644)


def _is_obstructed(path: Path) -> bool:
    """Whether a folder, a socket or a link that leads nowhere is in the place of a lock file."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Translate what the system says while something is written into a home.

    :raises DiskFull: if there is no room.
    :raises HomeNotWritable: if it refuses otherwise.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(
                f"no room on the disk for {path}", hint="free some space, then run the same again"
            ) from error
        raise HomeNotWritable(
            f"{path} cannot be written: {error.strerror}",
            hint=NOT_WRITABLE_HINT,
        ) from error
