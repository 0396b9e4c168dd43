"""What is said about an error that nobody foresaw."""

from __future__ import annotations

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from ragsvc.errors import InternalError

LOG_NAME = "error.log"


def describe_crash(error: BaseException, home: Path | None) -> InternalError:
    """Write the traceback to a file that only its owner reads, and name that file.

    home: where `error.log` grows; without a writable home, a new temporary file is made.
    """
    details = "".join(traceback.format_exception(error))
    entry = f"--- {datetime.now(UTC).isoformat(timespec='seconds')}\n{details}\n"
    place = _append(home, entry) if home is not None and home.is_dir() else None
    if place is None:
        place = _write_temporary(entry)
    summary = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    where = f"the details are in {place}" if place is not None else "the details could not be written"
    return InternalError(f"something went wrong inside ragsvc ({summary})", hint=where)


def _append(home: Path, entry: str) -> Path | None:
    path = (home / LOG_NAME).absolute()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(entry)
    except OSError:
        return None
    return path


def _write_temporary(entry: str) -> Path | None:
    try:
        descriptor, name = tempfile.mkstemp(prefix="ragsvc-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(entry)
    except OSError:
        return None
    return Path(name)
