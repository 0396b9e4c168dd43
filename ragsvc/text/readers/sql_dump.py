"""SQL dumps: the rows that INSERT and COPY would put into tables. Nothing of a dump is ever run.

Read from left to right, each character a bounded number of times: what is not understood is left as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from ragsvc.domain import ParsedDocument
from ragsvc.errors import NoText
from ragsvc.text.limits import ParseLimits
from ragsvc.text.readers.data_tables import (
    DataColumn,
    DataTable,
    column_type,
    database_document,
    shadow_names,
)
from ragsvc.text.readers.sql_tokens import Dialect, SqlToken, SqlTokens, TokenKind, dialect_of
from ragsvc.text.readers.sql_values import copied_row, row_values

_ROUTINES = frozenset({"TRIGGER", "FUNCTION", "PROCEDURE", "EVENT", "RULE"})
# How far behind CREATE the kind of thing may stand: DEFINER = `root`@`localhost` FUNCTION.
_KIND_WITHIN = 12
_CONSTRAINTS = frozenset({"PRIMARY", "UNIQUE", "CONSTRAINT", "FOREIGN", "CHECK", "EXCLUDE", "LIKE"})
_MYSQL_CONSTRAINTS = _CONSTRAINTS | {"KEY", "INDEX", "FULLTEXT", "SPATIAL"}
# What ends the type of a column.
_AFTER_TYPE = frozenset(
    {
        *("NOT", "NULL", "DEFAULT", "PRIMARY", "UNIQUE", "REFERENCES", "CHECK", "COLLATE", "CONSTRAINT"),
        *(
            "GENERATED",
            "AS",
            "AUTO_INCREMENT",
            "AUTOINCREMENT",
            "COMMENT",
            "CHARACTER",
            "CHARSET",
            "ON",
            "KEY",
        ),
    }
)
_CHANGES = frozenset({"UPDATE", "DELETE", "TRUNCATE", "DROP", "MERGE", "ALTER"})
# What runs statements that stand in strings, or in the database.
_RUNS = frozenset({"DO", "CALL", "EXEC", "EXECUTE", "PREPARE", "EXPLAIN"})
_TAKES_BACK = frozenset({"ROLLBACK", "ABORT"})
# MySQL runs such comments; those of its own dumps set variables and drop views.
_RUN_COMMENT = re.compile(
    r"/\*![0-9]{0,9}[ \t]{0,9}(?:UPDATE|DELETE|TRUNCATE|INSERT|REPLACE)\b", re.IGNORECASE
)
_BEFORE_NAME = frozenset(
    {
        *("TABLE", "FROM", "INTO", "ONLY", "IF", "EXISTS", "OR", "IGNORE", "REPLACE", "ROLLBACK", "ABORT"),
        *("FAIL", "LOW_PRIORITY", "QUICK"),
    }
)
_COPY_ENDS = ("\n\\.\n", "\n\\.")
# No database has more; a script could name new ones for ever.
_MAX_COLUMNS = 2000
_USUAL_SCHEMAS = frozenset({"", "public", "main", "dbo"})


@dataclass(slots=True)
class _Table:
    """What a dump says of one table.

    spans: of the statements that its rows come from. is_sure: whether its rows are what the statements would
    leave in it; later ones may change them.
    """

    name: str
    database: str
    columns: list[DataColumn] = field(default_factory=list)
    rows: list[list[object]] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    is_sure: bool = True
    _known_places: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    def places(self, names: tuple[str, ...]) -> list[int]:
        """The places of columns; those that there are not are made."""
        if names not in self._known_places:
            self._known_places[names] = [self._place_of(name) for name in names]
        return self._known_places[names]

    def _place_of(self, name: str) -> int:
        small = name.casefold()
        for place, column in enumerate(self.columns):
            if column.name.casefold() == small:
                return place
        self.columns.append(DataColumn(name))
        return len(self.columns) - 1

    def padded(self) -> Iterator[list[object]]:
        """Its rows, all of one width."""
        width = len(self.columns)
        return (row + [None] * (width - len(row)) for row in self.rows)


def read_dump(text: str, name: str, limits: ParseLimits) -> ParsedDocument | None:
    """The tables of a dump with their rows, and the rest of it as its own text.

    :param text: with "\\n" as line end.
    :return: None for a script without rows, or of which nobody can say what rows it leaves.
    :raises DocumentError: if no table of it is within the limits.
    """
    dump = _DumpReader(text)
    dump.read()
    tables = sorted(dump.sure_tables(), key=lambda table: (table.database, table.name))
    if not tables:
        return None
    several = len({table.database for table in dump.tables.values()}) > 1
    found = [
        DataTable(f"{each.database}.{each.name}" if several else each.name, each.columns, each.padded())
        for each in tables
    ]
    unread = [
        f"{table.name} (what rows it has is not certain)"
        for table in dump.tables.values()
        if not table.is_sure
    ]
    rest = _without(text, sorted(span for table in tables for span in table.spans))
    try:
        return database_document(name, found, limits.max_text_chars, text=rest, unread=unread)
    except NoText:
        return None


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    kept: list[str] = []
    last = 0
    for start, end in spans:
        kept.append(text[last:start])
        last = end + (text[end : end + 1] == "\n")
    kept.append(text[last:])
    rest = "".join(kept)
    return rest if rest.strip() else ""


class _DumpReader:
    """Goes through the statements of a dump."""

    def __init__(self, text: str) -> None:
        self.dialect = dialect_of(text)
        self.tables: dict[tuple[str, str], _Table] = {}
        self._tokens = SqlTokens(text, self.dialect)
        self._database = ""
        self._is_lost = self.dialect is Dialect.MYSQL and _RUN_COMMENT.search(text) is not None

    def sure_tables(self) -> list[_Table]:
        """Tables whose rows are known; none that belong to a system or to an index.

        None at all where a statement without its end took in an INSERT, of whatever table.
        """
        if self._is_lost:
            return []
        schema = self.tables.pop(("", "sqlite_schema"), None) or self.tables.pop(("", "sqlite_master"), None)
        virtual = [str(row[1]) for row in schema.rows if len(row) > 1] if schema else []
        left_out = shadow_names(virtual)
        return [
            table
            for table in self.tables.values()
            if table.rows
            and table.is_sure
            and table.name not in left_out
            and not table.name.startswith("sqlite_")
        ]

    def read(self) -> None:
        """Read all statements."""
        tokens = self._tokens
        while (token := tokens.next()).kind is not TokenKind.END:
            if token.is_sign(";"):
                continue
            if token.is_sign("\\"):
                self._command(tokens.rest_of_line())
                continue
            word = token.word
            if word == "CREATE":
                self._create()
            elif word in ("INSERT", "REPLACE"):
                self._insert(token)
            elif word == "COPY":
                self._copy(token.start)
            elif word == "USE":
                self._database = tokens.next().name
                self._skip()
            elif word == "DELIMITER":
                tokens.skip_delimited()
            elif word in _CHANGES:
                self._change(word)
            else:
                self._other(word)

    def _other(self, word: str) -> None:
        """A statement that puts in no rows that can be told, but may change those that were put in before."""
        words = self._tokens.skip_statement()
        is_hidden = word in _RUNS or (word == "WITH" and not _CHANGES.isdisjoint(words))
        self._is_lost |= is_hidden or ("INSERT", "INTO") in pairwise(words)
        if word in _TAKES_BACK:
            for table in self.tables.values():
                table.is_sure = table.is_sure and not table.rows

    def _skip(self) -> None:
        """Pass to the end of a statement that puts in no rows."""
        self._is_lost |= ("INSERT", "INTO") in pairwise(self._tokens.skip_statement())

    def _command(self, line: str) -> None:
        """A line for psql."""
        word, _, rest = line.strip().partition(" ")
        if word in ("connect", "c"):
            self._database = rest.strip().strip('"').split(" ")[0]

    def _table(self, name: str, schema: str) -> _Table:
        database = self._database
        if self.dialect is Dialect.MYSQL:
            database = schema or database
        elif schema.casefold() not in _USUAL_SCHEMAS:
            name = f"{schema}.{name}"
        return self.tables.setdefault((database.casefold(), name.casefold()), _Table(name, database))

    def _named(self, token: SqlToken) -> _Table | None:
        """The table that a name, perhaps with its schema, stands for."""
        schema = ""
        while self._tokens.peek().is_sign(".") and token.name:
            self._tokens.next()
            schema, token = token.name, self._tokens.next()
        return self._table(token.name, schema) if token.name else None

    def _create(self) -> None:
        tokens = self._tokens
        for _ in range(_KIND_WITHIN):
            token = tokens.next()
            if token.word in _ROUTINES:
                tokens.skip_body()
                return
            if token.word == "TABLE":
                break
            if token.is_sign(";") or token.kind is TokenKind.END:
                return
        else:
            self._skip()
            return
        token = tokens.next()
        while token.word in ("IF", "NOT", "EXISTS"):
            token = tokens.next()
        table = self._named(token)
        if table is not None and tokens.peek().is_sign("("):
            tokens.next()
            table.columns = self._columns()
            table.is_sure = table.is_sure and not table.rows
        self._skip()

    def _columns(self) -> list[DataColumn]:
        constraints = _MYSQL_CONSTRAINTS if self.dialect is Dialect.MYSQL else _CONSTRAINTS
        return [
            DataColumn(element[0].name, column_type(_type_of(element[1:])))
            for element in self._tokens.elements()
            if element[0].name and element[0].word not in constraints
        ]

    def _insert(self, first: SqlToken) -> None:
        tokens = self._tokens
        token = tokens.next()
        # REPLACE and INSERT OR IGNORE: which rows are new, only the database knows.
        is_plain = (first.word, token.word) == ("INSERT", "INTO")
        while token.word and token.word != "INTO":
            token = tokens.next()
        table = self._named(tokens.next()) if token.word == "INTO" else None
        if table is not None and (len(table.columns) > _MAX_COLUMNS or not is_plain):
            table.is_sure = False
        if table is None or not table.is_sure:
            tokens.skip_statement()
            return
        places: list[int] | None = None
        if tokens.peek().is_sign("("):
            tokens.next()
            places = table.places(tuple(each[0].name for each in tokens.elements()))
        while tokens.peek().word in ("OVERRIDING", "SYSTEM", "USER", "VALUE"):
            tokens.next()
        if tokens.peek().word != "VALUES":
            table.is_sure = False
            tokens.skip_statement()
            return
        tokens.next()
        is_whole = self._rows(table, places)
        last = tokens.peek()
        # ON CONFLICT and the like; or a dialect that needs no semicolon, whose next statement it is.
        if not is_whole or not (last.is_sign(";") or last.kind is TokenKind.END):
            table.is_sure = False
            self._skip()
        table.spans.append((first.start, min(tokens.place + last.is_sign(";"), len(tokens.text))))

    def _rows(self, table: _Table, places: list[int] | None) -> bool:
        """Read "(1, 'a'), (2, 'b')"; whether all of it was understood."""
        tokens = self._tokens
        while tokens.peek().is_sign("("):
            tokens.next()
            values = row_values(tokens)
            if values is None or (places is not None and len(places) != len(values)):
                return False
            if places is not None:
                row: list[object] = [None] * len(table.columns)
                for place, value in zip(places, values, strict=True):
                    row[place] = value
                values = row
            while len(values) > len(table.columns):
                table.columns.append(DataColumn(f"column {len(table.columns) + 1}"))
            table.rows.append(values)
            if not tokens.peek().is_sign(","):
                return True
            tokens.next()
        return False

    def _copy(self, start: int) -> None:
        tokens = self._tokens
        table = self._named(tokens.next())
        places: list[int] = []
        if table is not None and tokens.peek().is_sign("("):
            tokens.next()
            places = table.places(tuple(each[0].name for each in tokens.elements()))
        words = tokens.skip_statement()
        if table is None or words[:2] != ["FROM", "STDIN"]:
            return
        is_plain = len(words) == 2
        tokens.rest_of_line()
        places = places or list(range(len(table.columns)))
        for line in tokens.copied_lines():
            values = copied_row(line)
            if not is_plain or len(values) != len(places):
                table.is_sure = False
                continue
            row: list[object] = [None] * len(table.columns)
            for place, value in zip(places, values, strict=True):
                row[place] = value
            table.rows.append(row)
        # Without the line that ends them, rows may be missing.
        table.is_sure = table.is_sure and tokens.text.endswith(_COPY_ENDS, 0, tokens.place)
        table.spans.append((start, tokens.place))

    def _change(self, word: str) -> None:
        """A statement that may change rows which were put in before."""
        tokens = self._tokens
        token = tokens.next()
        while token.word in _BEFORE_NAME:
            token = tokens.next()
        table = self._named(token)
        words = tokens.skip_statement()
        self._is_lost |= ("INSERT", "INTO") in pairwise(words)
        is_harmless = word == "ALTER" and not (
            {"RENAME", "DROP"} & set(words) or ("ADD", "COLUMN") in pairwise(words)
        )
        if table is not None and table.rows and not is_harmless:
            table.is_sure = False


def _type_of(tokens: list[SqlToken]) -> str:
    """The type of a column: the words behind its name, "tinyint(1)"."""
    said = takewhile(lambda token: token.word not in _AFTER_TYPE, tokens)
    return "".join(f" {each.text}" if each.word else each.text for each in said).strip()
