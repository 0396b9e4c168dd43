"""Opening: from blank, from damage, from a newer schema, and with a full disk."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text
from store_building import ME, SPEC, document, sync, texts

from ragsvc.errors import CatalogDamaged, CatalogNewer, DiskFull, HomeNotFound, HomeNotWritable, StorageError
from ragsvc.store import engine
from ragsvc.store.catalog import Catalog
from ragsvc.store.engine import REVISION
from ragsvc.store.lock import WriterLock
from ragsvc.store.migrations import configuration
from ragsvc.store.tables import metadata


def test_migrations_from_blank_give_exactly_the_tables(catalog: Catalog) -> None:
    scripts = ScriptDirectory.from_config(configuration())
    assert scripts.get_current_head() == REVISION
    with catalog._db.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        stored = inspect(connection)
        for table in metadata.tables.values():
            names = {index["name"] for index in stored.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= names
            created = connection.execute(
                text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table.name}
            ).scalar_one()
            wants_autoincrement = bool(table.dialect_options["sqlite"]["autoincrement"])
            assert ("AUTOINCREMENT" in created) is wants_autoincrement, table.name


def test_the_settings_that_keep_promises(catalog: Catalog) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "wal_autocheckpoint": 0,
    }
    with catalog._db.read() as connection:
        got = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted}
    assert got == wanted


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    Catalog.open(tmp_path).close()
    path = tmp_path / "catalog.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogNewer) as caught:
        Catalog.open(tmp_path)
    assert "9999" in caught.value.message
    assert "upgrade" in caught.value.hint
    assert path.read_bytes() == before


def test_damaged_files_are_refused_with_what_to_type(tmp_path: Path) -> None:
    with Catalog.open(tmp_path) as catalog:
        sync(catalog, "c", {f"d{i}": document(f"text {i} " * 200) for i in range(40)})
    path = tmp_path / "catalog.db"
    good = path.read_bytes()
    for bad in (b"not a database, " * 500, b"\x00" * 8192 + good[8192:], good[:5000], good[: len(good) // 2]):
        path.write_bytes(bad)
        with pytest.raises(CatalogDamaged) as caught, Catalog.open(tmp_path) as catalog:
            texts(catalog, "c")
        assert "mv " in caught.value.hint
        assert str(path) in caught.value.message
    path.write_bytes(good)
    with Catalog.open(tmp_path) as catalog:
        assert len(texts(catalog, "c")) == 40


def test_somebody_elses_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogDamaged):
        Catalog.open(tmp_path)
    assert path.read_bytes() == before


def test_homes_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "home" / "catalog.db").mkdir(parents=True)
    for home in (file, file / "below", tmp_path / "home"):
        with pytest.raises(HomeNotWritable) as caught:
            Catalog.open(home)
        assert "--home" in caught.value.hint
        with pytest.raises(HomeNotWritable):
            Catalog.open(home, create=False)


def test_a_home_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for home in (tmp_path / "none" / "below", tmp_path / "empty"):
        with pytest.raises(HomeNotFound) as caught:
            Catalog.open(home, create=False)
        assert str(home) in caught.value.message
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]
    Catalog.open(tmp_path / "empty").close()
    Catalog.open(tmp_path / "empty", create=False).close()


def test_a_home_with_an_awkward_name(tmp_path: Path) -> None:
    home = tmp_path / "a b?c#d%20é&mode=ro"
    with Catalog.open(home) as catalog:
        sync(catalog, "c", {"a": document("x")})
    assert (home / "catalog.db").is_file()


def test_a_full_disk_is_named_and_loses_nothing(catalog: Catalog) -> None:
    sync(catalog, "c", {"a": document("kept")})
    pages = [0]

    @event.listens_for(catalog._db._engine, "connect")
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        if pages[0]:
            connection.execute(f"PRAGMA max_page_count={pages[0]}")

    catalog._db.checkpoint()
    catalog._db._engine.dispose()
    pages[0] = 60
    with pytest.raises(DiskFull) as caught:
        catalog.versions.put([document("x" * 1_000_000)])
    assert caught.value.hint
    catalog._db._engine.dispose()
    pages[0] = 0
    sync(catalog, "c", {"a": document("kept"), "b": document("x" * 1_000_000)})
    assert texts(catalog, "c")["a"] == "kept"


def test_the_log_stays_bounded(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "WAL_LIMIT_BYTES", 200_000)
    wal = catalog.home.path / "catalog.db-wal"
    sizes = []
    for i in range(30):
        catalog.versions.put([document(f"{i} " * 20_000)])
        sizes.append(wal.stat().st_size)
    assert max(sizes) < 400_000
    with WriterLock(catalog.home.path).hold():  # this thread holds it: checkpoints go on
        catalog.versions.put([document("y " * 200_000)])
    assert wal.stat().st_size == 0


def test_a_failing_checkpoint_does_not_undo_a_commit(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: object) -> bool:
        raise StorageError("disk I/O error")

    monkeypatch.setattr(engine, "WAL_LIMIT_BYTES", 0)
    monkeypatch.setattr(engine.Database, "checkpoint", fail)
    sync(catalog, "c", {"a": document("x")})
    assert texts(catalog, "c") == {"a": "x"}


def test_several_processes_may_open_a_new_home_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ragsvc.store.catalog import Catalog;"
        "c = Catalog.open(Path(sys.argv[1])); print(c.corpora.latest_commit()); c.close()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "new")], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate()[0] for process in started] == [b"0\n"] * 3
    with Catalog.open(tmp_path / "new") as catalog:
        assert catalog.corpora.create(ME, "c", SPEC).commit == 0
