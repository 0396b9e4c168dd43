"""SQLite files: the rows of each table, from a copy in memory that nothing can be run in or written to."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from ragsvc.domain import ParsedDocument
from ragsvc.errors import BrokenDocument, DocumentTooLarge, UnreadableFile, UnsupportedType
from ragsvc.text.file_types import SQLITE_MAGIC
from ragsvc.text.limits import MIB, ParseLimits
from ragsvc.text.readers.data_tables import (
    DataColumn,
    DataTable,
    column_type,
    database_document,
    shadow_names,
)

_RECOVERY_HINT = "Restore a copy, or try: sqlite3 old.db .recover | sqlite3 new.db"
_HALF_WRITTEN_HINT = "Run it again later; after a crash open it once with the program that wrote it."
_JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_LOG_MODE, _PLAIN_MODE = b"\x02\x02", b"\x01\x01"
_MODE_AT = slice(18, 20)
_HIDDEN_COLUMN = 1
# A catalog of ragsvc holds what is in the corpora already, and records beside it.
_CATALOG = frozenset({"alembic_version", "corpus", "membership", "document_version", "parse_cache"})
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 64 * MIB,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: MIB,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 2,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})
_PRAGMAS = frozenset({"table_xinfo", "foreign_key_list"})


def log_of(path: str) -> Path | None:
    """The write-ahead log beside a database, without which its last commits are missing; None for none."""
    log = Path(path + "-wal")
    return log if log.is_file() and not log.is_symlink() and log.stat().st_size else None


def as_committed(data: bytes, path: str, name: str, limits: ParseLimits) -> bytes:
    """The bytes of a database after its last commit, which may lie in the log beside it.

    :raises UnreadableFile: if a transaction is half in the file. :raises DocumentError: if the log cannot be
        taken in, which SQLite does on a copy.
    """
    try:
        if _is_half_written(Path(path + "-journal")):
            raise UnreadableFile(f"{name} is in the middle of a transaction", hint=_HALF_WRITTEN_HINT)
        log = log_of(path)
        if log is None:
            return data
        if len(data) + log.stat().st_size > limits.max_file_bytes:
            raise DocumentTooLarge(
                f"{name} and its log have more than {limits.max_file_bytes // MIB} MiB",
                hint="Close the program that writes it.",
            )
        with TemporaryDirectory(prefix="database-") as folder:
            copy = Path(folder) / "copy.db"
            copy.write_bytes(data)
            Path(f"{copy}-wal").write_bytes(log.read_bytes())
            with closing(sqlite3.connect(copy)) as connection:
                connection.execute("PRAGMA trusted_schema=OFF")
                connection.execute("PRAGMA journal_mode=DELETE").fetchall()
            return copy.read_bytes()
    except sqlite3.Error as error:
        raise BrokenDocument(f"{name} and its log are damaged: {error}", hint=_RECOVERY_HINT) from error
    except OSError as error:
        raise UnreadableFile(f"{name} changed while it was read: {error}", hint="Run it again.") from error


def _is_half_written(journal: Path) -> bool:
    """Whether a rollback journal is in use, or was left by a crash.

    It is never handed to SQLite: it may name another file, which SQLite would then delete.
    """
    if not journal.is_file():
        return False
    with journal.open("rb") as stream:
        return stream.read(len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC


def read_database(data: bytes, name: str, limits: ParseLimits) -> ParsedDocument:
    """Read the tables of a database; views, indexes and triggers are none.

    :raises DocumentError: if nothing of it can be read, or it is a catalog of ragsvc itself.
    """
    if not data.startswith(SQLITE_MAGIC):
        raise BrokenDocument(
            f"{name} is no SQLite database, or an encrypted one", hint="Export a copy without a password."
        )
    if data[_MODE_AT] == _LOG_MODE:
        # A copy in memory has no log beside it.
        data = data[: _MODE_AT.start] + _PLAIN_MODE + data[_MODE_AT.stop :]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
        try:
            connection.deserialize(data)
            del data
            _lock_up(connection)
            tables, virtual = _names(connection)
        except sqlite3.Error as error:
            raise BrokenDocument(f"{name} is damaged: {error}", hint=_RECOVERY_HINT) from error
        if set(tables) >= _CATALOG:
            raise UnsupportedType(
                f"{name} is the catalog of a ragsvc home", hint="Keep the folder out: .ragsvcignore"
            )
        unread = [f"{each} (virtual)" for each in virtual]
        return database_document(name, _tables(connection, tables), limits.max_text_chars, unread=unread)


def _lock_up(connection: sqlite3.Connection) -> None:
    """Allow nothing but to read tables, with small limits on what the schema can make expensive."""
    for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)

    def allowed(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_PRAGMA:
            return sqlite3.SQLITE_OK if first in _PRAGMAS else sqlite3.SQLITE_DENY
        loads = action == sqlite3.SQLITE_FUNCTION and second == "load_extension"
        return sqlite3.SQLITE_OK if action in _ALLOWED and not loads else sqlite3.SQLITE_DENY

    connection.set_authorizer(allowed)


def _names(connection: sqlite3.Connection) -> tuple[list[str], list[str]]:
    """The names of the tables that hold rows, and of those that a module of SQLite makes."""
    found = connection.execute("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    rows = [(name, page) for name, page in found if isinstance(name, str) and not name.startswith("sqlite_")]
    virtual = [name for name, page in rows if not page]
    shadows = shadow_names(virtual)
    return [name for name, page in rows if page and name not in shadows], virtual


def _tables(connection: sqlite3.Connection, names: list[str]) -> Iterator[DataTable]:
    for name in names:
        try:
            columns = _columns(connection, name)
        except sqlite3.Error:
            columns = []
        with closing(_rows(connection, name, columns)) as rows:
            yield DataTable(name, columns, rows)


def _columns(connection: sqlite3.Connection, name: str) -> list[DataColumn]:
    references: dict[str, str] = {}
    for row in connection.execute(f"PRAGMA foreign_key_list({_quoted(name)})").fetchall():
        table, column, other = row[2:5]
        references[column] = f"{table}.{other}" if other else str(table)
    return [
        DataColumn(row[1], column_type(row[2] or ""), references.get(row[1], ""))
        for row in connection.execute(f"PRAGMA table_xinfo({_quoted(name)})").fetchall()
        if row[6] != _HIDDEN_COLUMN
    ]


def _rows(
    connection: sqlite3.Connection, name: str, columns: list[DataColumn]
) -> Generator[tuple[object, ...], None, None]:
    try:
        chosen = ", ".join(_quoted(column.name) for column in columns)
        # An index may hold other rows than its table where a file is damaged.
        yield from connection.execute(f"SELECT {chosen} FROM {_quoted(name)} NOT INDEXED")  # noqa: S608
    except sqlite3.DataError as error:
        raise DocumentTooLarge(f"{name} holds a value that is too large: {error}") from error
    except sqlite3.Error as error:
        raise BrokenDocument(f"{name} is damaged: {error}", hint=_RECOVERY_HINT) from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
