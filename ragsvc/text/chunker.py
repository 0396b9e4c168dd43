"""Cuts a document into chunks that fit the embedder, each with its title and headings before it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from ragsvc.domain import ChunkDraft, ChunkerSpec, Span
from ragsvc.errors import InvalidRequest
from ragsvc.protocols import Tokeniser
from ragsvc.text.headings import EMPTY_OUTLINE, Outline, outline
from ragsvc.text.sentences import trimmed
from ragsvc.text.tables import ColumnNames
from ragsvc.text.token_counts import TokenIndex

MARKDOWN = "text/markdown"
_FENCE_LINE = re.compile(r"\s*+(?:[`~]{3,}+[^\n]*+)?")
SEPARATOR = " > "
# What joining header and chunk may add to the sum of their counts, in any known tokeniser.
JOIN_SLACK_TOKENS = 4
# Inside one line the splitter takes time by the square of its length; machine-made lines of
# megabytes (minified JSON, base64) are handed to it in pieces.
LONG_LINE_CHARS = 8192
PIECE_CHARS = 4096
_LONG_LINE = re.compile(rf"[^\n]{{{LONG_LINE_CHARS},}}")
# docs/chunking.md has the table behind these numbers.
# Version 2 gives a chunk that begins inside a table the names of its columns, as the last of its headings.
DEFAULT_CHUNKER = ChunkerSpec(version="2", size_tokens=180, overlap_tokens=0, header_tokens=32)


class Chunker:
    """Splits text at its own boundaries: headings, paragraphs, sentences, words."""

    def __init__(self, spec: ChunkerSpec, tokeniser: Tokeniser, max_tokens: int) -> None:
        """Fix the sizes.

        :param max_tokens: the embedder's limit, special tokens included.
        :raises InvalidRequest: if the sizes do not fit each other or the embedder.
        """
        room = max_tokens - tokeniser.special_tokens - JOIN_SLACK_TOKENS
        if spec.size_tokens < 16 or spec.header_tokens < 0 or not 0 <= spec.overlap_tokens < spec.size_tokens:
            raise InvalidRequest(
                f"chunk size {spec.size_tokens}, overlap {spec.overlap_tokens} and header "
                f"{spec.header_tokens} do not go together",
                hint="size at least 16 tokens, overlap below the size, header not negative",
            )
        if spec.size_tokens + spec.header_tokens > room:
            raise InvalidRequest(
                f"chunks of {spec.size_tokens} tokens and a header of {spec.header_tokens} "
                f"exceed the {room} that the embedder leaves for text",
                hint=f"set chunk size + header to at most {room}",
            )
        self.spec = spec
        self._tokeniser = tokeniser
        self._room = room

    def split(self, title: str, text: str, media_type: str, pages: Sequence[int] = ()) -> list[ChunkDraft]:
        """Cut a document.

        :param title: "" when it has none.
        :param text: as stored; offsets refer to it.
        :param media_type: text/markdown is cut at its structure, anything else as plain text.
        :param pages: offset at which each page starts, ascending.
        :return: chunks in order that cover every character but white space; [] for blank text.
            The tokens of `embedded_text` with special tokens never exceed the embedder's limit.
        """
        markdown = media_type == MARKDOWN
        found = outline(text) if markdown else EMPTY_OUTLINE
        ruler = TokenIndex(text, self._tokeniser.spans(text))
        whole = MarkdownSplitter if markdown else TextSplitter
        splitter = whole.from_callback(ruler.measure, self.spec.size_tokens, self.spec.overlap_tokens)
        spans = [
            span
            for origin, stretch in _stretches(text)
            for start, part in splitter.chunk_indices(stretch)
            if (span := trimmed(text, origin + start, origin + start + len(part)))
        ]
        header = _HeaderWriter(self._tokeniser, title)
        columns = ColumnNames(text if markdown and self.spec.version != "1" else "")
        drafts: list[ChunkDraft] = []
        for span in self._join_headings(spans, text, found, ruler):
            for start, end in self._fit(text, span.start, span.end, ruler):
                drafts.append(self._draft(text, start, end, found, columns.over(start), ruler, header, pages))
        return drafts

    def _join_headings(
        self, spans: Sequence[Span], text: str, found: Outline, ruler: TokenIndex
    ) -> Iterator[Span]:
        """Put a chunk of nothing but headings, or the opening of a code block, before what it announces.

        Such a chunk answers nothing, yet it matches questions better than the text below it.
        """
        limit = self.spec.size_tokens + self.spec.header_tokens
        held: Span | None = None
        for span in spans:
            if held is not None:
                if ruler.count(held.start, span.end) <= limit:
                    span = Span(held.start, span.end)
                else:
                    yield held
            held = None
            last = found.leading(text, span.start, span.end)
            body = max(span.start, found.headings[last].end) if last >= 0 else span.start
            if found.headings and _FENCE_LINE.fullmatch(text, body, span.end):
                held = span
            else:
                yield span
        if held is not None:
            yield held

    def _fit(self, text: str, start: int, end: int, ruler: TokenIndex) -> Iterator[tuple[int, int]]:
        """Halve a span for as long as its own tokens exceed the room; rarely needed.

        The ruler counts the tokens of the whole text; a span that begins or ends inside a token
        may come out longer by itself.
        """
        cut = ruler.cuts_token(start) or ruler.cuts_token(end)
        tokens = self._tokeniser.count(text[start:end]) if cut else ruler.count(start, end)
        if tokens <= self._room or end - start <= 1:
            yield start, end
            return
        middle = (start + end) // 2
        blank = max(text.rfind(" ", start + 1, middle), text.rfind("\n", start + 1, middle))
        middle = blank if blank > 0 else middle
        for left, right in ((start, middle), (middle, end)):
            half = trimmed(text, left, right)
            if half:
                yield from self._fit(text, half.start, half.end, ruler)

    def _draft(
        self,
        text: str,
        start: int,
        end: int,
        found: Outline,
        columns: str,
        ruler: TokenIndex,
        header: _HeaderWriter,
        pages: Sequence[int],
    ) -> ChunkDraft:
        chunk = text[start:end]
        number = found.leading(text, start, end)
        path = found.path(number)
        above = found.path(number, before=start)
        if columns:
            path, above = (*path, columns), (*above, columns)
        cut = ruler.cuts_token(start) or ruler.cuts_token(end)
        tokens = self._tokeniser.count(chunk) if cut else ruler.count(start, end)
        line = header.write(above, path, min(self.spec.header_tokens, self._room - tokens))
        return ChunkDraft(
            start=start,
            end=end,
            page=bisect_right(pages, start) or 1 if pages else None,
            headings=path,
            embedded_text=f"{line}\n{chunk}" if line else chunk,
        )


def _stretches(text: str) -> Iterator[tuple[int, str]]:
    """Yield the text with its offset: as a whole, or cut inside and around very long lines."""
    done = 0
    for line in _LONG_LINE.finditer(text):
        if line.start() > done:
            yield done, text[done : line.start()]
        done = line.start()
        while line.end() - done > PIECE_CHARS:
            blank = text.rfind(" ", done + PIECE_CHARS // 2, done + PIECE_CHARS)
            end = blank if blank > 0 else done + PIECE_CHARS
            yield done, text[done:end]
            done = end
    if done < len(text):
        yield done, text[done:]


class _HeaderWriter:
    """Writes "Title > Heading > Heading" within a budget; the most specific words stay."""

    def __init__(self, tokeniser: Tokeniser, title: str) -> None:
        self._tokeniser = tokeniser
        self._title = " ".join(title.split())
        self._written: dict[tuple[tuple[str, ...], int], str] = {}

    def write(self, above: tuple[str, ...], path: tuple[str, ...], budget: int) -> str:
        """Compose the line.

        :param above: headings that stand before the chunk.
        :param path: the same and those that the chunk opens with; a title among them is not repeated.
        """
        parts = above if self._title in path or not self._title else (self._title, *above)
        key = (parts, budget)
        if key not in self._written:
            self._written[key] = self._shorten(SEPARATOR.join(parts), budget)
        return self._written[key]

    def _shorten(self, line: str, budget: int) -> str:
        if budget <= 0:
            return ""
        spans = self._tokeniser.spans(line)
        while len(spans) > budget:
            earliest = int(spans[len(spans) - budget][0])
            blank = line.find(" ", max(earliest - 1, 0))
            line = line[blank:].strip(" >") if blank >= 0 else ""
            spans = self._tokeniser.spans(line)
        return line
