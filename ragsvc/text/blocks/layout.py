"""Blocks as they are laid out in an answer: lists stay lists, code stays code, rows name their columns."""

from __future__ import annotations

from collections.abc import Sequence

from ragsvc.text.blocks.block import Block, BlockKind
from ragsvc.text.blocks.block_parser import MARKDOWN
from ragsvc.text.blocks.visible_text import VisibleText
from ragsvc.text.line_breaks import paragraphs

TERM_SIGN = " — "
_LINES = frozenset({BlockKind.KEY_VALUE, BlockKind.LINE})
_CONTAINERS = frozenset({BlockKind.TABLE, BlockKind.DEFINITIONS})


def layout(reading: VisibleText, blocks: Sequence[Block]) -> str:
    """Write blocks of a reading as Markdown that also reads well as it is.

    Marks of lists become "- " and "1. ", code stands in fences longer than any inside it, a row reads
    "Column: cell; Column: cell", a definition "term — description".
    """
    parts: list[str] = []
    last: Block | None = None
    for block in blocks:
        said = _block(reading, block)
        if not said:
            continue
        if last is not None:
            parts.append("\n" if _is_tight(reading, last, block) else "\n\n")
        parts.append(said)
        last = block
    return "".join(parts)


def _is_tight(reading: VisibleText, above: Block, block: Block) -> bool:
    """Whether two blocks belong on lines that follow each other."""
    if block.kind in _LINES:
        return above.kind is block.kind
    announces = above.kind is BlockKind.PARAGRAPH and block.kind is BlockKind.LIST
    return announces and reading.text.count("\n", above.end, block.start) < 2


def _block(reading: VisibleText, block: Block) -> str:
    kind = block.kind
    if kind is BlockKind.CODE:
        return _fenced(code_of(reading.text, block), block.info)
    if kind is BlockKind.LIST:
        return "\n".join(filter(None, (_item(reading, item, block) for item in block.children)))
    if kind is BlockKind.ITEM:
        return _item(reading, block, None)
    if kind is BlockKind.DEFINITION:
        return _definition(reading, block)
    if kind in _CONTAINERS:
        return "\n".join(filter(None, (_block(reading, child) for child in block.children)))
    if kind is BlockKind.QUOTE:
        return _quote(reading, block)
    if kind in (BlockKind.DESCRIPTION, BlockKind.FOOTNOTE):
        return layout(reading, block.children)
    if kind is BlockKind.ROW and block.header:
        return ""
    if kind in (BlockKind.RULE, BlockKind.REFERENCE):
        return ""
    if kind in (BlockKind.KEY_VALUE, BlockKind.LINE, BlockKind.FRONT_MATTER) and "\n" in _text(
        reading, block
    ):
        return "\n".join(_dedented(reading.text, block.start, block.end))
    if kind is BlockKind.PARAGRAPH and reading.media_type != MARKDOWN:
        stretches = paragraphs(reading.text, block.start, block.end, block.start)
        return "\n".join(reading.line(start, end) for start, end in stretches)
    return reading.line(block.start, block.end)


def _quote(reading: VisibleText, block: Block) -> str:
    said = layout(reading, block.children)
    # What documents a class has a bar at its left, and is nobody's words.
    is_quoted = reading.text[block.start] != "|"
    return "\n".join(f"> {line}".rstrip() for line in said.split("\n")) if is_quoted else said


def _text(reading: VisibleText, block: Block) -> str:
    return reading.text[block.start : block.end]


def _item(reading: VisibleText, item: Block, parent: Block | None) -> str:
    written = reading.text[item.start : item.content_start].strip()
    ordered = parent.ordered if parent else written[-1:] in (".", ")")
    label = written.strip("().")
    mark = "- " if not ordered else f"{label} " if "." in label else f"{label}. "
    said = layout(reading, item.children) or reading.line(item.content_start, item.content_end)
    lines = said.split("\n")
    return "\n".join([mark + lines[0], *(f"{' ' * len(mark)}{line}".rstrip() for line in lines[1:])])


def _definition(reading: VisibleText, block: Block) -> str:
    terms = [reading.line(each.start, each.end) for each in block.children if each.kind is BlockKind.TERM]
    meanings = [layout(reading, [each]) for each in block.children if each.kind is not BlockKind.TERM]
    described = "\n".join(filter(None, meanings)).split("\n")
    first = TERM_SIGN.join(filter(None, (", ".join(terms), described[0])))
    return "\n".join([first, *(f"  {line}".rstrip() for line in described[1:])])


def code_of(text: str, block: Block) -> str:
    """The code in a block, without the indentation that all its lines share and the marks around it."""
    if block.content_start == block.content_end:
        return ""
    return "\n".join(_dedented(text, block.content_start, block.content_end, block.margin))


def _dedented(text: str, start: int, end: int, margin: str = "") -> list[str]:
    first = text.rfind("\n", 0, start) + 1
    # What stands before it on its first line counts as blank: the mark of a list or a quote.
    before = text[first:start]
    lines = ("".join(sign if sign == "\t" else " " for sign in before) + text[start:end]).split("\n")
    if margin:
        lines = [lines[0].lstrip(f"{margin} \t"), *(_without_margin(line, margin) for line in lines[1:])]
    lines = [line.expandtabs(8).rstrip() for line in lines]
    shared = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return [line[shared:] for line in lines]


def _without_margin(line: str, margin: str) -> str:
    rest = line.lstrip(" \t")
    while rest.startswith(margin):
        rest = rest[len(margin) :]
        line = rest
    return line


def _fenced(code: str, info: str) -> str:
    longest = run = 0
    for sign in code:
        run = run + 1 if sign == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{info}\n{code}\n{fence}"
