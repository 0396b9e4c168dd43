"""Blocks of source code: what stands between blank lines at the margin, with its comments and docstrings."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.text.blocks.block import Block, BlockKind, shifted, trim, with_gaps
from ragsvc.text.blocks.lines import Line, lines_of
from ragsvc.text.blocks.plain_blocks import plain_blocks

_HASH = ("#",)
_SLASHES = ("///", "//!", "//", "/**", "/*", "*/", "* ", "*\n")
_SIGNS: dict[str, tuple[str, ...]] = {
    "x-asm": (";", "#"), "x-bat": ("::", "rem ", "REM "), "x-bibtex": ("%",), "x-clojure": (";",),
    "x-cmake": _HASH, "x-elixir": _HASH, "x-erlang": ("%",), "x-fortran": ("!",), "x-graphql": _HASH,
    "x-haskell": ("--",), "x-hcl": ("#", "//"), "x-julia": _HASH, "x-lisp": (";",), "x-lua": ("--",),
    "x-nim": _HASH, "x-nix": _HASH, "x-perl": _HASH, "x-powershell": _HASH, "x-python": _HASH,
    "x-r": _HASH, "x-ruby": _HASH, "x-sh": _HASH, "x-sql": ("--",),
}  # fmt: skip
# These begin with a comment's sign and are none.
_NO_COMMENTS = ("#!", "#include", "#define", "#if", "#el", "#endif", "#pragma", "#undef", "#[")
_QUOTES = ('"""', "'''", 'r"""', "r'''")
# Where a block goes on at the margin: closing brackets, else-branches, end.
_GOES_ON = ("}", ")", "]", "end", "else", "elif", "except", "finally", "{", "fi", "done", "esac", "*/")


def source_blocks(text: str, media_type: str) -> tuple[Block, ...]:
    """The blocks of a program: functions, classes and runs of statements.

    Their children are what was written for people: comments are paragraphs, docstrings descriptions.
    """
    language = media_type.rpartition("/")[2]
    reader = _SourceReader(text, language.removeprefix("x-"), _SIGNS.get(language, _SLASHES))
    return with_gaps(text, reader.blocks(lines_of(text)), 0, len(text), BlockKind.CODE)


class _SourceReader:
    def __init__(self, text: str, language: str, signs: tuple[str, ...]) -> None:
        self._text = text
        self._language = language
        self._signs = signs

    def blocks(self, lines: Sequence[Line]) -> list[Block]:
        """One for every stanza that begins at the margin of these lines, with what is indented after it."""
        base = min((line.indent for line in lines if not line.is_blank), default=0)
        found: list[Block] = []
        first: int | None = None
        last = 0
        after_blank = False
        number = 0
        while number < len(lines):
            line = lines[number]
            if line.is_blank:
                after_blank = True
                number += 1
                continue
            if first is None:
                first = number
            elif after_blank and line.indent <= base and not self._continues(line):
                found.append(self._block(lines[first : last + 1]))
                first = number
            # Blank lines inside a docstring divide nothing.
            stop = max(self._docstring_end(lines, number), number + 1)
            last, after_blank, number = stop - 1, False, stop
        if first is not None:
            found.append(self._block(lines[first : last + 1]))
        return found

    def _continues(self, line: Line) -> bool:
        return self._text.startswith(_GOES_ON, line.first, line.end)

    def _block(self, lines: Sequence[Line]) -> Block:
        start, end = lines[0].first, lines[-1].end
        children: list[Block] = []
        inner: list[Line] = []
        number = 0
        while number < len(lines):
            stop = self._docstring_end(lines, number)
            margin = ""
            if stop > number:
                children.append(self._docstring(lines[number:stop]))
            else:
                stop, margin = self._comment_end(lines, number)
                if stop > number:
                    children.append(self._comment(lines[number:stop], margin))
            if stop > number:
                number = stop
                continue
            inner.append(lines[number])
            number += 1
        if len(children) == 1 and not inner:
            return children[0]
        return Block(BlockKind.CODE, start, end, start, end, info=self._language, children=tuple(children))

    def _docstring_end(self, lines: Sequence[Line], at: int) -> int:
        """Number of the line after the docstring that begins at line `at`; `at` where none does."""
        text, line = self._text, lines[at]
        if self._language != "python" or not text.startswith(_QUOTES, line.first, line.end):
            return at
        opening, sign = self._quotes(line)
        closing = text.find(sign, opening, lines[-1].end)
        if closing < 0:
            return at
        stop = at
        while stop < len(lines) and lines[stop].start <= closing:
            stop += 1
        # With something behind it, it is an expression.
        return at if text[closing + 3 : lines[stop - 1].end].strip() else stop

    def _quotes(self, line: Line) -> tuple[int, str]:
        """Where the text of a docstring begins, and the quotes around it."""
        at = line.first + (self._text[line.first] == "r")
        return at + 3, self._text[at : at + 3]

    def _docstring(self, lines: Sequence[Line]) -> Block:
        start, end = lines[0].first, lines[-1].end
        opening, sign = self._quotes(lines[0])
        inner, closing = trim(self._text, opening, max(opening, self._text.find(sign, opening, end)))
        told = plain_blocks(self._text[inner:closing])
        return Block(
            BlockKind.DESCRIPTION,
            start,
            end,
            inner,
            closing,
            children=tuple(shifted(each, inner) for each in told),
        )

    def _comment_end(self, lines: Sequence[Line], at: int) -> tuple[int, str]:
        stop = at
        sign = ""
        while stop < len(lines) and (found := self._sign(lines[stop])):
            sign = sign or found
            stop += 1
        return stop, sign

    def _sign(self, line: Line) -> str:
        text = self._text
        if line.is_blank or text.startswith(_NO_COMMENTS, line.first, line.end):
            return ""
        return next((sign for sign in self._signs if text.startswith(sign.rstrip("\n"), line.first)), "")

    def _comment(self, lines: Sequence[Line], margin: str) -> Block:
        start, end = lines[0].first, lines[-1].end
        inner, closing = start + len(margin.rstrip()), end
        if margin.startswith("/*") and self._text.endswith("*/", inner, end):
            closing = end - 2
        inner, closing = trim(self._text, inner, closing)
        return Block(
            BlockKind.PARAGRAPH, start, end, inner, closing, margin="".join(dict.fromkeys(margin.strip()))
        )
