"""Errors of the database in our words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import exc

from ragsvc.errors import (
    CatalogDamaged,
    DiskFull,
    HomeNotWritable,
    InvalidRequest,
    RagsvcError,
    StaleContent,
    StorageError,
    WriterBusy,
)
from ragsvc.store.home_files import NOT_WRITABLE_HINT

_FREE_BYTES = 2**20


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLAlchemy and sqlite3 into ours.

    :param path: the database file that messages name.
    """
    try:
        yield
    except RagsvcError:
        raise
    except (exc.StatementError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None)
        if isinstance(cause, RagsvcError):
            raise cause from error.__cause__
        raise _translation(path, error) from error
    except exc.TimeoutError as error:
        raise StorageError(f"{path}: too many connections at once", hint="try again") from error
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"a name or text is not valid Unicode: {error.object[error.start : error.end]!r}",
            hint="rename the file, or replace the character",
        ) from error
    except OverflowError as error:
        raise InvalidRequest("a number is too large to be stored", hint="use 64-bit integers") from error


def _translation(path: Path, error: Exception) -> RagsvcError:
    reason = str(getattr(error, "orig", None) or error)
    low = reason.lower()
    if "malformed" in low or "not a database" in low or "unsupported file format" in low:
        return damaged(path, reason)
    if "full" in low or ("disk i/o" in low and free_bytes(path) < _FREE_BYTES):
        return DiskFull(f"no room on the disk for {path}", hint="free some space, then run the same again")
    if "readonly" in low or "unable to open" in low:
        return HomeNotWritable(f"{path} cannot be written: {reason}", hint=NOT_WRITABLE_HINT)
    if "locked" in low or "busy" in low:
        return WriterBusy(f"another process is writing to {path}", hint="wait a moment and try again")
    if "constraint" in low:
        return StaleContent(f"the catalog changed meanwhile ({reason})", hint="run the same again")
    return StorageError(f"{path}: {reason}")


def damaged(path: Path, reason: str) -> CatalogDamaged:
    """Make the error for a file that cannot be used as a catalog."""
    return CatalogDamaged(
        f"the catalog {path} cannot be read: {reason}",
        hint=f"restore it from a backup, or move it away and ingest again: mv '{path}' '{path}.damaged'",
    )


def free_bytes(path: Path) -> int:
    """Room on the disk that holds a file; 0 when it cannot be told."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return 0
