"""The values in the rows of a dump."""

from __future__ import annotations

import re
from decimal import Decimal

from ragsvc.text.readers.sql_tokens import Dialect, SqlToken, SqlTokens, TokenKind

# Most values are a string, a number or NULL with a comma behind: one match reads them.
_USUAL = {
    Dialect.STANDARD: re.compile(
        r"\s*+(?:(?:'((?:[^']++|'')*+)'|(-?\d++(?:\.\d++)?)|(NULL))\s*+([,)]))?", re.I
    ),
    Dialect.MYSQL: re.compile(
        r"\s*+(?:(?:'((?:[^'\\]++|\\.|'')*+)'|(-?\d++(?:\.\d++)?)|(NULL))\s*+([,)]))?", re.I | re.S
    ),
}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)|''", re.S)
_SIMPLE_ESCAPE = re.compile(r"\\(.)|''", re.S)
_WIDE_ESCAPE = re.compile(r'\\(.)|""', re.S)
_UNICODE_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\+([0-9a-fA-F]{6})|([0-9a-fA-F]{4})|(\\))"
)
_COPY_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.S)
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_MYSQL_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a", "%": "\\%", "_": "\\_"}
_MAX_DIGITS = 100
_MAX_DEPTH = 20
_MAX_TOKENS = 10_000
_WORDS: dict[str, object] = {
    "NULL": None, "DEFAULT": None, "TRUE": True, "FALSE": False,
}  # fmt: skip


def row_values(tokens: SqlTokens) -> list[object] | None:
    """Take the values of a row behind its opening parenthesis; None where it does not end."""
    values: list[object] = []
    usual, text, dialect = _USUAL[tokens.dialect].match, tokens.text, tokens.dialect
    while True:
        if (found := usual(text, tokens.place)) and found[4]:
            tokens.place = found.end()
            string, number, _, end = found.groups()
            if string is not None:
                values.append(_unquoted(string, dialect))
            else:
                values.append(None if number is None else _number(number))
        else:
            taken = _expression(tokens)
            if taken is None:
                return None
            expression, end = taken
            values.append(_value(expression, text, dialect))
        if end == ")":
            return values


def copied_row(line: str) -> list[object]:
    """The values of a line of COPY; NULL is \\N."""
    cells = line.split("\t")
    if "\\" not in line:
        return list(cells)
    return [None if cell == "\\N" else _COPY_ESCAPE.sub(_plain_escape, cell) for cell in cells]


def _expression(tokens: SqlTokens) -> tuple[list[SqlToken], str] | None:
    """The tokens of a value, and the sign behind it; None for what has no end within reach."""
    taken: list[SqlToken] = []
    depth = 0
    while (token := tokens.next()).kind is not TokenKind.END and len(taken) < _MAX_TOKENS:
        if depth == 0 and (token.is_sign(",") or token.is_sign(")")):
            return taken, token.text
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        taken.append(token)
    return None


def _value(tokens: list[SqlToken], text: str, dialect: Dialect) -> object:
    """What an expression says: a constant, or one in the functions that dumps use; else its own words."""
    while tokens and tokens[0].is_sign("(") and tokens[-1].is_sign(")"):
        tokens = tokens[1:-1]
    found = _Constant(tokens, dialect).read()
    if found is not None:
        return found[0]
    if not tokens:
        return None
    return text[tokens[0].start : tokens[-1].start + len(tokens[-1].text)]


class _Constant:
    """Reads an expression that says the same wherever it stands."""

    def __init__(self, tokens: list[SqlToken], dialect: Dialect) -> None:
        self._tokens = tokens
        self._dialect = dialect
        self._at = 0

    def read(self) -> tuple[object] | None:
        """The value in a tuple, as it may be None; None for what is no constant."""
        found = self._one(0)
        if found is not None and self._at < len(self._tokens) and not self._tokens[self._at].is_sign("::"):
            return None
        return found

    def _take(self) -> SqlToken | None:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        self._at += 1
        return token

    def _one(self, depth: int) -> tuple[object] | None:
        token = self._take()
        if token is None or depth > _MAX_DEPTH:
            return None
        if token.kind in (TokenKind.SIGN, TokenKind.NUMBER):
            return self._signed(token)
        if token.kind is TokenKind.BYTES:
            digits = token.text[2:].removesuffix("'")
            return (bytes(len(digits) // 2),)
        if token.kind is TokenKind.ESCAPED:
            return (_ESCAPE.sub(_plain_escape, token.text[2:-1]),)
        if token.kind in (TokenKind.STRING, TokenKind.NAME):
            return (_string(token.text, self._dialect),)
        return self._word(token, depth)

    def _signed(self, token: SqlToken) -> tuple[object] | None:
        sign = ""
        if token.text in ("-", "+") and self._at < len(self._tokens):
            sign = token.text.removeprefix("+")
            token = self._tokens[self._at]
            self._at += 1
        return (_number(sign + token.text),) if token.kind is TokenKind.NUMBER else None

    def _word(self, token: SqlToken, depth: int) -> tuple[object] | None:
        word = token.word
        following = self._tokens[self._at] if self._at < len(self._tokens) else None
        if following is None:
            return (_WORDS[word],) if word in _WORDS else None
        if following.kind is TokenKind.STRING and (
            word in ("N", "B", "DATE", "TIMESTAMP", "TIME") or word[:1] == "_"
        ):
            self._at += 1
            said = _string(following.text, self._dialect)
            return (bytes(len(said)),) if word == "_BINARY" else (said,)
        if following.kind is TokenKind.BYTES and word[:1] == "_":
            return self._one(depth + 1)
        if following.is_sign("(") and word in ("REPLACE", "CHAR", "UNISTR"):
            self._at += 1
            return self._function(word, depth)
        return (_WORDS[word],) if word in _WORDS else None

    def _function(self, word: str, depth: int) -> tuple[object] | None:
        """What SQLite's own dump wraps strings with line ends in."""
        given: list[str] = []
        while True:
            found = self._one(depth + 1)
            if found is None:
                return None
            given.append(str(found[0]))
            token = self._take()
            if token is None or not (token.is_sign(",") or token.is_sign(")")):
                return None
            if token.is_sign(")"):
                break
        if word == "REPLACE" and len(given) == 3 and given[1]:
            return (given[0].replace(given[1], given[2]),)
        if word == "CHAR" and all(code.isdigit() and int(code) < 0x110000 for code in given):
            return ("".join(chr(int(code)) for code in given),)
        if word == "UNISTR" and len(given) == 1:
            return (_UNICODE_ESCAPE.sub(_unicode, given[0]),)
        return None


def _number(said: str) -> object:
    if len(said) > _MAX_DIGITS:
        return said
    return int(said) if said.removeprefix("-").isdigit() else Decimal(said)


def _string(written: str, dialect: Dialect) -> str:
    """What a string with its quotes says."""
    if written.startswith("$"):
        tag = written.index("$", 1) + 1
        return written[tag:-tag]
    if written[0] in '"`':
        body = written[1:-1]
        if dialect is Dialect.MYSQL:
            return _WIDE_ESCAPE.sub(lambda found: _mysql_escape(found, '"'), body)
        return body.replace(written[0] * 2, written[0])
    return _unquoted(written[1:-1], dialect)


def _unquoted(body: str, dialect: Dialect) -> str:
    if dialect is Dialect.MYSQL and "\\" in body:
        return _SIMPLE_ESCAPE.sub(_mysql_escape, body)
    return body.replace("''", "'") if "''" in body else body


def _mysql_escape(found: re.Match[str], quote: str = "'") -> str:
    char = found.group(1)
    return quote if char is None else _MYSQL_CONTROLS.get(char, char)


def _plain_escape(found: re.Match[str]) -> str:
    said = found.group(1)
    if said is None:
        return "'"
    if said[0] in "01234567":
        return chr(int(said, 8) & 0xFF)
    if said[0] in "xu" and len(said) > 1:
        return chr(int(said[1:], 16))
    return _CONTROLS.get(said, said)


def _unicode(found: re.Match[str]) -> str:
    code = next((group for group in found.groups()[:4] if group), None)
    number = ord("\\") if code is None else int(code, 16)
    return chr(number) if number < 0x110000 else "\ufffd"
