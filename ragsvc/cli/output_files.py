"""Files that a command writes at its end: tried before it starts, and there whole or not at all."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import BinaryIO

from ragsvc.errors import DiskFull, InvalidRequest, StorageError


class OutputFile:
    """A file to write. path: as it was typed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # A link stays one: what it leads to is replaced.
        self._real = Path(os.path.realpath(path))

    @classmethod
    def tried(cls, path: Path, option: str, inputs: Sequence[Path | None] = ()) -> OutputFile:
        """A target that can be written now.

        option: that names it. inputs: files that the same command reads.
        :raises InvalidRequest: if it is a folder, a device, or one of the inputs.
        :raises StorageError: if its folder does not exist or cannot be written.
        """
        target = cls(path)
        real = target._real
        if real.exists() and not real.is_file():
            raise InvalidRequest(f"{option} {path} is not a file", hint="name a file, which may be a new one")
        for other in inputs:
            if other is not None and Path(os.path.realpath(other)) == real:
                raise InvalidRequest(
                    f"{option} {path} would overwrite {other}, which this command reads",
                    hint=f"name another file: {option} FILE",
                )
        probe = target._beside()
        try:
            with probe.open("xb"):
                pass
            probe.unlink()
        except OSError as error:
            raise target._refused(error) from error
        return target

    def same_as(self, other: OutputFile) -> bool:
        """Whether both are one file, however they were typed."""
        return self._real == other._real

    def write(self, text: str) -> None:
        """Replace the file; whoever reads meanwhile gets the old one whole.

        :raises DiskFull: if there is no room.
        :raises StorageError: if it cannot be written any more.
        """
        with self.opened() as file:
            file.write(text.encode("utf-8", "replace"))

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        """A new file that takes the place of the old one when the block has ended well.

        :raises DiskFull: if there is no room.
        :raises StorageError: if it cannot be written any more.
        """
        beside = self._beside()
        try:
            with beside.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._real)
        except OSError as error:
            raise self._refused(error) from error
        finally:
            with suppress(OSError):
                beside.unlink()

    def write_or_rescue(self, text: str) -> None:
        """As `write`; when it fails, what took long to make is kept in the folder for temporary files.

        :raises DiskFull: if there is no room.
        :raises StorageError: if it cannot be written any more.
        """
        try:
            self.write(text)
        except StorageError as error:
            try:
                with tempfile.NamedTemporaryFile(
                    "wb", prefix="ragsvc-", suffix=".json", delete=False
                ) as kept:
                    kept.write(text.encode("utf-8", "replace"))
            except OSError:
                raise error from error.__cause__
            raise type(error)(error.message, hint=f"the report is kept in {kept.name}") from error

    def _beside(self) -> Path:
        return self._real.with_name(f".{uuid.uuid4().hex}.partial")

    def _refused(self, error: OSError) -> StorageError:
        if error.errno in (ENOSPC, EDQUOT):
            return DiskFull(f"no room on the disk for {self.path}", hint="free some space, then run it again")
        return StorageError(
            f"{self.path} cannot be written: {error.strerror}",
            hint="name a file in a folder that exists and that you may write to",
        )
