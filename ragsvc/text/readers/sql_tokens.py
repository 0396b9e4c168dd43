"""The words of SQL in the dialects that dumps are written in, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

_HEAD_CHARS = 4000
_MYSQL_HEAD = re.compile(r"^(?:--|/\*) ?-?.{0,40}(?:MySQL|MariaDB|phpMyAdmin|HeidiSQL|Sequel)", re.I | re.M)
_OTHER_HEAD = re.compile(r"^(?:-- PostgreSQL|PRAGMA |BEGIN TRANSACTION;)", re.M)
_BACKTICKS = re.compile(r"^(?:CREATE TABLE|INSERT INTO|DROP TABLE)[A-Z ]*+`", re.M)
_DELIMITER_END = re.compile(r"^[ \t]*DELIMITER[ \t]*;[ \t]*$", re.I | re.M)


class Dialect(StrEnum):
    """MYSQL: with a backslash that escapes in strings, and "#" before comments."""

    MYSQL = "mysql"
    STANDARD = "standard"


class TokenKind(StrEnum):
    """NAME: quoted. ESCAPED: a string such as E'...'. BYTES: in hexadecimal digits."""

    WORD = "word"
    NAME = "name"
    STRING = "string"
    ESCAPED = "escaped"
    NUMBER = "number"
    BYTES = "bytes"
    SIGN = "sign"
    END = "end"


_COMMON = r"""
  (?:\s++|--[^\n]*+{hash}|/\*(?:[^*]++|\*(?!/))*+\*/)*+
 (?:(?P<escaped>[eE]'(?:[^'\\]++|\\.|'')*+')
 |(?P<bytes>[xX]'[0-9a-fA-F]*+'|0[xX][0-9a-fA-F]++)
 |(?P<string>{string})
 |(?P<name>{name})
 |(?P<number>(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?)
 |(?P<word>[^\W\d][\w$]*+)
 |(?P<sign>::|\|\||.))?
"""
_STANDARD_STRING = r"'(?:[^']++|'')*+'|\$(?P<tag>(?:[^\W\d]\w*+)?)\$(?:[^$]++|\$(?!(?P=tag)\$))*+\$(?P=tag)\$"
_PATTERNS = {
    Dialect.STANDARD: re.compile(
        _COMMON.format(hash="", string=_STANDARD_STRING, name=r'"(?:[^"]++|"")*+"|`(?:[^`]++|``)*+`'),
        re.X | re.S,
    ),
    Dialect.MYSQL: re.compile(
        _COMMON.format(
            hash=r"|\#[^\n]*+",
            string=r"""'(?:[^'\\]++|\\.|'')*+'|"(?:[^"\\]++|\\.|"")*+\"""",
            name="`(?:[^`]++|``)*+`",
        ),
        re.X | re.S,
    ),
}
_KINDS = {str(kind): kind for kind in TokenKind} | {"tag": TokenKind.STRING}
# Of what ends in END IF and the like nothing was counted where it began.
_INNER_ENDS = frozenset({"IF", "LOOP", "WHILE", "REPEAT", "FOR"})
_OPENERS = frozenset("'\"`")


class SqlToken(NamedTuple):
    """text: as it is written, with its quotes. start: its offset."""

    kind: TokenKind
    text: str
    start: int

    def is_sign(self, sign: str) -> bool:
        """Whether it is this sign."""
        return self.kind is TokenKind.SIGN and self.text == sign

    @property
    def word(self) -> str:
        """A word in capitals; "" for anything else."""
        return self.text.upper() if self.kind is TokenKind.WORD else ""

    @property
    def name(self) -> str:
        """What it names, without quotes; "" for what can be no name."""
        if self.kind is TokenKind.WORD:
            return self.text
        if self.kind in (TokenKind.NAME, TokenKind.STRING):
            quote = self.text[0]
            return self.text[1:-1].replace(quote * 2, quote)
        return ""


def dialect_of(text: str) -> Dialect:
    """The dialect of a dump: by the line at its head that names the program, else by how names are quoted."""
    head = text[:_HEAD_CHARS]
    if _OTHER_HEAD.search(head):
        return Dialect.STANDARD
    if _MYSQL_HEAD.search(head):
        return Dialect.MYSQL
    return Dialect.MYSQL if _BACKTICKS.search(text) else Dialect.STANDARD


class SqlTokens:
    """The tokens of a text, without comments; at a string that does not end the text is over.

    place: the offset behind what was taken.
    """

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text = text
        self.dialect = dialect
        self.place = 0
        self._match = _PATTERNS[dialect].match

    def peek(self) -> SqlToken:
        """The next token, which stays the next."""
        place = self.place
        token = self.next()
        self.place = max(place, token.start)
        return token

    def next(self) -> SqlToken:
        """Take the next token."""
        found = self._match(self.text, self.place)
        if found is None or found.lastgroup is None:
            self.place = len(self.text)
            return SqlToken(TokenKind.END, "", self.place)
        kind = _KINDS[found.lastgroup]
        group = kind.value
        text, start = found[group], found.start(group)
        if kind is TokenKind.SIGN and (
            text in _OPENERS or (text == "/" and self.text[start + 1 : start + 2] == "*")
        ):
            # What opens here never closes: nothing behind it can be told apart.
            self.place = len(self.text)
            return SqlToken(TokenKind.END, "", self.place)
        self.place = found.end()
        return SqlToken(kind, text, start)

    def skip_statement(self) -> list[str]:
        """Pass to the end of the statement; gives its words."""
        words: list[str] = []
        while (token := self.next()).kind is not TokenKind.END and not token.is_sign(";"):
            if token.word:
                words.append(token.word)
        return words

    def skip_body(self) -> None:
        """Pass to the end of a trigger or routine, whose own statements are inside of BEGIN and END."""
        depth = 0
        while (token := self.next()).kind is not TokenKind.END:
            if token.word in ("BEGIN", "CASE"):
                depth += 1
            elif token.word == "END":
                following = self.peek().word
                depth -= following not in _INNER_ENDS
                if following == "CASE":
                    self.next()
            elif token.is_sign(";") and depth <= 0:
                return

    def skip_delimited(self) -> None:
        """Pass over what stands between "DELIMITER ;;" and "DELIMITER ;"."""
        if self.rest_of_line().strip() == ";":
            return
        end = _DELIMITER_END.search(self.text, self.place)
        self.place = end.end() if end else len(self.text)

    def elements(self) -> Iterator[list[SqlToken]]:
        """What stands between commas, none of it empty, to the parenthesis that closes, or to the end of a
        statement in which none does."""
        depth = 0
        taken: list[SqlToken] = []
        while (token := self.next()).kind is not TokenKind.END:
            depth += token.is_sign("(") - token.is_sign(")")
            if token.is_sign(";"):
                self.place = token.start
                return
            if depth < 0 or (depth == 0 and token.is_sign(",")):
                if taken:
                    yield taken
                taken = []
                if depth < 0:
                    return
            else:
                taken.append(token)

    def rest_of_line(self) -> str:
        """Take what is left of the line."""
        end = self.text.find("\n", self.place)
        end = len(self.text) if end < 0 else end
        line = self.text[self.place : end]
        self.place = min(end + 1, len(self.text))
        return line

    def copied_lines(self) -> Iterator[str]:
        """Take the lines of data to the one that ends them."""
        while self.place < len(self.text):
            line = self.rest_of_line()
            if line == "\\.":
                return
            yield line
