"""Citation markers: checked while an answer streams, then turned into spans."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

from ragsvc.domain import Citation, Hit, Span
from ragsvc.text.invisibles import hides
from ragsvc.text.sentences import sentences

ANY_MARKER = re.compile(r"\[(\d{1,4})\]")
_MARKER = re.compile(r" ?\[(\d{1,4})\]\Z")
_MARKER_CHARS = 7
_MARKERS_AT_END = re.compile(r"(?:(?<!\s)\s*+\[\d{1,4}\])+")
# The end of what may still become a marker, or is one once a marker inside it has gone: "[1 [99".
_OPEN = re.compile(r"(?:\A|\[\d{0,4}) ?\Z")
_WORD = re.compile(r"\w+")


class MarkerCheck:
    """Takes the markers that name no passage out of one answer while it comes in pieces.

    A marker may be split over any number of pieces: what may still become one is held back. Each
    character is judged by itself, so the output does not depend on how the answer comes in pieces.
    """

    def __init__(self, passages: int) -> None:
        self._passages = passages
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is certain after one more piece."""
        held, ready = self._held, []
        for char in piece:
            if char == "]" and (marker := _MARKER.search(held + char, max(0, len(held) + 1 - _MARKER_CHARS))):
                if not 1 <= int(marker.group(1)) <= self._passages:
                    held = held[: marker.start()]
                    continue
            elif _OPEN.search(held + char, max(0, len(held) + 1 - _MARKER_CHARS)):
                held += char
                continue
            keep = char if char == " " else ""
            ready.append(held + char.removesuffix(keep))
            held = keep
        self._held = held
        return "".join(ready)

    def end(self) -> str:
        """What was held back, when nothing more comes."""
        held, self._held = self._held, ""
        return held


def placed(
    answer: str, passages: Sequence[Hit], choose: Callable[[int, str], Span]
) -> Iterator[tuple[int, Citation]]:
    """Resolve every marker to the span of its passage that supports the sentence before it.

    :param answer: with checked markers.
    :param choose: the span of a passage's text, by number, that supports a sentence.
    :return: in order of appearance, each with the code point of the answer at which its markers end, repeats
        kept; each quote is a slice of the stored text.
    """
    begin = 0
    for group in _MARKERS_AT_END.finditer(answer):
        sentence = _last_sentence(answer[begin : group.start()])
        begin = group.end()
        for number in numbers_in(group.group(0)):
            yield begin, citation_of(number, passages[number - 1], choose(number, sentence))


def numbers_in(text: str) -> tuple[int, ...]:
    """Numbers of the markers of a text, in order, each once."""
    return tuple(dict.fromkeys(int(number) for number in ANY_MARKER.findall(text)))


def bare(text: str) -> str:
    """A text with blanks in place of its markers: offsets stay, and a sentence may go on after a marker."""
    return ANY_MARKER.sub(lambda marker: " " * len(marker.group(0)), text)


def distinct(citations: Iterable[Citation]) -> tuple[Citation, ...]:
    """Each span under each number once, in order of appearance."""
    found: dict[tuple[int, int, int], Citation] = {}
    for citation in citations:
        found.setdefault((citation.marker, citation.start, citation.end), citation)
    return tuple(found.values())


def _last_sentence(text: str) -> str:
    spans = sentences(text)
    return text[spans[-1].start : spans[-1].end] if spans else text


def citation_of(number: int, hit: Hit, span: Span) -> Citation:
    """A citation of a span of a passage's text."""
    passage = hit.passage
    quote = passage.text[span.start : span.end]
    return Citation(
        marker=number,
        document_id=passage.document_id,
        version=passage.version,
        source=passage.source,
        title=passage.title,
        start=passage.start + span.start,
        end=passage.start + span.end,
        quote=quote,
        page=passage.page_at(passage.start + span.start),
        corpus=hit.corpus,
        hidden=hides(quote),
    )


def best_of(sentence: str, texts: Sequence[Set[str]]) -> int | None:
    """The place of the first text that shares most words with a sentence (token F1); None: none does."""
    wanted = words_of(sentence)
    best, best_score = None, 0.0
    for place, words in enumerate(texts):
        shared = len(wanted & words)
        score = 2.0 * shared / (len(wanted) + len(words)) if shared else 0.0
        if score > best_score:
            best, best_score = place, score
    return best


def words_of(text: str) -> Set[str]:
    """The distinct words of a text, in small letters."""
    return {word.lower() for word in _WORD.findall(text)}
