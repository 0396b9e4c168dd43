"""The built-in generator: it quotes the sentences that answer, in reading order, and needs no model."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence, Set

from ragsvc.domain import Evidence, FinishReason, Generation, Hit, Piece
from ragsvc.pipeline.grounding.readable import readable

# An answer is a short paragraph: a fifth sentence only when the others leave room for it.
MAX_SENTENCES = 5
MAX_CHARS = 550
# A further sentence must come this close to the best one to be worth reading.
KEEP_SHARE = 0.75
# Two sentences that share this part of the shorter one's words say the same.
SAME_SHARE = 0.5
_WORD = re.compile(r"\S+")


class ExtractiveGenerator:
    """Answers with sentences of the passages, each followed by its marker.

    Its tokens are those that the caller counts, else words.
    """

    @property
    def name(self) -> str:
        """Shown as `generator` in an answer."""
        return "extractive"

    def stream(self, asked: Generation) -> Iterator[Piece]:
        """Yield one sentence at a time."""
        chosen = select(asked.passages, asked.evidence)
        sentences = [f"{readable(item.text)} [{item.number}]" for item in chosen]
        room, finish = limit(sentences, asked.max_tokens, asked.stop, asked.count or _words)
        for number, sentence in enumerate(sentences):
            piece = f" {sentence}" if number else sentence
            yield Piece(piece[:room])
            room -= len(piece)
            if room <= 0:
                break
        yield Piece("", finish)


def limit(
    sentences: Sequence[str], max_tokens: int | None, stop: Sequence[str], count: Callable[[str], int]
) -> tuple[int, FinishReason]:
    """How many characters of the sentences, joined by blanks, may be said, and why no more.

    Sentences are kept whole, unless the first one alone has more tokens than may be said: of that one words
    are kept whole, at least one.
    """
    text = " ".join(sentences)
    end = min((at for at in map(text.find, stop) if at >= 0), default=len(text))
    if max_tokens is None or count(text[:end]) <= max_tokens:
        return end, FinishReason.STOP
    ends = [match.end() for match in _WORD.finditer(text, 0, end)]
    # From the second word on: the first is said in any case.
    fitting = bisect_right(ends, max_tokens, 1, key=lambda at: count(text[:at]))
    end, whole = ends[fitting - 1], -1
    for sentence in sentences:
        if whole + 1 + len(sentence) > end:
            break
        whole += 1 + len(sentence)
    return (end if whole < 0 else whole), FinishReason.LENGTH


def _words(text: str) -> int:
    return len(_WORD.findall(text))


def select(passages: Sequence[Hit], evidence: Sequence[Evidence]) -> list[Evidence]:
    """Choose the best sentences that fit, without repeats, and put them in reading order.

    The document of the best sentence comes first; within a document the text's own order rules. Of a table
    only rows are quoted that the question names something of: the others are about something else, or the
    question compares rows, which quoting cannot.
    """
    chosen: list[Evidence] = []
    said: list[Set[str]] = []
    room = MAX_CHARS
    for place, item in enumerate(evidence):
        # Also where the best is a row that is not quoted: what is far from it answers even less.
        if len(chosen) == MAX_SENTENCES or (place and item.score < KEEP_SHARE * evidence[0].score):
            break
        if not item.named:
            continue
        passage = passages[item.number - 1].passage
        # As it stands there: the rows of a table all read with the same column names.
        words = set(passage.text[item.start - passage.start : item.end - passage.start].lower().split()) - {
            "|"
        }
        length = len(readable(item.text))
        fits = length <= room or not chosen
        if fits and all(_distinct(words, other) for other in said):
            chosen.append(item)
            said.append(words)
            room -= length
    order: dict[str, int] = {}
    for item in chosen:
        order.setdefault(passages[item.number - 1].passage.document_id, len(order))
    return sorted(chosen, key=lambda e: (order[passages[e.number - 1].passage.document_id], e.start))


def _distinct(a: Set[str], b: Set[str]) -> bool:
    return len(a & b) < SAME_SHARE * min(len(a), len(b))
