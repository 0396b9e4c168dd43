"""Pins: what a running process needs for longer than one transaction, so that gc leaves it alone."""

from __future__ import annotations

import fcntl
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import ELOOP, ENOENT, ENOTDIR
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from ragsvc.domain import CommitId, CorpusId, ProfileId
from ragsvc.errors import StaleContent, StorageError, WriterBusy
from ragsvc.store.engine import Repository, now
from ragsvc.store.home_files import make_folder, written
from ragsvc.store.tables import commit, pin

FOLDER = "readers"
_HOLDER = re.compile(r"[0-9a-f]{32}")
_ABOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Pin:
    """What a running process needs; see `Pins.pinned`."""

    id: int
    reason: str
    corpus_id: int | None
    commit_id: int | None
    profile_id: int | None

    @property
    def keeps_all(self) -> bool:
        """Whether it stands for content that nothing refers to yet."""
        return self.commit_id is None and self.profile_id is None


class Pins(Repository):
    """Rows that say what is in use, each worth as much as the lock file of its holder."""

    @contextmanager
    def pinned(
        self,
        reason: str,
        *,
        corpus_id: CorpusId | None = None,
        commit_id: CommitId | None = None,
        profile_id: ProfileId | None = None,
    ) -> Iterator[None]:
        """Keep something from gc for the length of the block, or for the life of this process.

        Without a commit or a profile it keeps all content that no commit holds yet: what a running
        ingest prepares.

        :param reason: shown by gc, such as "export of docs".
        :raises StaleContent: if gc has taken the commit already.
        :raises HomeNotWritable: if the lock file cannot be made.
        :raises DiskFull: if there is no room for it.
        """
        holder = uuid.uuid4().hex
        path = self._db.path.parent / FOLDER / holder
        descriptor = _lock_new(path)
        try:
            row = {
                "holder": holder,
                "reason": f"{reason} (process {os.getpid()})",
                "corpus_id": corpus_id,
                "commit_id": commit_id,
                "profile_id": profile_id,
                "created_at": now(),
            }
            with self._db.write("store.pin") as connection:
                if commit_id is not None:
                    wanted = select(commit.c.id).where(commit.c.id == int(commit_id), commit.c.collected == 0)
                    if connection.execute(wanted).scalar_one_or_none() is None:
                        raise StaleContent(f"commit {commit_id} was removed meanwhile", hint="run it again")
                connection.execute(insert(pin), row)
            try:
                yield
            finally:
                # A pin that stays is worth nothing: its lock goes with this block.
                with suppress(StorageError, WriterBusy), self._db.write("store.unpin") as connection:
                    connection.execute(delete(pin).where(pin.c.holder == holder))
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def ingest_reason(corpus: str) -> str:
    """The reason of an ingest's pin."""
    return f"ingest of {corpus}"


def _lock_new(path: Path) -> int:
    with written(path):
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def living_pins(connection: Connection, home: Path) -> list[Pin]:
    """Pins whose holder is there."""
    columns = (pin.c.id, pin.c.reason, pin.c.corpus_id, pin.c.commit_id, pin.c.profile_id, pin.c.holder)
    rows = connection.execute(select(*columns).order_by(pin.c.id)).all()
    return [Pin(*row[:-1]) for row in rows if _is_held(home / FOLDER / row.holder)]


def sweep_pins(connection: Connection, home: Path) -> None:
    """Delete the pins of processes that are gone, inside the caller's transaction, with their files."""
    holders = set(connection.execute(select(pin.c.holder)).scalars())
    for holder in holders:
        if not _is_held(home / FOLDER / holder):
            connection.execute(delete(pin).where(pin.c.holder == holder))
            with suppress(OSError):
                (home / FOLDER / holder).unlink(missing_ok=True)
    with suppress(OSError):
        for path in (home / FOLDER).iterdir():
            # Whoever made it was killed before its pin was stored; a new one is about to be locked.
            old = time.time() - path.stat().st_mtime > _ABOUT_S
            if old and _HOLDER.fullmatch(path.name) and path.name not in holders and not _is_held(path):
                path.unlink(missing_ok=True)


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        # Not knowing (another user's file, too many open ones) must not cost anybody a pin.
        return error.errno not in (ENOENT, ENOTDIR, ELOOP)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
