"""Rules that turn a heading into a question."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from ragsvc.evaluation.drafts.question_words import ACTS, GERUNDS, NO_NOUN, VAGUE, words
from ragsvc.evaluation.drafts.subjects import SubjectQuestion, is_identifier

_OPENERS = words(
    "what who whom whose which when where why how is are can could do does did should will would may"
)
_POINTING = words("it this that they them these those he she his her its their here there i'm we our")

_JOINING = frozenset({"and", "or", "&"})
_NO_OBJECT = NO_NOUN - words("your to with from into as") | words("is and or vs of in behind")


def from_heading(heading: str, common: Callable[[str], bool]) -> SubjectQuestion | None:
    """The question that an English heading asks or stands for: "Installing X" -> "How do I install X?".

    :param common: whether a word with a capital is an ordinary word, as in a heading In Title Case.
    """
    found = re.sub(r" \([^()]*\)$", "", heading).rstrip(" .:?").split()
    if not 2 <= len(found) <= 14 or ":" in heading or _POINTING.intersection(word.lower() for word in found):
        return None
    first = found[0].lower()
    if heading.endswith("?"):
        body = " ".join(found)
        known = first in _OPENERS and len(found) > 3
        return SubjectQuestion(f"{body[0].upper()}{body[1:]}?", "heading-question", body) if known else None
    rest = found[1:]
    base = GERUNDS.get(first)
    if first == "how" and found[1].lower() == "to" and len(found) > 3:
        base, rest = found[2].lower(), found[3:]
    elif base is None or rest[0].lower() in _NO_OBJECT or (len(rest) == 1 and rest[0].lower() in VAGUE):
        return None
    if any(one.lower() in _JOINING and other.lower().endswith("ing") for one, other in pairwise(rest)):
        return None
    object_ = " ".join(word.lower() if word.istitle() and common(word) else word for word in rest)
    return SubjectQuestion(f"How do I {base} {object_}?", "heading-howto", " ".join(rest))


def deed_of(identifier: str, sentence: str) -> SubjectQuestion | None:
    """What a named thing does, from a first sentence such as "Routes data based on conditions."."""
    word = sentence.split(" ", 1)[0]
    if word.lower() not in ACTS or not word[0].isupper() or not is_identifier(identifier):
        return None
    return SubjectQuestion(f"What does {identifier} do?", "purpose", identifier, sentence.rstrip("."))
