"""What Markdown's marks inside a paragraph hide from its reader, found by markdown-it with offsets.

Beside CommonMark: stars that stand inside words on both sides (2**8 and 3**2) and underscores around a name
of a program (__init__) are no emphasis, and a tag that HTML does not know (<name>) is text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from ragsvc.text.blocks.pieces import SeenPiece, TextSegments, literal, said_of, segments_of

# A longer paragraph is no prose; some of its marks could take time by the square of its length.
MAX_INLINE_CHARS = 20_000
# So many brackets without a partner each make the parser look for it to the end.
MAX_OPEN_BRACKETS = 400

_FOOTNOTE = re.compile(r"\[\^([^\[\]\s]{1,100})\]")
_NAME = re.compile(r"\w+")
MAX_NAME_CHARS = 60
_TAG_NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]{0,20})[\s/>]")
_COMMENT = re.compile(r"<[!?]")
_TAGS = frozenset(
    {
        "a", "abbr", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br",
        "button", "caption", "center", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn",
        "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "form", "h1", "h2", "h3",
        "h4", "h5", "h6", "header", "hr", "i", "iframe", "img", "input", "ins", "kbd", "label", "li",
        "link", "main", "mark", "nav", "ol", "p", "picture", "pre", "q", "s", "samp", "script",
        "section", "small", "source", "span", "strike", "strong", "style", "sub", "summary", "sup",
        "svg", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr", "tt", "u", "ul", "var",
        "video", "wbr",
    }
)  # fmt: skip
_STARS = frozenset("*_")


class _TrackedState(StateInline):
    """Remembers where in the source each piece of text and each token was found."""

    def __init__(self, src: str, md: MarkdownIt, env: dict[str, Any], tokens: list[Token]) -> None:
        super().__init__(src, md, env, tokens)
        self.texts: list[tuple[int, int]] = []
        self.pushed: list[tuple[int, Token]] = []

    def append_pending(self, text: str) -> None:
        self.texts.append((self.pos, self.pos + len(text)))
        super().append_pending(text)

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        token = super().push(ttype, tag, nesting)
        self.pushed.append((self.pos, token))
        return token


def _footnote(state: StateInline, silent: bool) -> bool:
    """A mark of a footnote: [^1] always, another only where the note stands in the text."""
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax)
    if not found or not (found.group(1).isdigit() or found.group(1) in state.env.get("footnotes", ())):
        return False
    if not silent:
        state.push("footnote", "", 0)
    state.pos = found.end()
    return True


def _delimiters(state: StateInline) -> Iterator[tuple[list[Delimiter], Delimiter, int]]:
    """Each mark of emphasis with its list and the offset of its run; none of what describes an image."""
    if not isinstance(state, _TrackedState):
        return
    runs = {id(token): pos for pos, token in state.pushed if token.type == "text"}
    nested = (meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta)
    for delimiters in (state.delimiters, *nested):
        for each in delimiters:
            run = runs.get(id(state.tokens[each.token]))
            if run is not None and chr(each.marker) in _STARS:
                yield delimiters, each, run


def _spare_signs(state: StateInline) -> None:
    """Take powers and patterns of paths out before marks are paired: 2**8, **/*.py."""
    for _, mark, run in _delimiters(state):
        before, after = state.src[run - 1 : run] if run else "", _after(state.src, run, mark)
        if (before.isdigit() and after.isdigit()) or (before == "/" and after == "."):
            mark.open = mark.close = False
        mark.open = mark.open and after != "/"
        mark.close = mark.close and before != "/"


def _spare_names(state: StateInline) -> None:
    """Take pairs apart that are no emphasis."""
    found = list(_delimiters(state))
    runs = {id(mark): run for _, mark, run in found}
    for delimiters, opener, run in found:
        if opener.end >= 0:
            closer = delimiters[opener.end]
            if not _is_emphasis(state.src, opener, closer, run, runs[id(closer)]):
                opener.end = -1


def _after(source: str, run: int, mark: Delimiter) -> str:
    return source[run + mark.length : run + mark.length + 1]


def _is_emphasis(source: str, opener: Delimiter, closer: Delimiter, left: int, right: int) -> bool:
    """Whether the runs of marks at two offsets are what a writer means by emphasis."""
    if opener.marker == ord("_"):
        inner = source[left + opener.length : right] if right - left < MAX_NAME_CHARS else ""
        is_dunder = opener.length > 1 and inner == inner.lower()
        return not (_NAME.fullmatch(inner) and (is_dunder or "_" in inner))
    before = source[left - 1 : left] if left else ""
    if not before.isalnum() or _is_wide(before):
        return True
    return not _after(source, right, closer).isalnum()


def _is_wide(sign: str) -> bool:
    """Whether a sign is of a script without blanks between words."""
    return unicodedata.east_asian_width(sign) in ("W", "F")


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": 20}).enable("strikethrough")
    parser.inline.ruler2.disable("fragments_join")
    parser.inline.ruler2.before("balance_pairs", "signs", _spare_signs)
    parser.inline.ruler2.before("strikethrough", "names", _spare_names)
    parser.inline.ruler.before("link", "footnote", _footnote)
    return parser


def pieces_of(segments: TextSegments, env: dict[str, Any]) -> list[SeenPiece]:
    """What a reader sees of a paragraph.

    :param env: "references" by their labels as markdown-it keeps them, and "footnotes", a set of labels.
    :return: in order; struck text is left out.
    """
    source = segments.source
    if len(source) > MAX_INLINE_CHARS or source.count("[") - source.count("]") > MAX_OPEN_BRACKETS:
        return literal(segments)
    kept = sorted(_kept(source, env, 0))
    return [piece for start, end, said in kept for piece in segments.back(start, end, said)]


def inline_line(written: str) -> str:
    """What a piece of Markdown says, as one line: a cell, a heading, a term."""
    segments = segments_of(written, 0, len(written), "")
    return said_of(written, pieces_of(segments, {}), 0, len(written))


def _kept(source: str, env: dict[str, Any], depth: int) -> list[tuple[int, int, str | None]]:
    parser = _parser()
    state = _TrackedState(source.replace("\r", " ").replace("\0", "\ufffd"), parser, env, [])
    parser.inline.tokenize(state)
    for rule in parser.inline.ruler2.getRules(""):
        rule(state)
    found: list[tuple[int, int, str | None]] = [(start, end, None) for start, end in state.texts]
    struck: list[tuple[int, int]] = []
    opened: list[int] = []
    at = 0
    for pos, token in state.pushed:
        at = max(at, pos)
        if token.type in ("s_open", "s_close"):
            start, at = at, at + 2
            if token.type == "s_open":
                opened.append(start)
            elif opened:
                struck.append((opened.pop(), at))
        elif token.type == "text" and token.content and source[pos] not in "<":
            found.append((at, at + len(token.content), None))
            at += len(token.content)
        elif source[pos : pos + 1] in ("*", "_"):
            at += 1
        else:
            found.extend(_special(source, pos, token, env, depth))
    return [
        (start, end, said)
        for start, end, said in found
        if not any(left <= start and end <= right for left, right in struck)
    ]


def _special(
    source: str, pos: int, token: Token, env: dict[str, Any], depth: int
) -> list[tuple[int, int, str | None]]:
    if token.type == "code_inline":
        start = pos + len(token.markup)
        end = source.find(token.markup, start + len(token.content))
        padded = end - start - len(token.content) == 2
        return [(start + padded, end - padded, None)]
    if token.type == "text_special":
        end = pos + len(token.markup)
        if token.info == "escape":
            return [(end - len(token.content), end, None)]
        return [(pos, end, token.content)]
    if token.type == "text":  # of <http://example.org>
        return [(pos + 1, source.index(">", pos), None)]
    if token.type == "image" and depth < 4:
        inner = _kept(token.content, env, depth + 1)
        return [(pos + 2 + start, pos + 2 + end, said) for start, end, said in inner]
    if token.type == "html_inline" and not _is_tag(token.content):
        return [(pos, pos + len(token.content), None)]
    return []


def _is_tag(written: str) -> bool:
    """Whether something in angle brackets is HTML, not a placeholder."""
    name = _TAG_NAME.match(written)
    return (name is not None and name.group(1).lower() in _TAGS) or _COMMENT.match(written) is not None
