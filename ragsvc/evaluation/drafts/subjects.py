"""What a drafted question asks about, and when words can be asked about at all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ragsvc.evaluation.drafts.question_words import NO_NOUN, NO_SUBJECT, VAGUE

MAX_SUBJECT_WORDS = 6

_WORD = re.compile(r"[\w'’-]+")


@dataclass(frozen=True, slots=True)
class SubjectQuestion:
    """A question that a sentence or a section answers.

    subject: what it asks about, without article, in the case of the text.
    phrase: what a right answer holds; "" when that is no one phrase.
    named: the subject as it stands inside a sentence, with its article; "" where none was found.
    """

    question: str
    kind: str
    subject: str
    phrase: str = ""
    named: str = ""


def bare(subject: str) -> str:
    """A subject without its article."""
    return re.sub(r"^(?:an?|the) ", "", subject, flags=re.IGNORECASE)


def is_identifier(text: str) -> bool:
    """Whether a heading is one name out of a program: CamelCase or snake_case."""
    return bool(re.fullmatch(r"[A-Z][a-z0-9]+(?:[A-Z]+[a-z0-9]*)+|[a-z]+(?:_[a-z0-9]+)+(?:\(\))?", text))


def is_subject(subject: str) -> bool:
    """Whether these words are a noun phrase that stands alone."""
    words = [word.lower() for word in _WORD.findall(bare(subject))]
    if not words or len(words) > MAX_SUBJECT_WORDS or len(subject.split()) > MAX_SUBJECT_WORDS + 1:
        return False
    if subject.split()[0].lower() in NO_SUBJECT - {"the"} or NO_NOUN.intersection(words):
        return False
    if not subject[0].isalnum() or any(sign in subject for sign in '"“”/=<>{}[]|*#%$@'):
        return False
    if words[-1] in VAGUE and not any(word[0].isupper() for word in bare(subject).split()[1:]):
        return False
    if subject.startswith("The ") and not re.search(r"[A-Z]", subject[4:]):
        # "The attack" is one that was told of before.
        return False
    return len(words) > 1 or (len(words[0]) > 2 and words[0] not in VAGUE and not words[0].isdigit())
