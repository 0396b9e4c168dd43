"""What the structure of a text names: headings, targets of links, names of rows, identifiers.

Only structure counts: no word is taken for a name because of its letters alone, so that it is the same in
every language. What is named by it is looked for in all other texts afterwards (pipeline/relations).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from ragsvc.domain import Mention, MentionKind
from ragsvc.text.blocks import MARKDOWN, Block, BlockKind, parse_blocks, walk
from ragsvc.text.blocks.inline import inline_line

MAX_OF_A_KIND = 64
"""Names of a kind that one text may give; the first are kept."""
MAX_CHARS = 400_000
"""A text is read up to here."""
MAX_NAME_CHARS = 100
MAX_TARGET_CHARS = 500
_MAX_HEADING_LEVEL = 3
_MIN_ROWS = 3

# In round or pointed brackets, of references, of wiki links, of HTML, and bare ones. No part may begin where
# another repeats, so that each is linear.
_LINKS = re.compile(
    r"\]\(\s?<?(?P<inline>[^\s()<>]{1,500}+(?:\([^\s()<>]{1,100}+\)[^\s()<>]{0,100}+){0,3})"
    r"|^ {0,3}\[[^\]\n^]{1,100}+\]:[ \t]*+<?(?P<reference>[^\s<>]{1,500}+)"
    r"|\[\[(?P<wiki>[^\[\]|\n#]{1,200}+)[^\[\]\n]{0,200}+\]\]"
    r"|<a\s[^<>]{0,300}?href=[\"'](?P<html>[^\"'<>\s]{1,500}+)"
    r"|(?P<bare>https?://[^\s<>\"'`()\[\]{}|\\]{1,500}+(?:\([^\s()<>]{1,100}+\)[^\s<>\"'`()]{0,100}+){0,3})",
    re.MULTILINE | re.IGNORECASE,
)
# ERR-1204, AX-4417/B, RFC-2119: capitals, a sign, digits.
_CODE = re.compile(r"(?<![\w/.-])[A-Z][A-Z0-9]{0,9}-\d{1,8}(?:[-/][A-Z0-9]{1,6})?(?![\w-])")
_SPAN = re.compile(r"(?<!`)`([^`\n]{2,100}+)`(?!`)")
# Of code between back ticks, what is a name: one word with a sign, a digit or a capital inside it.
_CODE_NAME = re.compile(r"(?:--)?\w[\w.:/$@-]*+(?:\(\))?")
_TELLING = re.compile(r"[a-z][A-Z]|[^\W_]_|^--|\w[.:/-]\w|\w\(\)$")
_LETTER = re.compile(r"[^\W\d_]")
_END_SIGNS = ".,;:!?'\"*_"


def mentions_in(text: str, media_type: str) -> tuple[Mention, ...]:
    """What the structure of a text names: each once, where it stands first.

    :param text: as stored; read up to MAX_CHARS. media_type: as stored with the document.
    :return: by kind, then in order; at most MAX_OF_A_KIND of each kind.
    """
    blocks = parse_blocks(text[:MAX_CHARS], media_type)
    seen = [*walk(blocks)]
    code = [block for block in seen if block.kind is BlockKind.CODE]
    markdown = media_type == MARKDOWN
    found: list[Mention] = []
    for each in (
        _headings(text, seen, markdown=markdown),
        _links(text, code, markdown=markdown),
        _rows(text, seen, markdown=markdown),
        _identifiers(text, code, markdown=markdown),
    ):
        found += _first(each)
    return tuple(found)


def _first(mentions: Iterable[Mention]) -> list[Mention]:
    kept: dict[str, Mention] = {}
    for mention in mentions:
        kept.setdefault(mention.name, mention)
        if len(kept) == MAX_OF_A_KIND:
            break
    return list(kept.values())


def _headings(text: str, blocks: Iterable[Block], *, markdown: bool) -> Iterator[Mention]:
    for block in blocks:
        if block.kind is not BlockKind.HEADING or block.level > _MAX_HEADING_LEVEL:
            continue
        name = _name(text, block.content_start, block.content_end, markdown=markdown)
        if name:
            yield Mention(MentionKind.HEADING, name, block.content_start, block.content_end)


def _links(text: str, code: list[Block], *, markdown: bool) -> Iterator[Mention]:
    for match in _LINKS.finditer(text, 0, min(len(text), MAX_CHARS)):
        if match.lastgroup is None or _is_within(code, match.start()):
            continue
        if match.lastgroup != "bare" and not markdown:
            continue
        start, end = match.span(match.lastgroup)
        while match.lastgroup == "bare" and end > start and text[end - 1] in _END_SIGNS:
            end -= 1
        target = text[start:end]
        if target and not target.startswith("#"):
            # The brackets tell a wiki link, whose target is a title or the name of a file, from all others.
            written = f"[[{target.strip()}]]" if match.lastgroup == "wiki" else target
            yield Mention(MentionKind.LINK, written, start, end)


def _rows(text: str, blocks: Iterable[Block], *, markdown: bool) -> Iterator[Mention]:
    """Names of rows: the first column with a name of its own whose cells are names, each of one row alone.

    A column without a name holds labels ("Price", "Author"), which are the same in many documents.
    """
    for table in blocks:
        if table.kind is not BlockKind.TABLE:
            continue
        lines = [row for row in table.children if row.kind is BlockKind.ROW and row.cells]
        rows = [row for row in lines if not row.header]
        heads = [row for row in lines if row.header]
        if len(rows) < _MIN_ROWS or not heads:
            continue
        for column, head in enumerate(heads[-1].cells):
            cells = [row.cells[column] for row in rows if len(row.cells) > column]
            names = [_name(text, cell.start, cell.end, markdown=markdown) for cell in cells]
            titled = _name(text, head.start, head.end, markdown=markdown)
            if titled and len(cells) == len(rows) and all(names) and len({*names}) == len(names):
                for cell, name in zip(cells, names, strict=True):
                    yield Mention(MentionKind.ROW, name, cell.start, cell.end)
                break


def _identifiers(text: str, code: list[Block], *, markdown: bool) -> Iterator[Mention]:
    limit = min(len(text), MAX_CHARS)
    if markdown:
        for match in _SPAN.finditer(text, 0, limit):
            written = match.group(1).strip()
            if (
                _CODE_NAME.fullmatch(written)
                and _TELLING.search(written)
                and not _is_within(code, match.start())
            ):
                start = match.start(1) + match.group(1).index(written)
                yield Mention(MentionKind.IDENTIFIER, written, start, start + len(written))
    for match in _CODE.finditer(text, 0, limit):
        yield Mention(MentionKind.IDENTIFIER, match.group(), match.start(), match.end())


def _name(text: str, start: int, end: int, *, markdown: bool) -> str:
    """A name on one line; "" for what is too long, or has no letter."""
    if end - start > 2 * MAX_NAME_CHARS:
        return ""
    written = text[start:end]
    line = " ".join((inline_line(written) if markdown else written).split()).rstrip(":")
    return line if len(line) <= MAX_NAME_CHARS and _LETTER.search(line) else ""


def _is_within(blocks: list[Block], offset: int) -> bool:
    place = bisect_right(blocks, offset, key=lambda block: block.start) - 1
    return place >= 0 and offset < blocks[place].end
