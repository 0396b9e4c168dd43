"""SQLite files, Parquet files and SQL dumps: what is in a table comes out of it, and nothing of it is run."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import Failure, ParsedDocument
from ragsvc.errors import (
    BrokenDocument,
    DocumentError,
    DocumentTooLarge,
    EncryptedDocument,
    NoText,
    UnreadableFile,
    UnsupportedType,
)
from ragsvc.text.file_parser import parse_bytes, parse_file
from ragsvc.text.limits import ParseLimits
from ragsvc.text.readers.data_tables import ColumnType, column_type
from ragsvc.text.tables import whole_tables
from ragsvc.text.worker_pool import ParserPool

LIMITS = ParseLimits()
JOURNAL_MAGIC = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
SCHEMA = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, vip BOOLEAN);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT REFERENCES customers (id), placed DATE,
    paid_at DATETIME, total NUMERIC(10, 2), photo BLOB, note TEXT, twice INT GENERATED ALWAYS AS (id * 2));
CREATE TABLE nothing_yet (a INT);
CREATE VIEW dear AS SELECT * FROM orders WHERE total > 100;
CREATE INDEX by_total ON orders (total);
CREATE TRIGGER noted AFTER DELETE ON orders BEGIN
    INSERT INTO customers (name) VALUES ('lost; ' || old.id); INSERT INTO customers (name) VALUES ('x'); END;
INSERT INTO customers VALUES (1, 'Ann | Co', 1), (2, 'O''Neil; "Sons"', 0), (3, NULL, NULL);
INSERT INTO orders (id, customer_id, placed, paid_at, total, photo, note) VALUES
    (10, 1, '2024-03-05', 1709629200, 12.5, x'0001ff', 'two
lines'), (11, 2, '2024-03-06', NULL, 1.25, NULL, 'C:\\new');
"""


def database(script: str = SCHEMA) -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        return connection.serialize()


def parquet(table: pa.Table, **rest: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **rest)
    return buffer.getvalue()


def cells(text: str) -> list[tuple[str, ...]]:
    """The names and the rows of the only table of a text."""
    (table,) = whole_tables(text)
    width = len(table.names)
    return [table.names, *((*row.cells, *[""] * (width - len(row.cells))) for row in table.rows)]


def tables(parsed: ParsedDocument) -> dict[str, list[tuple[str, ...]]]:
    return {part.suffix: cells(part.document.text) for part in parsed.parts}


def dump(text: str) -> dict[str, list[tuple[str, ...]]]:
    return tables(parse_bytes(text.encode(), "shop.sql", LIMITS))


ORDERS = [
    ("id", "customer_id", "placed", "paid_at", "total", "photo", "note", "twice"),
    ("10", "1", "2024-03-05", "2024-03-05 09:00:00Z", "12.5", "(3 bytes)", "two lines", "20"),
    ("11", "2", "2024-03-06", "", "1.25", "", "C:\\new", "22"),
]
CUSTOMERS = [
    ("id", "name", "vip"),
    ("1", "Ann | Co", "true"),
    ("2", 'O\'Neil; "Sons"', "false"),
    ("3", "", ""),
]


def test_each_table_of_a_database_is_a_document_and_nothing_else_is():
    parsed = parse_bytes(database(), "shop.db", LIMITS)
    assert tables(parsed) == {"#customers": CUSTOMERS, "#orders": ORDERS}
    assert [part.document.title for part in parsed.parts] == ["customers", "orders"]
    assert parsed.warnings == ()
    assert "- nothing_yet: a\n- orders: id, customer_id (refers to customers.id), placed" in parsed.text
    assert "dear" not in parsed.text and "sqlite" not in parsed.text


def test_a_database_is_known_by_its_bytes_and_a_parquet_file_too():
    assert parse_bytes(database(), "places.unknown", LIMITS).parts
    assert "| 1 |" in parse_bytes(parquet(pa.table({"a": [1]})), "part-00", LIMITS).text
    with pytest.raises(UnsupportedType):
        parse_bytes(b"\x00\x01\x02\x03" * 100, "other.db", LIMITS)


def test_a_virtual_table_is_named_and_what_it_keeps_is_no_document():
    made = database("CREATE VIRTUAL TABLE ft USING fts5(body); INSERT INTO ft VALUES ('x'); "
                    "CREATE TABLE t (a); INSERT INTO t VALUES ('ft');")  # fmt: skip
    parsed = parse_bytes(made, "a.db", LIMITS)
    assert list(tables(parsed)) == ["#t"]
    assert [warning.message for warning in parsed.warnings] == ["1 table not read: ft (virtual)"]


def test_names_that_would_be_one_are_two():
    made = database('CREATE TABLE "a/b" (x); CREATE TABLE "c/b" (x); INSERT INTO "a/b" VALUES (1);'
                    'INSERT INTO "c/b" VALUES (2)')  # fmt: skip
    found = tables(parse_bytes(made, "a.db", LIMITS))
    assert found == {"#b": [("x",), ("1",)], "#b (2)": [("x",), ("2",)]}


@contextmanager
def busy(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A program in the middle of a transaction that is far larger than its cache."""
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute(f"PRAGMA journal_mode={mode}").fetchall()
        writer.execute("PRAGMA cache_size=2")
        writer.execute("CREATE TABLE t (a, b)")
        writer.execute("INSERT INTO t VALUES (1, 'kept')")
        writer.execute("BEGIN IMMEDIATE")
        writer.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 900) for n in range(200)])
        yield writer


def test_what_lies_in_the_log_of_a_running_program_counts_from_its_commit(tmp_path: Path):
    path = tmp_path / "live.db"
    with busy(path, "wal") as writer:
        before = {
            each.name: each.read_bytes() for each in tmp_path.iterdir() if not each.name.endswith("-shm")
        }
        assert tables(parse_file(str(path), LIMITS)) == {"#t": [("a", "b"), ("1", "kept")]}
        assert before == {name: (tmp_path / name).read_bytes() for name in before}, "nothing was written"
        writer.execute("COMMIT")
        assert len(tables(parse_file(str(path), LIMITS))["#t"]) == 202


@pytest.mark.parametrize("mode", ["delete", "persist", "truncate"])
def test_a_database_in_the_middle_of_a_transaction_waits(tmp_path: Path, mode: str):
    path = tmp_path / "live.db"
    with busy(path, mode) as writer:
        with pytest.raises(UnreadableFile) as caught:
            parse_file(str(path), LIMITS)
        assert caught.value.hint
        writer.execute("COMMIT")
        assert len(tables(parse_file(str(path), LIMITS))["#t"]) == 202


def test_a_journal_that_names_another_file_does_not_delete_it(tmp_path: Path):
    """SQLite deletes the "super-journal" that a journal names, once it has undone what the journal says."""
    path, other = tmp_path / "live.db", tmp_path / "diary.txt"
    other.write_text("dear diary")
    with busy(path, "delete"):
        crashed, journal = path.read_bytes(), Path(f"{path}-journal").read_bytes()
    name = str(other).encode()
    tail = len(name).to_bytes(4, "big") + (sum(name) & 0xFFFFFFFF).to_bytes(4, "big") + JOURNAL_MAGIC
    lock_page = (2**30 // 4096 + 1).to_bytes(4, "big")
    trap = tmp_path / "trap.db"
    trap.write_bytes(crashed)
    Path(f"{trap}-journal").write_bytes(journal + lock_page + name + tail)
    with pytest.raises(UnreadableFile):
        parse_file(str(trap), LIMITS)
    assert other.read_text() == "dear diary" and Path(f"{trap}-journal").exists()
    with closing(sqlite3.connect(trap)) as opened:
        opened.execute("SELECT count(*) FROM t").fetchall()
    assert not other.exists(), "the trap would have worked"


def test_a_database_whose_log_is_lost_is_read_as_far_as_it_goes(tmp_path: Path):
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode=wal").fetchall()
        writer.execute("CREATE TABLE t (a)")
        writer.execute("INSERT INTO t VALUES (1)")
        writer.commit()
        alone = str(shutil.copy(path, tmp_path / "alone.db"))
    with pytest.raises(NoText):
        parse_file(alone, LIMITS)
    assert parse_file(str(path), LIMITS).parts


def test_a_catalog_of_ours_is_none(tmp_path: Path):
    from ragsvc.store.catalog import Catalog

    with closing(Catalog.open(tmp_path)):
        pass
    with pytest.raises(UnsupportedType, match="catalog of a ragsvc home"):
        parse_file(str(tmp_path / "catalog.db"), LIMITS)


# --- what hostile files do --------------------------------------------------------------------


def bent(statement: str, *, script: str = SCHEMA) -> bytes:
    """A database whose schema was written into by hand."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(script)
        connection.executescript(f"PRAGMA writable_schema=ON; {statement}; PRAGMA writable_schema=OFF;")
        return connection.serialize()


@pytest.mark.parametrize(
    "made",
    [
        bent("UPDATE sqlite_schema SET sql = 'CREATE TABLE customers(' WHERE name = 'customers'"),
        bent("UPDATE sqlite_schema SET rootpage = 99999 WHERE name = 'customers'"),
        database()[:5000],
        b"SQLite format 3\x00" + b"\xff" * 4000,
        b"SQLite format 3\x00",
    ],
)
def test_a_damaged_database_says_so_with_a_hint(made: bytes):
    try:
        parsed = parse_bytes(made, "shop.db", LIMITS)
    except BrokenDocument as error:
        assert "damaged" in error.message and error.hint
    else:
        # What can be read of it is, the rest is named.
        assert [warning.code for warning in parsed.warnings] == ["tables_unread"]


def test_a_damaged_table_costs_only_itself():
    made = bytearray(
        database("CREATE TABLE a (x); CREATE TABLE b (x); INSERT INTO a VALUES (1);INSERT INTO b VALUES (2);")
    )
    made[2 * 4096 : 3 * 4096] = b"\xff" * 4096
    parsed = parse_bytes(bytes(made), "shop.db", LIMITS)
    assert tables(parsed) == {"#a": [("x",), ("1",)]}
    assert parsed.warnings[0].message == "1 table not read: b (broken)"


def test_views_that_never_end_and_functions_in_a_schema_cost_nothing():
    views = (
        "CREATE VIEW v AS WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r;"
    )
    views += "".join(f"CREATE VIEW w{n} AS SELECT * FROM w{n - 1}, w{n - 1};" for n in range(1, 40))
    large = "CREATE TABLE g (a, b AS (zeroblob(900000000))); INSERT INTO g (a) VALUES (1);"
    loads = "CREATE TABLE l (a, b AS (load_extension('x'))); INSERT INTO l (a) VALUES (1);"
    plain = "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
    parsed = parse_bytes(database(views + large + plain), "shop.db", LIMITS)
    assert list(tables(parsed)) == ["#t"]
    assert parsed.warnings[0].message == "1 table not read: g (document_too_large)"
    with pytest.raises(sqlite3.OperationalError):
        database(loads)  # SQLite itself takes no such column


def test_a_table_of_pages_that_lead_back_to_themselves_ends():
    script = "PRAGMA page_size=512; CREATE TABLE t (a);"
    script += "".join(f"INSERT INTO t VALUES ('{'x' * 200}');" for _ in range(400))
    made = bytearray(database(script))
    for page in range(1, len(made) // 512):
        if made[page * 512] == 5:  # an inner page: all of its children are itself
            for at in range(12, 40, 2):
                cell = int.from_bytes(made[page * 512 + at : page * 512 + at + 2], "big")
                made[page * 512 + cell : page * 512 + cell + 4] = (page + 1).to_bytes(4, "big")
    with pytest.raises(BrokenDocument):
        parse_bytes(bytes(made), "loop.db", LIMITS)


def test_a_table_over_the_limit_is_named_and_the_others_are_read():
    script = "CREATE TABLE big (a); CREATE TABLE small (a); INSERT INTO small VALUES ('x');"
    script += "".join(f"INSERT INTO big VALUES ('{n:0100}');" for n in range(100))
    limits = ParseLimits(max_text_chars=5000)
    parsed = parse_bytes(database(script), "shop.db", limits)
    assert list(tables(parsed)) == ["#small"]
    assert parsed.warnings[0].message == "1 table not read: big (document_too_large)"
    parsed = parse_bytes(script.encode(), "shop.sql", limits)
    assert list(tables(parsed)) == ["#small"]


def test_rows_that_a_small_parquet_file_claims_cost_nothing():
    made = parquet(pa.table({"a": pa.array([7] * 3_000_000, pa.int8())}), compression="zstd")
    assert len(made) < 30_000
    with pytest.raises(DocumentTooLarge) as caught:
        parse_bytes(made, "bomb.parquet", ParseLimits(max_text_chars=1_000_000))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (b"PAR1" + b"\xff" * 50 + b"PAR1", BrokenDocument),
        (parquet(pa.table({"a": [1, 2]}))[:-9], BrokenDocument),
        (b"PAR1" + b"\x00" * 50 + b"PARE", EncryptedDocument),
        (parquet(pa.table({"a": pa.array([], pa.int8())})), NoText),
        (b"not at all", BrokenDocument),
    ],
)
def test_what_is_no_parquet_file_says_so(made: bytes, error: type[DocumentError]):
    with pytest.raises(error):
        parse_bytes(made, "x.parquet", LIMITS)


def test_an_encrypted_or_foreign_file_of_that_name_says_so():
    with pytest.raises(BrokenDocument, match="encrypted") as caught:
        parse_bytes(b"\x8f" * 4096, "secret.sqlite", LIMITS)
    assert caught.value.hint


def test_workers_read_them_with_what_little_they_may(tmp_path: Path):
    (tmp_path / "a.db").write_bytes(database())
    (tmp_path / "b.parquet").write_bytes(parquet(pa.table({"a": [1, 2]})))
    (tmp_path / "c.sqlite3").write_bytes(database()[:3000])
    with ParserPool(1, LIMITS) as pool:
        outcomes = dict(pool.parse((path.name, str(path)) for path in sorted(tmp_path.iterdir())))
    first, second, third = (outcomes[name] for name in ("a.db", "b.parquet", "c.sqlite3"))
    assert isinstance(first, ParsedDocument) and tables(first)["#orders"] == ORDERS
    assert isinstance(second, ParsedDocument) and cells(second.text) == [("a",), ("1",), ("2",)]
    assert isinstance(third, Failure) and third.code == "broken" and "recover" in third.error


# --- Parquet ----------------------------------------------------------------------------------


def test_values_of_parquet_are_written_by_their_types():
    day = dt.datetime(2024, 3, 5, 10, 30)
    columns = {
        "id": pa.array([1, None], pa.int64()),
        "price": pa.array([Decimal("1234567890.10"), None], pa.decimal128(20, 2)),
        "ok": [True, None],
        "day": pa.array([day.date(), None]),
        "at": pa.array([day, None], pa.timestamp("us")),
        "fine": pa.array([1, None], pa.timestamp("ns")),
        "zone": pa.array([day, None], pa.timestamp("ms", "Europe/Oslo")),
        "clock": pa.array([dt.time(1, 2, 3), None]),
        "took": pa.array([1500, None], pa.duration("ms")),
        "raw": [b"abc", None],
        "kind": pa.array(["x", None]).dictionary_encode(),
        "list": [[1, 2], None],
        "map": pa.array([[("k|", 1)], None], pa.map_(pa.string(), pa.int64())),
        "rows": [[{"a": 1.5, "b": day, "c": b"x", "d": Decimal("1.10")}], None],
        "nano": pa.array([[1], None], pa.list_(pa.timestamp("ns"))),
        "small": [1e-7, float("nan")],
    }
    names, first, second = cells(parse_bytes(parquet(pa.table(columns)), "x.parquet", LIMITS).text)
    said = dict(zip(names, first, strict=True))
    rows = json.loads(said.pop("rows"))
    assert rows == [{"a": 1.5, "b": "2024-03-05 10:30:00", "c": "(1 bytes)", "d": "1.10"}]
    assert said == {
        "id": "1", "price": "1234567890.10", "ok": "true", "day": "2024-03-05", "at": "2024-03-05 10:30:00",
        "fine": "1970-01-01 00:00:00.000000001", "zone": "2024-03-05 10:30:00Z", "clock": "01:02:03",
        "took": "1500 ms", "raw": "(3 bytes)", "kind": "x", "list": "[1, 2]", "map": '{"k|": 1}',
        "nano": '["1970-01-01 00:00:00"]', "small": "0.0000001",
    }  # fmt: skip
    assert set(second) == {"", "nan"}


# --- dumps ------------------------------------------------------------------------------------


MYSQL = r"""-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
DROP TABLE IF EXISTS `orders`;
CREATE TABLE `orders` (
  `id` int NOT NULL AUTO_INCREMENT,
  `note` varchar(255) COLLATE utf8mb4_general_ci DEFAULT 'a,b' COMMENT 'what; (they said',
  `paid` tinyint(1) DEFAULT '0',
  `price` decimal(10,2) DEFAULT NULL,
  `pic` blob,
  PRIMARY KEY (`id`),
  KEY `by_price` (`price`),
  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `others` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4;
LOCK TABLES `orders` WRITE;
/*!40000 ALTER TABLE `orders` DISABLE KEYS */;
INSERT INTO `orders` VALUES (1,'It\'s; a \"test\" \\ (x), ''q'' -- no comment',1,12.50,_binary 'ab\0c'),
# between; rows
(2,'line1\nline2',0,-0.5,0xABCDEF), (3,"say ""x"" \" y", NULL , NULL,NULL);
INSERT INTO `orders` (`price`, `id`) VALUES (3.00, 4);
UNLOCK TABLES;
DELIMITER ;;
CREATE PROCEDURE p() BEGIN INSERT INTO `orders` VALUES (9,9,1,1,1); END ;;
DELIMITER ;
"""
MYSQL_ROWS = [
    ("id", "note", "paid", "price", "pic"),
    ("1", "It's; a \"test\" \\ (x), 'q' -- no comment", "true", "12.50", "(4 bytes)"),
    ("2", "line1 line2", "false", "-0.5", "(3 bytes)"),
    ("3", 'say "x" " y', "", "", ""),
    ("4", "", "", "3.00", ""),
]
POSTGRES = r"""--
-- PostgreSQL database dump
--
\restrict abc'def
CREATE FUNCTION public.f() RETURNS trigger AS $_$ BEGIN INSERT INTO a VALUES ('x'); END; $_$;
CREATE TABLE public.orders (id integer NOT NULL, paid boolean DEFAULT false, note text, raw bytea, doc jsonb);
COPY public.orders (id, paid, note, raw, doc) FROM stdin;
1	t	tab\there \\ ; 'q'	\\x0102	{"a": 1}
2	f		\N	\N
3	\N	INSERT INTO x VALUES (1);	\N	\N
\.

INSERT INTO sales.leads (b, a) VALUES ('it''s; \n raw', E'esc\n\'x'), ('{"a": 2}'::jsonb, NULL);
ALTER TABLE ONLY public.orders ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES public.others(id);
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_dump_of_mysql(ending: str):
    assert dump(MYSQL.replace("\n", ending)) == {"#orders": MYSQL_ROWS}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_dump_of_postgresql(ending: str):
    assert dump(POSTGRES.replace("\n", ending)) == {
        "#orders": [
            ("id", "paid", "note", "raw", "doc"),
            ("1", "true", "tab here \\ ; 'q'", "(2 bytes)", '{"a": 1}'),
            ("2", "false", "", "", ""),
            ("3", "", "INSERT INTO x VALUES (1);", "", ""),
        ],
        "#sales.leads": [("b", "a"), ("it's; \\n raw", "esc 'x"), ('{"a": 2}', "")],
    }


def test_the_dump_of_a_database_says_what_the_database_says():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA.replace(", twice INT GENERATED ALWAYS AS (id * 2)", ""))
        script = "\n".join(connection.iterdump())
    assert dump(script) == {"#customers": CUSTOMERS, "#orders": [row[:-1] for row in ORDERS]}


def test_functions_in_which_sqlite_wraps_line_ends_are_read():
    script = r"""INSERT INTO t VALUES(replace(replace('a\r\nb','\r',char(13)),'\n',char(10)),
        unistr('c\u000ad\\e'),
        lower('X'), -3, +2.50, NULL, TRUE, 1e3, ((4)), ARRAY[1,2], current_date);"""
    (rows,) = dump(script).values()
    assert rows[1] == (
        "a b", "c d\\e", "lower('X')", "-3", "2.50", "", "true", "1000", "4", "ARRAY[1,2]", "current_date",
    )  # fmt: skip


def test_what_is_no_row_stays_the_text_of_the_dump():
    parsed = parse_bytes(MYSQL.encode(), "shop.sql", LIMITS)
    assert parsed.media_type == "text/x-sql"
    assert "CREATE PROCEDURE p()" in parsed.text and "REFERENCES `others` (`id`)" in parsed.text
    assert "line1" not in parsed.text and "between; rows" not in parsed.text
    only_rows = parse_bytes(b"INSERT INTO a (x, y) VALUES (1, 2);", "a.sql", LIMITS)
    assert only_rows.text == "Tables of this database:\n\n- a: x, y\n"


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE a (b int);",
        "INSERT INTO a SELECT * FROM b;",
        "INSERT INTO a VALUES (1);\nUPDATE a SET b = 2;",
        "INSERT INTO a VALUES (1);\nDELETE FROM a WHERE b = 2;",
        "INSERT INTO a VALUES (1);\nALTER TABLE a ADD COLUMN c int DEFAULT 3;",
        "INSERT INTO a VALUES (1) ON DUPLICATE KEY UPDATE b = 2;",
        "INSERT INTO a VALUES ('1, 2);\nINSERT INTO b VALUES (1);",
        "INSERT INTO a VALUES (1)\nGO\nINSERT INTO a VALUES (2)\nGO",
        "SET x ON\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);",
        "BEGIN INSERT INTO a VALUES (1); INSERT INTO a VALUES (2); END;",
        "INSERT OR IGNORE INTO a VALUES (1);\nINSERT OR IGNORE INTO a VALUES (1);",
        "REPLACE INTO a VALUES (1);",
        "BEGIN;\nINSERT INTO a VALUES (1);\nROLLBACK;",
        "INSERT INTO a VALUES (1);\nWITH x AS (SELECT 1) DELETE FROM a;",
        "INSERT INTO a VALUES (1);\nDO $$ BEGIN DELETE FROM a; END $$;",
        "INSERT INTO a VALUES (1);\nPREPARE x FROM 'DELETE FROM a';\nEXECUTE x;",
        "-- MySQL dump\nINSERT INTO a VALUES (1);\n/*!50000 DELETE FROM a */;",
        "CREATE TABLE a (b int);\nCOPY a FROM stdin;\n1\n2\n",
        "INSERT INTO a (b) VALUES (1);\nINSERT INTO a (b) VALUES (2) ON CONFLICT DO NOTHING;",
        "WITH x AS (SELECT 1) INSERT INTO a SELECT * FROM x;\nINSERT INTO b VALUES (1);",
        "INSERT INTO a VALUES (1, 2);\nCREATE TABLE a (b int);",
        "CREATE PROCEDURE p() BEGIN IF x THEN SELECT 1; END IF; INSERT INTO a VALUES (1); END;",
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (1); INSERT INTO c VALUES (2); END;",
        "SELECT 'INSERT INTO a VALUES (1);' /* INSERT INTO a VALUES (1); */ -- INSERT INTO a VALUES (1);",
    ],
)
def test_a_script_that_leaves_nobody_knows_what_is_text_as_it_was(script: str):
    parsed = parse_bytes(script.encode(), "a.sql", LIMITS)
    assert (parsed.text, parsed.parts, parsed.media_type) == (script, (), "text/x-sql")


def test_what_a_dump_says_besides_leaves_its_rows_as_they_are():
    copied = "CREATE TABLE a (b int);\nCOPY a FROM stdin;\n1\n\\.\nGRANT SELECT, DELETE ON TABLE a TO joe;\n"
    assert dump(copied) == {"#a": [("b",), ("1",)]}
    set_up = "-- MySQL dump\nINSERT INTO a (b) VALUES (1);\n/*!40000 ALTER TABLE a ENABLE KEYS */;\n"
    assert dump(set_up) == {"#a": [("b",), ("1",)]}
    broken = "CREATE TABLE c (d int;\nINSERT INTO a (b) VALUES (1);\nINSERT INTO a (b) VALUES (2);\n"
    assert dump(broken) == {"#a": [("b",), ("1",), ("2",)]}


def test_tables_of_several_databases_in_one_dump_are_told_apart():
    found = dump("USE `a`;\nINSERT INTO `t` VALUES (1);\nUSE `b`;\nINSERT INTO `t` VALUES (2);\n")
    assert found == {"#a.t": [("column 1",), ("1",)], "#b.t": [("column 1",), ("2",)]}
    assert found == dump("-- MySQL dump\nINSERT INTO `a`.`t` VALUES (1);\nINSERT INTO `b`.`t` VALUES (2);\n")


@given(st.text(alphabet="'\"`\\;(),-/*$#\n aEx0.INSERTVALUES", max_size=60))
def test_no_script_breaks_the_reader(script: str):
    parsed = parse_bytes(b"INSERT INTO a VALUES (1);\n" + script.encode(), "a.sql", LIMITS)
    assert parsed.text.strip()


# --- round trips ------------------------------------------------------------------------------


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff")
    | st.sampled_from("\n\t'\\|;,"),
    max_size=12,
).filter(lambda text: "<br" not in text.lower())
WHOLES = st.integers(-(2**63), 2**63 - 1)
REALS = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.tuples(WHOLES, st.none() | TEXTS, st.none() | REALS, st.none() | st.binary(max_size=9)),
    min_size=1,
    max_size=8,
)


def flat(text: str | None) -> str:
    return " ".join((text or "").split())


def check(found: list[tuple[str, ...]], rows: Sequence[tuple[int, str | None, float | None, bytes | None]]):
    assert found[0] == ("key", "words", "size", "raw")
    assert len(found) == len(rows) + 1
    for (key, words, size, raw), (k, w, s, r) in zip(found[1:], rows, strict=True):
        assert (key, words) == (str(k), flat(w))
        # SQLite's own dump writes the smallest numbers with an error in the last places.
        assert (float(size) if size else None) == (s if s is None else pytest.approx(s, rel=1e-13, abs=0))
        assert raw == ("" if r is None else f"({len(r)} bytes)")


def filled(rows: Sequence[tuple[object, ...]]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (key INTEGER, words TEXT, size REAL, raw BLOB)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    return connection


@given(ROWS)
def test_what_goes_into_sqlite_comes_out_of_its_file_and_of_its_dump(rows: list[Any]):
    with closing(filled(rows)) as connection:
        data, script = connection.serialize(), "\n".join(connection.iterdump())
    check(tables(parse_bytes(data, "a.db", LIMITS))["#t"], rows)
    check(dump(script)["#t"], rows)


@given(ROWS)
def test_what_goes_into_parquet_comes_out_of_it(rows: list[Any]):
    kinds = (pa.int64(), pa.string(), pa.float64(), pa.binary())
    columns = [
        pa.array(list(column), kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)
    ]
    made = parquet(pa.table(columns, names=["key", "words", "size", "raw"]))
    check(cells(parse_bytes(made, "a.parquet", LIMITS).text), rows)


def copied(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    escapes = {"\\": "\\\\", "\n": "\\n", "\t": "\\t"}
    return "".join(escapes.get(char, char) for char in str(value))


def quoted(value: object, *, backslash: bool) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str):
        text = value.replace("\\", "\\\\").replace("\n", "\\n") if backslash else value
        return "'" + text.replace("'", "\\'" if backslash else "''") + "'"
    return repr(value)


@given(ROWS)
def test_what_is_written_into_dumps_of_servers_comes_out_of_them(rows: list[Any]):
    lines = "\n".join("\t".join(map(copied, row)) for row in rows)
    pg = (
        "-- PostgreSQL database dump\nCREATE TABLE public.t (key bigint, words text, size real, raw bytea);\n"
    )
    check(dump(f"{pg}COPY public.t (key, words, size, raw) FROM stdin;\n{lines}\n\\.\n")["#t"], rows)
    for head, backslash in ((pg, False), ("-- MySQL dump 10.13\n", True)):
        listed = ",".join(
            "(" + ",".join(quoted(value, backslash=backslash) for value in row) + ")" for row in rows
        )
        check(dump(f"{head}INSERT INTO t (key, words, size, raw) VALUES {listed};\n")["#t"], rows)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_decimals_are_exact(value: Decimal):
    made = parquet(pa.table({"a": pa.array([value], pa.decimal128(20, 3))}))
    assert Decimal(cells(parse_bytes(made, "a.parquet", LIMITS).text)[1][0]) == value


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("BOOLEAN", ColumnType.BOOLEAN), ("tinyint(1)", ColumnType.BOOLEAN), ("int(4)", ColumnType.NUMBER),
        ("Date", ColumnType.DATE), ("timestamp without time zone", ColumnType.MOMENT),
        ("bigint unsigned", ColumnType.NUMBER), ("NUMERIC(10,2)", ColumnType.NUMBER), ("", ColumnType.ANY),
        ("double precision", ColumnType.NUMBER), ("interval", ColumnType.ANY), ("bytea", ColumnType.BINARY),
        ("character varying(10)", ColumnType.ANY), ("point", ColumnType.ANY),
    ],
)  # fmt: skip
def test_types_as_schemas_declare_them(declared: str, kind: ColumnType):
    assert column_type(declared) is kind
