"""What an evaluation has done so far, so that an interrupted one goes on where it was."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from ragsvc.evaluation.report import Item
from ragsvc.store.home_files import make_folder, open_lock_file, written

KEPT_S = 7 * 24 * 3600.0
SUFFIX = ".jsonl"


def key_of(decides: Mapping[str, Any]) -> str:
    """The key of an evaluation: equal for equal JSON values, so list all that decides its items."""
    plain = json.dumps(decides, sort_keys=True, default=str, allow_nan=False)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


class Journal:
    """One item a line in <home>/evaluations/<key>.jsonl, there until the evaluation is finished.

    It is locked while it is open. Who finds it locked by another run keeps no journal, takes nothing over,
    and does all the work by itself: waiting for a run of an hour would help nobody.

    items: what an interrupted run had done, by id of the question.
    """

    def __init__(self, home: Path, key: str, *, fresh: bool = False) -> None:
        """
        :param fresh: forget what an interrupted run had done.
        :raises HomeNotWritable: if it cannot be written.
        """
        folder = home / "evaluations"
        self.items: dict[str, Item] = {}
        self._path = folder / f"{key}{SUFFIX}"
        self._stream: io.FileIO | None = None
        with written(self._path):
            make_folder(folder)
            _sweep(folder, self._path)
            descriptor = _locked(self._path)
            if descriptor is None:
                return
            # Without a buffer: closing it must not try once more to write what found no room.
            self._stream = io.FileIO(descriptor, "r+b")
            if fresh:
                self._stream.truncate(0)
            end = self._take_over(self._stream.read())
            # The rest is a line that was torn when the run died.
            self._stream.truncate(end)
            self._stream.seek(end)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; when nothing was raised the evaluation is finished and the file goes."""
        if self._stream is None:
            return
        if kind is None:
            # Before the lock: who opens it next finds another file in its place, or none.
            self._path.unlink(missing_ok=True)
        self._stream.close()
        self._stream = None

    def add(self, item: Item) -> None:
        """Record an item; from now on it survives the death of this process.

        :raises DiskFull: if there is no room; what was recorded before stays.
        :raises HomeNotWritable: if it cannot be written otherwise.
        """
        if self._stream is not None:
            line = json.dumps(asdict(item), separators=(",", ":"), allow_nan=False) + "\n"
            rest = memoryview(line.encode("ascii"))
            with written(self._path):
                while rest:
                    rest = rest[self._stream.write(rest) :]

    def _take_over(self, data: bytes) -> int:
        """Read items up to the first line that is none; gives where it begins."""
        end = 0
        while (stop := data.find(b"\n", end)) >= 0:
            try:
                item = Item(**json.loads(data[end:stop]))
            except (ValueError, TypeError):
                break
            self.items[item.id] = item
            end = stop + 1
        return end


def _locked(path: Path) -> int | None:
    """The file, made and locked; None when another run has it."""
    while True:
        descriptor = open_lock_file(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        # A run that was just finished has removed it.
        os.close(descriptor)


def _sweep(folder: Path, own: Path) -> None:
    """Remove what nobody went on with for a week."""
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            if path == own or time.time() - path.stat().st_mtime < KEPT_S:
                continue
            descriptor = _locked(path)
            if descriptor is not None:
                path.unlink(missing_ok=True)
                os.close(descriptor)
