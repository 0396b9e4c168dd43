"""Which of the servers on one home runs the jobs: whoever holds `<home>/jobs.lock`."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from ragsvc.errors import HomeNotWritable
from ragsvc.store.home_files import open_lock_file


class JobElection:
    """An advisory lock that is tried, never waited for; the kernel frees it when its holder dies."""

    def __init__(self, home: Path) -> None:
        self._path = home / "jobs.lock"
        self._descriptor: int | None = None

    @property
    def won(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def stand(self) -> bool:
        """Try to win; True also for whoever has won already.

        :raises HomeNotWritable: if the lock file cannot be opened or locked.
        """
        if self._descriptor is not None:
            return True
        try:
            descriptor = open_lock_file(self._path)
        except OSError as error:
            raise self._refused(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise self._refused(error) from error
        self._descriptor = descriptor
        return True

    def resign(self) -> None:
        """Let another one win."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _refused(self, error: OSError) -> HomeNotWritable:
        return HomeNotWritable(
            f"{self._path} cannot be locked: {error.strerror}",
            hint="choose a folder that you may write to, on a file system with locks (flock): --home DIR",
        )
