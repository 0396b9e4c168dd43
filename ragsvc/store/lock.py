"""The writer lock: one process at a time publishes, checkpoints or rewrites indexes."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ragsvc.errors import HomeNotWritable, InternalError, WriterBusy
from ragsvc.store.home_files import NOT_WRITABLE_HINT, open_lock_file

_POLL_S = 0.05

# flock belongs to the open file, so it already excludes other threads of this process; this
# remembers which thread holds it, to refuse re-entry (it would wait for itself) and to let
# `publish` check that its caller holds it.
_holders: dict[str, int] = {}


class WriterLock:
    """An advisory lock on <home>/writer.lock; the kernel frees it when its holder dies."""

    def __init__(self, home: Path) -> None:
        self._path = home / "writer.lock"
        self._key = os.path.realpath(self._path)

    @property
    def held(self) -> bool:
        """Whether the current thread holds the lock, through this object or another."""
        return _holders.get(self._key) == threading.get_ident()

    @contextmanager
    def hold(self, timeout_s: float = 60.0, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
        """Hold the lock for the length of the block.

        :param timeout_s: how long to wait for another holder; 0 does not wait.
        :param on_wait: told once who holds the lock, when there is something to wait for.
        :raises WriterBusy: if another process or thread still holds it after `timeout_s`.
        :raises HomeNotWritable: if the lock file cannot be opened.
        """
        if self.held:
            raise InternalError(f"the writer lock {self._path} is already held by this thread")
        descriptor = self._open()
        try:
            self._acquire(descriptor, timeout_s, on_wait)
            while not self._is_in_place(descriptor):
                # Whoever met an obstacle moved this file away with it: its lock keeps nobody out.
                os.close(descriptor)
                descriptor = self._open()
                self._acquire(descriptor, timeout_s, on_wait)
            self._sign(descriptor)
            _holders[self._key] = threading.get_ident()
            try:
                yield
            finally:
                _holders.pop(self._key, None)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return open_lock_file(self._path)
        except OSError as error:
            raise HomeNotWritable(
                f"{self._path} cannot be opened: {error.strerror}",
                hint=NOT_WRITABLE_HINT,
            ) from error

    def _is_in_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except OSError:
            return False

    def _acquire(self, descriptor: int, timeout_s: float, on_wait: Callable[[str], None] | None) -> None:
        deadline = time.monotonic() + timeout_s
        told = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EINTR):
                    raise HomeNotWritable(
                        f"{self._path} cannot be locked: {error.strerror}",
                        hint="the home folder must be on a file system with locks (flock): --home DIR",
                    ) from error
            if time.monotonic() >= deadline:
                raise WriterBusy(
                    f"{self._holder(descriptor)} is writing to {self._path.parent}",
                    hint="wait until it is done, or stop it, and try again",
                )
            if on_wait is not None and not told:
                told = True
                on_wait(f"waiting for {self._holder(descriptor)}, which is writing to {self._path.parent}")
            time.sleep(min(_POLL_S, max(0.0, deadline - time.monotonic())))

    @staticmethod
    def _holder(descriptor: int) -> str:
        with suppress(OSError):
            pid = os.pread(descriptor, 32, 0).split(b"\n")[0].decode("ascii", "replace").strip()
            if pid.isdigit():
                return f"process {pid}"
        return "another process"

    @staticmethod
    def _sign(descriptor: int) -> None:
        # Only for the message of whoever waits: a full disk must not prevent the lock.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
