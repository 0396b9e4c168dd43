"""Citation markers: checked while an answer streams, then turned into spans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ragsvc.domain import Citation, Hit, Span
from ragsvc.text.sentences import sentences

ANY_MARKER = re.compile(r"\[(\d{1,4})\]")
_MARKER = re.compile(r" ?\[(\d{1,4})\]\Z")
_MARKER_CHARS = 7
_MARKERS_AT_END = re.compile(r"(?:\s*\[\d{1,4}\])+")
# The end of what may still become a marker, or is one once a marker inside it has gone: "[1 [99".
_OPEN = re.compile(r"(?:\A|\[\d{0,4}) ?\Z")
_WORD = re.compile(r"\w+")


def checked(pieces: Iterable[str], passages: int) -> Iterator[str]:
    """Pass an answer through, without markers that do not name a passage.

    A marker may be split over any number of pieces: what may still become one is held back. Each
    character is judged by itself, so the output does not depend on how the answer comes in pieces.

    :param passages: valid markers are [1] .. [passages].
    """
    held = ""
    for piece in pieces:
        ready: list[str] = []
        for char in piece:
            if char == "]" and (marker := _MARKER.search(held + char, max(0, len(held) + 1 - _MARKER_CHARS))):
                if not 1 <= int(marker.group(1)) <= passages:
                    held = held[: marker.start()]
                    continue
            elif _OPEN.search(held + char, max(0, len(held) + 1 - _MARKER_CHARS)):
                held += char
                continue
            keep = char if char == " " else ""
            ready.append(held + char.removesuffix(keep))
            held = keep
        if text := "".join(ready):
            yield text
    if held:
        yield held


def cite(answer: str, passages: Sequence[Hit]) -> tuple[Citation, ...]:
    """Resolve every marker to the span of its passage that supports the sentence before it.

    :param answer: with checked markers.
    :return: in order of appearance, without repeats; each quote is a slice of the stored text.
    """
    found: dict[tuple[int, int, int], Citation] = {}
    begin = 0
    for group in _MARKERS_AT_END.finditer(answer):
        sentence = _last_sentence(answer[begin : group.start()])
        begin = group.end()
        for number in dict.fromkeys(int(n) for n in re.findall(r"\d+", group.group(0))):
            citation = _citation(number, sentence, passages[number - 1])
            found.setdefault((number, citation.start, citation.end), citation)
    return tuple(found.values())


def _last_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[-1].start : spans[-1].end] if spans else text


def _citation(number: int, sentence: str, hit: Hit) -> Citation:
    passage = hit.passage
    span = support(sentence, passage.text)
    return Citation(
        marker=number,
        document_id=passage.document_id,
        version=passage.version,
        source=passage.source,
        title=passage.title,
        start=passage.start + span.start,
        end=passage.start + span.end,
        quote=passage.text[span.start : span.end],
        page=passage.page_at(passage.start + span.start),
        corpus=hit.corpus,
    )


def support(sentence: str, text: str) -> Span:
    """The sentence of a passage that shares most words with a sentence of the answer (token F1)."""
    wanted = _words(sentence)
    best, best_score = Span(0, len(text)), 0.0
    for span in sentences(text):
        words = _words(text[span.start : span.end])
        shared = len(wanted & words)
        score = 2.0 * shared / (len(wanted) + len(words)) if shared else 0.0
        if score > best_score:
            best, best_score = span, score
    return best


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
