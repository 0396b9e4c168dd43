"""The built-in way to answer: composed parts of the documents with their markers, and the citations."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ragsvc.domain import Answer, Citation, FinishReason, Hit
from ragsvc.pipeline.generation.composition import AnswerPart
from ragsvc.text.escapes import escaped, unescaped
from ragsvc.text.invisibles import hides

NAME = "extractive"
"""Shown as `generator` in an answer."""
TABLE = "table"
"""The same, where it was computed over a table."""
RELATIONS = "relations"
"""The same, where it lists the documents that mention something."""
ANEW = "bundled"
"""The same, where a small model says anew what would be quoted."""
_WORD = re.compile(r"\S+")
_FENCE_END = "```"


@dataclass(frozen=True, slots=True)
class _PlacedPart:
    """A part as it stands in the answer: with what separates it from the one before, and its marker.

    whole: it was not cut by a text at which the answer ends.
    """

    text: str
    marker: int
    part: AnswerPart
    whole: bool = True


class Quotation:
    """One answer that quotes; markers count documents in the order in which they appear.

    It is Markdown that shows the characters of the quotes and runs nothing of them. Its tokens are those
    that the caller counts. finish: why it ends.
    """

    def __init__(
        self,
        parts: Sequence[AnswerPart],
        passages: Sequence[Hit],
        *,
        max_tokens: int | None,
        stop: Sequence[str],
        count: Callable[[str], int],
    ) -> None:
        self._hits: Mapping[int, Hit] = {hit.rank: hit for hit in passages}
        self._written = _shown(self._write(parts), stop)
        self._room, self.finish = _limit([each.text for each in self._written], max_tokens, count)

    def pieces(self) -> Iterator[str]:
        """The answer, a part at a time."""
        room = self._room
        for each in self._written:
            if room <= 0:
                return
            yield each.text[:room]
            room -= len(each.text)

    def finished(self, answer: Answer) -> Answer:
        """The whole answer; a part that was cut is not cited."""
        text = "".join(self.pieces())
        citations: dict[tuple[int, int, int], Citation] = {}
        length = 0
        for each in self._written:
            length += len(each.text)
            if length > self._room or not each.whole:
                break
            for citation in self._citations(each):
                citations.setdefault((citation.marker, citation.start, citation.end), citation)
        return replace(
            answer,
            answered=True,
            answer=text,
            citations=tuple(citations.values()),
            generator=NAME,
            finish=self.finish,
        )

    def _write(self, parts: Sequence[AnswerPart]) -> list[_PlacedPart]:
        markers: dict[tuple[str, str], int] = {}
        found: list[_PlacedPart] = []
        for place, part in enumerate(parts):
            hit = self._hits[part.number]
            marker = markers.setdefault((hit.corpus, hit.passage.document_id), len(markers) + 1)
            before = ""
            if place:
                before = " " if part.prose and parts[place - 1].prose else "\n\n"
            glue = "\n" if part.text.endswith(_FENCE_END) else " "
            note = f"\n\n({part.note})" if part.note else ""
            found.append(_PlacedPart(f"{before}{part.text}{glue}[{marker}]{note}", marker, part))
        return found

    def _citations(self, written: _PlacedPart) -> Iterator[Citation]:
        part, hit = written.part, self._hits[written.part.number]
        passage = hit.passage
        for span in part.spans:
            pages = part.document.pages
            page = bisect_right(pages, span.start) or 1 if pages else passage.page_at(span.start)
            quote = part.document.slice(span.start, span.end)
            yield Citation(
                marker=written.marker,
                document_id=passage.document_id,
                version=passage.version,
                source=passage.source,
                title=passage.title,
                start=span.start,
                end=span.end,
                quote=quote,
                page=page,
                corpus=hit.corpus,
                hidden=hides(quote),
            )


def spoken(answer: Answer) -> str:
    """What an answer says: of one that quotes without the backslashes that keep markup from running."""
    return unescaped(answer.answer) if answer.generator in (NAME, ANEW, RELATIONS, TABLE) else answer.answer


def _shown(written: Sequence[_PlacedPart], stop: Sequence[str]) -> list[_PlacedPart]:
    """The parts up to the first text at which an answer ends, such that no markup of a document runs.

    Such a text is looked for in what the documents say.
    """
    text = "".join(each.text for each in written)
    end = min((at for at in map(text.find, stop) if at >= 0), default=len(text))
    end = len(text[:end].rstrip())
    cut: list[_PlacedPart] = []
    for each in written:
        cut.append(replace(each, text=each.text[:end], whole=len(each.text) <= end))
        end = max(end - len(each.text), 0)
    shown = escaped([each.text for each in cut])
    return [replace(each, text=text) for each, text in zip(cut, shown, strict=True)]


def _limit(
    texts: Sequence[str], max_tokens: int | None, count: Callable[[str], int]
) -> tuple[int, FinishReason]:
    """How many characters of some texts, one after the other, may be said, and why no more.

    Texts are kept whole, unless the first one alone has more tokens than may be said: of that one words
    are kept whole, at least one.
    """
    text = "".join(texts)
    if max_tokens is None or count(text) <= max_tokens:
        return len(text), FinishReason.STOP
    ends = [match.end() for match in _WORD.finditer(text)]
    # From the second word on: the first is said in any case.
    fitting = bisect_right(ends, max_tokens, 1, key=lambda at: count(text[:at]))
    end, whole = ends[fitting - 1], 0
    for each in texts:
        if whole + len(each) > end:
            break
        whole += len(each)
    return (whole or end), FinishReason.LENGTH
