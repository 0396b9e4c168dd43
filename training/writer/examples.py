"""What the writer learns from: a question, numbered units, and the sentences that answer from them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragsvc.pipeline.grounding.citations import words_of
from ragsvc.text.sentences import prose_sentences

# So much of what a sentence says must stand in its unit, or under its title.
LEAST_SHARE = 0.7
LEAST_WORDS = 5
MOST_CHARS = 420
_BRACKETS = re.compile(r"(?<=\w) \([^()]{1,120}\)")
_LINK = re.compile(
    r"^(?:However|Also|Additionally|Furthermore|Moreover|Therefore|Thus|In addition|For example|Similarly|"
    r"Meanwhile|Indeed|Finally), (?=\w)"
)
# Not "It took him a year" or "It is clear that": there "it" is nothing.
_PRONOUN = re.compile(
    r"^(?:(He|She|His|Her|Its) (?=[a-z])|It (?=(?:is|was) (?:an?|the|also|one|\w+ed|known|made|held)\b|"
    r"(?:has|had|includes|contains|consists|uses|lies)\b))"
)
_REFERRING = re.compile(r"^(?:He|She|It|His|Her|Its|They|Their|This|These|That|Those)\b")
_TAIL = re.compile(r", (?:which|who|where|although|though|while|whereas) [^.]{12,}(?=[.!]$)")
_DEFINED = re.compile(r"^([^,.:;]{3,40}?) (?:is|are) ((?:an?|the|one) .+)$")
_CONNECTIVES = ("However", "In addition", "Also", "Therefore", "For example", "Furthermore", "Thus")
ROUGH_SHARE = 0.6
_POSSESSIVE = frozenset({"His", "Her", "Its"})


@dataclass(frozen=True, slots=True)
class Source:
    """A unit: what it says, and the title that it stands under, or ""."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """sentences: each with the number of its unit, from 1. kind: which set it is of."""

    kind: str
    question: str
    units: tuple[Source, ...]
    sentences: tuple[tuple[str, int], ...]


def is_borne_out(sentence: str, unit: Source) -> bool:
    """Whether enough of a sentence's words, and all its numbers, stand in its unit."""
    words, known = words_of(sentence), words_of(f"{unit.title} {unit.text}")
    digits = {word for word in words if any(sign.isdigit() for sign in word)}
    return digits <= known and len(words & known) >= LEAST_SHARE * len(words)


def condensed(sentence: str, title: str, answer: str) -> str:
    """A sentence that is understood by itself, without what the answer does not need."""
    title = _BRACKETS.sub("", title).strip()
    said = capital(_LINK.sub("", sentence))
    if title and (found := _PRONOUN.match(said)):
        owner = f"{title}'s " if found.group(1) in _POSSESSIVE else f"{title} "
        said = owner + said[found.end() :]
    for less in (_BRACKETS.sub("", said), _TAIL.sub("", _BRACKETS.sub("", said))):
        if answer in less and len(less.split()) >= LEAST_WORDS:
            said = less
    return said


def roughened(sentence: str, title: str, rng: random.Random) -> str:
    """A sentence as notes or the midst of a text have it, which `condensed` need not be told back from."""
    bare = _BRACKETS.sub("", title).strip()
    if rng.random() > ROUGH_SHARE:
        return sentence
    if (found := _DEFINED.match(sentence)) and rng.random() < 0.5:
        return f"{found.group(1)}{rng.choice((': ', ' - ', ': '))}{found.group(2)}"
    if bare and sentence.startswith(f"{bare} ") and sentence[len(bare) + 1].islower():
        return f"It {sentence[len(bare) + 1 :]}"
    if rng.random() < 0.25 and sentence.split(" ")[0] in ("The", "A", "An", "In", "These", "There"):
        return f"{rng.choice(_CONNECTIVES)}, {sentence[0].lower()}{sentence[1:]}"
    return sentence


def refers_back(sentence: str) -> bool:
    """Whether a sentence begins with a word for something that was named before."""
    return _REFERRING.match(sentence) is not None


def split(text: str) -> list[str]:
    """The sentences of a text, each on one line."""
    return [" ".join(text[span.start : span.end].split()) for span in prose_sentences(text, 0, len(text))]


def capital(text: str) -> str:
    """With a capital first."""
    return text[:1].upper() + text[1:]


def among(
    rng: random.Random,
    kind: str,
    question: str,
    chosen: Sequence[tuple[Source, str]],
    others: Sequence[Source],
) -> Example:
    """An example whose units are those that answer, in their order, with others somewhere between."""
    places = sorted(rng.sample(range(len(chosen) + len(others)), len(chosen)))
    rest = iter(others)
    by_place = dict(zip(places, (unit for unit, _ in chosen), strict=True))
    units = tuple(by_place[at] if at in by_place else next(rest) for at in range(len(chosen) + len(others)))
    said = tuple((sentence, at + 1) for (_, sentence), at in zip(chosen, places, strict=True))
    return Example(kind, question, units, said)
