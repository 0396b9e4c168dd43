"""Questions and claims that a text nearly bears out: one name, number or word is another."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from training.reader.examples import Example, Support

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w])")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w\-]+(?: [A-Z][\w\-]+)*")
_STATED = re.compile(r" (is|was|are|were|has|can|will|does|did|must|may) (?!not\b)")
OPPOSITES = (
    ("first", "last"), ("before", "after"), ("more", "less"), ("most", "least"), ("highest", "lowest"),
    ("largest", "smallest"), ("increase", "decrease"), ("start", "end"), ("minimum", "maximum"),
    ("enable", "disable"), ("oldest", "youngest"), ("without", "with"), ("north", "south"), ("east", "west"),
    ("new", "old"), ("above", "below"), ("early", "late"), ("always", "never"), ("import", "export"),
)  # fmt: skip


def questions(answered: Sequence[Example], rng: random.Random, most: int) -> Iterator[Example]:
    """Answered questions, each with one name or number of another question, or one word turned round."""
    names = [name for each in answered for name in _NAME.findall(each.question)]
    found = 0
    for each in rng.sample(answered, len(answered)):
        changed = _changed(each.question, each.text, names, rng)
        if changed is None:
            continue
        found += 1
        if found > most:
            return
        yield replace(
            each,
            question=changed,
            source="near miss",
            start=-1,
            end=-1,
            answerable=0,
            relevant=-1,
            weight=0.6,
        )


def claims(supported: Sequence[Example], rng: random.Random, most: int) -> Iterator[Example]:
    """Supported claims with one detail changed, so that their evidence contradicts or does not state it."""
    names = [name for each in supported for name in _NAME.findall(each.question)]
    found = 0
    for each in rng.sample(supported, len(supported)):
        if rng.random() < 0.3 and (stated := _STATED.search(each.question)):
            changed: str | None = f"{each.question[: stated.end()]}not {each.question[stated.end() :]}"
        else:
            changed = _changed(each.question, each.text, names, rng)
        if changed is None:
            continue
        found += 1
        if found > most:
            return
        yield replace(each, question=changed, source="near claim", support=Support.UNSUPPORTED, weight=0.6)


def _changed(question: str, text: str, names: Sequence[str], rng: random.Random) -> str | None:
    """The same with another number, another name that the text does not hold, or an opposite."""
    low = text.lower()
    ways = []
    for number in _NUMBER.finditer(question):
        other = str(
            int(re.sub(r"\D", "", number.group())[:6] or 0) + rng.choice((-10, -2, -1, 1, 2, 3, 7, 20))
        )
        if other not in text and not other.startswith("-"):
            ways.append((number.start(), number.end(), other))
    for name in _NAME.finditer(question):
        other = rng.choice(names)
        if other.lower() not in low:
            ways.append((name.start(), name.end(), other))
    for pair in OPPOSITES:
        for one, other in (pair, pair[::-1]):
            for word in re.finditer(rf"\b{one}", question):
                if other not in low:
                    ways.append((word.start(), word.end(), other))
    if not ways:
        return None
    start, end, other = rng.choice(ways)
    return question[:start] + other + question[end:]
