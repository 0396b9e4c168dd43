"""Whether an answer stands on the right text: its citations, and the passages, against gold spans."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from ragsvc.domain import Answer, Citation, Span
from ragsvc.pipeline.generation.quotation import spoken
from ragsvc.pipeline.grounding.citations import bare, numbers_in
from ragsvc.pipeline.grounding.passage_ground import enough
from ragsvc.pipeline.grounding.support import BLANK_LINE, HEADING
from ragsvc.protocols import Analyser
from ragsvc.text.analyser import StandardAnalyser
from ragsvc.text.sentences import sentences

Place: TypeAlias = tuple[str, int, int]
"""Document id, first code point and the one after the last."""


def citation_scores(citations: Sequence[Citation], gold: Sequence[Place]) -> tuple[float, float]:
    """Precision and recall of citations; a citation and a gold span meet when they share a character.

    :param gold: spans that answer the question, in offsets of their documents.
    :return: share of the citations that meet a gold span, and share of the gold spans that a citation
        meets, both in [0, 1]; 0 of none is 0.
    """
    cited = [(citation.document_id, citation.start, citation.end) for citation in citations]
    right = sum(any(_meet(one, other) for other in gold) for one in cited)
    found = sum(any(_meet(one, other) for other in cited) for one in gold)
    return (right / len(cited) if cited else 0.0), (found / len(gold) if gold else 0.0)


def span_overlap(retrieved: Sequence[Place], gold: Sequence[Place]) -> tuple[float, float]:
    """Recall and intersection over union of retrieved passages, in characters.

    As in Chroma's "Evaluating Chunking", a character that is retrieved twice counts twice in the union.

    :return: gold characters retrieved / gold characters, and gold characters retrieved / (characters
        retrieved + gold characters missed), both in [0, 1]; 0 without gold characters.
    """
    wanted_in, found_in = _unions(gold), _unions(retrieved)
    wanted = sum(_length(spans) for spans in wanted_in.values())
    if not wanted:
        return 0.0, 0.0
    found = sum(_shared(spans, found_in.get(document, [])) for document, spans in wanted_in.items())
    read = sum(max(0, end - start) for _, start, end in retrieved)
    return found / wanted, found / (read + wanted - found)


def supported(answer: Answer, analyser: Analyser | None = None) -> list[bool]:
    """Whether the quotes of its citations hold each sentence of an answer.

    Held are at least `support.HELD_SHARE` of the distinct terms of the sentence. A sentence's markers are
    those from its beginning to the next sentence; without any it takes those of the next sentence that has
    some in the same paragraph, and without those it is unsupported. A marker stands for all quotes cited
    under its number. Only words are compared: a sentence that denies its quote passes.

    :param analyser: None: the standard one.
    :return: one per sentence that has terms and is no heading, in order; [] when nothing was answered.
    """
    if not answer.answered:
        return []
    analyser = analyser or StandardAnalyser()
    quotes: dict[int, list[str]] = {}
    for citation in answer.citations:
        quotes.setdefault(citation.marker, []).append(citation.quote)
    verdicts = []
    for sentence, markers in _marked(spoken(answer)):
        terms = set(analyser.terms(sentence))
        if not terms or HEADING.match(sentence):
            continue
        held = set(analyser.terms("\n".join(quote for number in markers for quote in quotes.get(number, ()))))
        verdicts.append(enough(terms, held))
    return verdicts


def _marked(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    """Sentences without their markers, in order, with the numbers of the markers that speak for them."""
    text = bare(answer)
    spans = sentences(text)
    rows: list[tuple[str, tuple[int, ...]]] = []
    end = len(answer)
    later: tuple[int, ...] = ()
    for span in reversed(spans):
        own = numbers_in(answer[span.start : end])
        if not own and not BLANK_LINE.search(answer[span.end : end]):
            own = later
        rows.append((text[span.start : span.end], own))
        end, later = span.start, own
    return rows[::-1]


def _meet(one: Place, other: Place) -> bool:
    return one[0] == other[0] and max(one[1], other[1]) < min(one[2], other[2])


def _unions(places: Iterable[Place]) -> Mapping[str, list[Span]]:
    """Disjoint, ascending spans of each document that cover the same characters."""
    unions: dict[str, list[Span]] = {}
    for document, start, end in sorted(places):
        spans = unions.setdefault(document, [])
        if end <= start:
            continue
        if spans and start <= spans[-1].end:
            spans[-1] = Span(spans[-1].start, max(end, spans[-1].end))
        else:
            spans.append(Span(start, end))
    return unions


def _length(spans: Iterable[Span]) -> int:
    return sum(span.end - span.start for span in spans)


def _shared(one: Sequence[Span], other: Sequence[Span]) -> int:
    """Count the characters that two lists of disjoint, ascending spans have in common."""
    shared = first = second = 0
    while first < len(one) and second < len(other):
        left, right = one[first], other[second]
        shared += max(0, min(left.end, right.end) - max(left.start, right.start))
        if left.end <= right.end:
            first += 1
        else:
            second += 1
    return shared
