"""The write-ahead log: it is emptied when it can be, and nobody waits for a long reader."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_building import ME, document, sync

from ragsvc.errors import StorageError
from ragsvc.store import engine
from ragsvc.store.catalog import Catalog
from ragsvc.store.lock import WriterLock

MARK = "Xylophagous"


@pytest.fixture
def reader(catalog: Catalog) -> Iterator[sqlite3.Connection]:
    """A read transaction that goes on, as a long check has."""
    sync(catalog, "c", {"a": document("words")})
    connection = sqlite3.connect(catalog.home.path / "catalog.db", isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM chunk").fetchone()
    yield connection
    connection.close()


def timeouts(catalog: Catalog) -> set[int]:
    """What the pooled connections are set to, in ms."""
    with catalog._db.read() as one, catalog._db.read() as other:
        return {each.exec_driver_sql("PRAGMA busy_timeout").scalar_one() for each in (one, other)}


def log_bytes(home: Path) -> int:
    return (home / "catalog.db-wal").stat().st_size


def test_writers_do_not_wait_for_a_long_reader(
    catalog: Catalog, reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []
    checkpoint = engine.Database.checkpoint

    def counted(database: engine.Database) -> bool:
        attempts.append(checkpoint(database))
        return attempts[-1]

    monkeypatch.setattr(engine.Database, "checkpoint", counted)
    monkeypatch.setattr(engine, "WAL_LIMIT_BYTES", 50_000)
    monkeypatch.setattr(engine, "BACK_OFF_S", 100.0)
    for i in range(10):
        catalog.versions.put([document(f"{i} " * 20_000)])
    assert attempts == [False]  # not again after each write
    assert log_bytes(catalog.home.path) > 200_000
    assert timeouts(catalog) == {int(engine.BUSY_TIMEOUT_S * 1000)}
    reader.execute("ROLLBACK")
    catalog._db._bound_at = 0.0
    catalog.versions.put([document("one more")])
    assert attempts == [False, True]
    assert log_bytes(catalog.home.path) == 0


def test_a_deletion_leaves_the_log_to_a_later_write(
    catalog: Catalog, reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BACK_OFF_S", 0.0)
    monkeypatch.setattr(engine, "PATIENCE_S", 0.5)
    sync(catalog, "gone", {"x": document(f"{MARK} text " * 100)})
    free = []
    sleep = time.sleep

    def look(seconds: float) -> None:
        with WriterLock(catalog.home.path).hold(0):
            free.append(True)
        sleep(seconds)

    monkeypatch.setattr(engine.time, "sleep", look)
    catalog.deletion.delete_corpus(ME, "gone")
    assert len(free) >= 2  # others could write between the attempts
    monkeypatch.undo()
    monkeypatch.setattr(engine, "BACK_OFF_S", 0.0)
    files = [catalog.home.path / name for name in ("catalog.db", "catalog.db-wal")]
    assert any(MARK.encode() in path.read_bytes() for path in files)
    catalog.versions.put([document("small")])  # the reader is still there
    reader.execute("ROLLBACK")
    catalog._db._bound_at = 0.0
    catalog.versions.put([document("smaller")])
    assert not any(MARK.encode() in path.read_bytes() for path in files)
    assert catalog.deletion.empty_log()


def test_a_checkpoint_that_fails_is_owed_and_leaves_connections_as_they_were(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(catalog, "gone", {"x": document(f"{MARK} text")})
    checkpoint = engine.Database.checkpoint

    def fail(database: engine.Database) -> bool:
        checkpoint(database)
        raise StorageError("disk I/O error")

    monkeypatch.setattr(engine.Database, "checkpoint", fail)
    monkeypatch.setattr(engine, "PATIENCE_S", 0.0)
    catalog.deletion.delete_corpus(ME, "gone")  # it is committed, whatever happens to the log
    assert not catalog.deletion.empty_log()
    monkeypatch.undo()
    assert catalog.deletion.empty_log()
    assert timeouts(catalog) == {int(engine.BUSY_TIMEOUT_S * 1000)}
