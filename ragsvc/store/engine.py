"""Opening the database: pragmas, transactions, migrations, and the translation of its errors."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, create_engine, event, func, select, text
from sqlalchemy.dialects import sqlite

from ragsvc.crashpoints import crash_point
from ragsvc.errors import CatalogNewer, DiskFull, StorageError, WriterBusy
from ragsvc.store.lock import WriterLock
from ragsvc.store.sqlite_errors import damaged, free_bytes, translated

T = TypeVar("T")

REVISION = "0009"
"""The newest migration; a test compares it with the scripts."""

BUSY_TIMEOUT_S = 30.0
WAL_LIMIT_BYTES = 64 * 2**20
# Checkpoints: how long one waits for those who are in the way, enough for short reads to end; the pause
# after one that was in vain; for how long and how often `empty_log` tries.
_GRACE_MS = 50
BACK_OFF_S = 1.0
PATIENCE_S = 5.0
_ATTEMPT_S = 0.2


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
    all processes closes holds an exclusive file lock, so no other can overlap it. None waits
    for a long reader: it would keep all writers waiting with it.
    """

    def __init__(self, path: Path, engine: Engine, lock: WriterLock) -> None:
        self.path = path
        self.lock = lock
        self._engine = engine
        self._wal = path.with_name(path.name + "-wal")
        self._owed = False
        self._bound_at = 0.0

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
        """Empty the write-ahead log when it is large, or must be emptied, and nobody is in the way."""
        if time.monotonic() < self._bound_at:
            return
        try:
            if not self._owed and self._wal.stat().st_size < WAL_LIMIT_BYTES:
                return
        except FileNotFoundError:
            return
        # Whoever holds the lock, or a later write, will do what fails here; the transaction
        # before it is committed, so it must not look as if it had failed.
        with suppress(WriterBusy, StorageError):
            self._try_checkpoint()

    def owe_checkpoint(self) -> None:
        """Have the log emptied, whatever its size, because it holds the pages of what was deleted.

        `empty_log` does it, or else the first write of this process after the reader in the way is gone.
        """
        self._owed = True

    def empty_log(self) -> bool:
        """Do the checkpoint that is owed; while a reader is in the way try again for PATIENCE_S.

        No lock is held between the attempts. A thread that holds the writer lock tries once.

        :return: whether none is owed any more.
        """
        deadline = time.monotonic() + PATIENCE_S
        while self._owed:
            with suppress(WriterBusy, StorageError):
                self._try_checkpoint()
            if self.lock.held or time.monotonic() > deadline:
                break
            if self._owed:
                time.sleep(_ATTEMPT_S)
        return not self._owed

    def _try_checkpoint(self) -> None:
        with nullcontext() if self.lock.held else self.lock.hold(timeout_s=0):
            owed = self._owed
            if owed:
                # Before it, as what another thread deletes from now on may be too late for it.
                self._owed = False
            done = False
            try:
                done = self.checkpoint()
            finally:
                if not done:
                    self._owed = self._owed or owed
                    self._bound_at = time.monotonic() + BACK_OFF_S

    def checkpoint(self) -> bool:
        """Move the whole log into the database file and empty it; the writer lock is held.

        It hardly waits: meanwhile it holds the lock of SQLite's writers too.

        :return: False when a reader or writer was in the way.
        """
        with translated(self.path), self._engine.connect() as connection:
            connection = connection.execution_options(ragsvc_begin=None)
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_GRACE_MS}").close()
            try:
                row = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            finally:
                # The connection goes back to the pool.
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000:.0f}").close()
        return int(row[0]) == 0

    def vacuum(self) -> int:
        """Rewrite the file without its free pages; the writer lock is held.

        The file shrinks when the log is emptied, which is owed then.

        :return: bytes of file and log before.
        :raises DiskFull: if there is no room for the copy that this makes; the file stays as it was.
        """
        self.checkpoint()
        before = self.size_bytes()
        if free_bytes(self.path) < before:
            raise DiskFull(
                f"no room on the disk for a copy of {self.path}",
                hint="free as much space as the catalog takes; without --vacuum none is needed",
            )
        with translated(self.path), self._engine.connect() as connection:
            connection.execution_options(ragsvc_begin=None).execute(text("VACUUM"))
        crash_point("store.vacuum")
        self.owe_checkpoint()
        return before

    def faults(self) -> list[str]:
        """What the database itself finds wrong with its file; [] when nothing."""
        with self.read() as connection:
            lines = [str(line) for line in connection.execute(text("PRAGMA integrity_check(10)")).scalars()]
            found = [] if lines == ["ok"] else lines
            for row in connection.execute(text("PRAGMA foreign_key_check")).all()[:10]:
                found.append(f"row {row[1]} of {row[0]} refers to a missing row of {row[2]}")
        return found

    def reusable_bytes(self) -> int:
        """Free pages inside the file, which new content fills first."""
        with self.read() as connection:
            pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
            size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return int(pages) * int(size)

    def size_bytes(self) -> int:
        """Bytes of the file and of its log."""
        return sum(path.stat().st_size for path in (self.path, self._wal) if path.exists())

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

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
        # Questions and documents among them would come into the log with the errors.
        hide_parameters=True,
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


def among(column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a column is one of many integers, more than a statement may have parameters."""
    rows = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(rows.c.value))


def newer(path: Path, revision: str) -> CatalogNewer:
    """Make the error for a schema that this version does not know."""
    return CatalogNewer(
        f"the catalog {path} has schema {revision}, this ragsvc knows up to {REVISION}",
        hint="upgrade ragsvc, or use another home: --home DIR",
    )


def batches(items: Sequence[T], size: int = 1000) -> Iterator[Sequence[T]]:
    """Cut a sequence into slices of at most `size`, so that a statement has few parameters."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def now() -> str:
    """The time as stored: ISO 8601 UTC with milliseconds; as text it sorts by time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Repository:
    """One part of the catalog: methods over the shared database."""

    def __init__(self, database: Database) -> None:
        self._db = database
