"""The part of a text that a claim or a question is held against."""

from __future__ import annotations

from ragsvc.pipeline.grounding.citations import words_of
from ragsvc.text.sentences import sentences
from ragsvc.text.stopwords import ENGLISH


def closest_text(text: str, claim: str, most_chars: int) -> str:
    """The sentences of a text that share most words with a claim, in the text's order.

    :param most_chars: at least 1; a shorter text is taken whole, a longer single sentence is cut.
    """
    if len(text) <= most_chars:
        return text
    wanted = words_of(claim) - ENGLISH
    spans = sentences(text)
    shared = [len(wanted & words_of(text[span.start : span.end])) for span in spans]
    room, chosen = most_chars, []
    for place in sorted(range(len(spans)), key=lambda at: (-shared[at], at)):
        size = spans[place].end - spans[place].start + 1
        if size <= room:
            chosen.append(place)
            room -= size
    if not chosen:
        best = max(range(len(spans)), key=lambda at: shared[at])
        return text[spans[best].start : spans[best].end][:most_chars]
    return " ".join(text[spans[at].start : spans[at].end] for at in sorted(chosen))
