"""Opening the database: pragmas, transactions, migrations, and the translation of its errors."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, exc, text
from sqlalchemy.dialects import sqlite

from ragsvc.crashpoints import crash_point
from ragsvc.errors import (
    CatalogDamaged,
    CatalogNewer,
    DiskFull,
    HomeNotWritable,
    InvalidRequest,
    RagsvcError,
    StaleContent,
    StorageError,
    WriterBusy,
)
from ragsvc.store.lock import WriterLock

T = TypeVar("T")

REVISION = "0002"
"""The newest migration; a test compares it with the scripts."""

BUSY_TIMEOUT_S = 30.0
WAL_LIMIT_BYTES = 64 * 2**20
_FREE_BYTES = 2**20


def insert_or_ignore(table: Table) -> sqlite.Insert:
    """Insert rows, keeping those that exist (PostgreSQL spells it the same way)."""
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_replace(table: Table, columns: Sequence[str], key: Sequence[str] = ()) -> sqlite.Insert:
    """Insert rows; where the key (the primary key, unless another is named) exists, replace columns."""
    statement = sqlite.insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(key) or list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in columns},
    )


class Database:
    """An engine over one SQLite file in WAL mode: short transactions, from any thread.

    Checkpoints run only under the writer lock: `wal_autocheckpoint` is 0, and `bound_wal`
    runs one when the log has grown. The one that SQLite runs when the last connection of
    all processes closes holds an exclusive file lock, so no other can overlap it.
    """

    def __init__(self, path: Path, engine: Engine, lock: WriterLock) -> None:
        self.path = path
        self.lock = lock
        self._engine = engine
        self._wal = path.with_name(path.name + "-wal")

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open the file, creating and migrating it under the writer lock where needed.

        :raises CatalogNewer: if its schema is unknown to this ragsvc.
        :raises CatalogDamaged: if it is no catalog or cannot be read.
        :raises HomeNotWritable: if it or its folder cannot be written.
        :raises DiskFull: if there is no room to create it.
        """
        database = cls(path, _engine(path), WriterLock(path.parent))
        try:
            if not path.is_file() or not database._current():
                with database.lock.hold(BUSY_TIMEOUT_S):
                    database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One short read transaction: all its statements see the same state."""
        with translated(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, point: str) -> Iterator[Connection]:
        """One write transaction (BEGIN IMMEDIATE), durable when the block has ended.

        :param point: crash points `<point>.before`, `.inside` and `.after` are passed.
        """
        crash_point(f"{point}.before")
        with translated(self.path), self._engine.connect() as connection:
            connection = connection.execution_options(ragsvc_begin="IMMEDIATE")
            with connection.begin():
                yield connection
                crash_point(f"{point}.inside")
        crash_point(f"{point}.after")
        self.bound_wal()

    def bound_wal(self) -> None:
        """Empty the write-ahead log when it is large and nobody holds the writer lock."""
        try:
            if self._wal.stat().st_size < WAL_LIMIT_BYTES:
                return
        except FileNotFoundError:
            return
        # Whoever holds the lock, or the next write, will do what fails here; the transaction
        # before it is committed, so it must not look as if it had failed.
        held = nullcontext() if self.lock.held else self.lock.hold(timeout_s=0)
        with suppress(WriterBusy, StorageError), held:
            self.checkpoint()

    def checkpoint(self) -> bool:
        """Move the whole log into the database file and empty it; the writer lock is held.

        :return: False when a reader or writer was in the way all the time.
        """
        with translated(self.path), self._engine.connect() as connection:
            connection = connection.execution_options(ragsvc_begin=None)
            row = connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)")).one()
        return int(row[0]) == 0

    def vacuum(self) -> int:
        """Rewrite the file without its free pages; the writer lock is held.

        :return: bytes by which file and log have shrunk.
        :raises DiskFull: if there is no room for the copy that this makes; the file stays as it was.
        """
        self.checkpoint()
        before = self._size_bytes()
        if _free_bytes(self.path) < before:
            raise DiskFull(
                f"no room on the disk for a copy of {self.path}",
                hint="free as much space as the catalog takes; without --vacuum none is needed",
            )
        with translated(self.path), self._engine.connect() as connection:
            connection.execution_options(ragsvc_begin=None).execute(text("VACUUM"))
        crash_point("store.vacuum")
        self.checkpoint()
        return before - self._size_bytes()

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def _size_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.path, self._wal) if path.exists())

    def _current(self) -> bool:
        with self.read() as connection:
            # Reads the file's header first, so that a foreign file is recognised at once.
            tables = set(connection.execute(text("SELECT name FROM sqlite_master")).scalars())
            if not tables:
                return False
            if "alembic_version" not in tables:
                raise damaged(self.path, "it is a database, but not a ragsvc catalog")
            mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
            revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
            return mode == "wal" and list(revisions) == [REVISION]

    def _migrate(self) -> None:
        if self.path.is_file() and self._current():
            return  # another process did it while this one waited
        from ragsvc.store.migrations import upgrade

        with translated(self.path), self._engine.connect() as connection:
            plain = connection.execution_options(ragsvc_begin=None)
            plain.execute(text("PRAGMA journal_mode=WAL"))
        with self.write("store.migrate") as connection:
            upgrade(connection, self.path)
        self.checkpoint()


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        pool_size=8,
        max_overflow=64,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, never by the driver
        for pragma in (
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "wal_autocheckpoint=0",
            "cache_size=-16384",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        kind = connection.get_execution_options().get("ragsvc_begin", "DEFERRED")
        if kind is not None:
            connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


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
    if "full" in low or ("disk i/o" in low and _free_bytes(path) < _FREE_BYTES):
        return DiskFull(f"no room on the disk for {path}", hint="free some space, then run the same again")
    if "readonly" in low or "unable to open" in low:
        return HomeNotWritable(
            f"{path} cannot be written: {reason}", hint="choose a folder that you may write to: --home DIR"
        )
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


def newer(path: Path, revision: str) -> CatalogNewer:
    """Make the error for a schema that this version does not know."""
    return CatalogNewer(
        f"the catalog {path} has schema {revision}, this ragsvc knows up to {REVISION}",
        hint="upgrade ragsvc, or use another home: --home DIR",
    )


def _free_bytes(path: Path) -> int:
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return 0


def batches(items: Sequence[T], size: int = 1000) -> Iterator[Sequence[T]]:
    """Cut a sequence into slices of at most `size`, so that a statement has few parameters."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def now() -> str:
    """The time as stored: ISO 8601 UTC with milliseconds; as text it sorts by time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Section:
    """One part of the catalog: methods over the shared database."""

    def __init__(self, database: Database) -> None:
        self._db = database
