"""Other forms of a drafted question that ask the same: mistyped, as key words, and told instead of asked."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ragsvc.evaluation.drafts.candidates import content_words
from ragsvc.evaluation.drafts.golden_set import DraftLine

_WORD = re.compile(r"[^\W\d_]{5,}")
_BESIDE = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioopsdfghjkklxcvbnmm", strict=True))
_LEAST_KEYWORDS = 2
_DEFINITION = "definition"
_ASKED = {"What is ": "is", "What are ": "are"}


def mistyped(question: str, seed: str) -> str:
    """The question with one slip in a word of five letters or more; itself where no word is long enough.

    Two letters change places, one is left out, doubled, or hit beside. Letters of any alphabet count.

    :param seed: settles which word and which slip.
    """
    chance = random.Random(seed)  # noqa: S311 - not a secret
    words = list(_WORD.finditer(question))
    if not words:
        return question
    word = chance.choice(words)
    letters, place = list(word[0]), chance.randrange(1, len(word[0]) - 1)
    match chance.randrange(4):
        case 0:
            letters[place], letters[place + 1] = letters[place + 1], letters[place]
        case 1:
            del letters[place]
        case 2:
            letters.insert(place, letters[place])
        case _:
            # Of other keyboards than the English one nothing is known: there the next letter comes too early.
            letters[place] = _BESIDE.get(letters[place].lower(), letters[place + 1])
    return question[: word.start()] + "".join(letters) + question[word.end() :]


def keywords(question: str) -> str:
    """The words of topic alone, as people type into a search box; "" where these are fewer than two."""
    words = content_words(question)
    return " ".join(words) if len(words) >= _LEAST_KEYWORDS else ""


def told(line: DraftLine) -> str:
    """A definition that is asked for as an order, "Explain what a vector is."; "" for all other kinds.

    What follows the verb must be a subject and nothing else, which is known of definitions alone.
    """
    for begin, verb in _ASKED.items():
        if line.kind == _DEFINITION and line.question.startswith(begin):
            return f"Explain what {line.question.removeprefix(begin).rstrip('?')} {verb}."
    return ""


def variants(lines: Iterable[DraftLine]) -> Iterator[DraftLine]:
    """Every line followed by its other forms, with the same answers; no question twice."""
    seen: set[str] = set()
    for line in lines:
        forms = (mistyped(line.question, line.question), keywords(line.question), told(line))
        for question in (line.question, *forms):
            if question and question not in seen:
                seen.add(question)
                yield replace(line, question=question)
