"""Drafts a golden set from a corpus by rules, for a person to edit; no model takes part.

Deterministic for the same documents and seed.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ragsvc.evaluation.drafts.candidates import (
    Candidate,
    DraftSource,
    DraftVocabulary,
    candidates,
    content_words,
    words_of,
)
from ragsvc.evaluation.drafts.unanswerable import ATTRIBUTE_WORDS, far, near

ORIGIN = "synthetic"
MAX_HOLDERS = 3
READINGS = 3
# Of so many documents that name a subject, one is probably no longer the only one that answers.
SUBJECT_SHARE, SUBJECT_DOCUMENTS = 0.02, 3
DEFINED_SHARE, DEFINED_DOCUMENTS = 0.25, 6
_REPEATED_KIND = 0.6


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line of a golden set.

    documents: ids of all that hold the quote; () when unanswerable.
    document_id, start, end: where the quote stands, in code points of the stored text; "" and 0 when
        unanswerable.
    kind: the rule that it comes from; "near" and "far" are unanswerable.
    """

    question: str
    kind: str
    documents: tuple[str, ...] = ()
    document_id: str = ""
    start: int = 0
    end: int = 0
    quote: str = ""
    answer: str = ""
    phrase: str = ""

    @property
    def answerable(self) -> bool:
        """Whether the corpus answers it."""
        return bool(self.documents)


@dataclass(slots=True)
class _Occurrence:
    """What the last reading found of a candidate: who holds its quote and its subject, what stands beside."""

    holders: list[str]
    subjects: int
    beside: set[str]


def draft(
    read: Callable[[], Iterable[DraftSource]], count: int, seed: int, unanswerable: float
) -> list[DraftLine]:
    """Draft up to `count` questions, spread over documents and kinds.

    :param read: gives all documents in the same order each time; they are read three times.
    :param count: at least 1; fewer come where the rules find no more.
    :param unanswerable: their share, 0 to 0.9; half about the corpus's subjects, half about others.
    """
    vocabulary = DraftVocabulary()
    for source in read():
        vocabulary.add(source)
    aside = round(count * unanswerable)
    found = {s.document_id: c for s in read() if (c := candidates(s, vocabulary))}
    pool = _spread(_unique(found, vocabulary), 4 * count + 40, random.Random(seed))  # noqa: S311 - not a secret
    seen = _look_again(read(), pool)
    both = list(zip(pool, seen, strict=True))
    kept = _mixed([(c, s) for c, s in both if _is_unambiguous(c, s, vocabulary.count)], count - aside)
    if not kept:
        return []
    # Where few can be drafted, the share is kept.
    aside = min(aside, round(len(kept) * unanswerable / (1 - unanswerable)))
    return [_drafted(c, s) for c, s in kept] + _unanswered(both, vocabulary, aside, seed)


def _mixed(found: Sequence[tuple[Candidate, _Occurrence]], count: int) -> list[tuple[Candidate, _Occurrence]]:
    """The first of them, but fewer than half "What is X?" as long as there are others."""
    plain = [each for each in found if each[0].asked.kind == "definition"]
    others = len(found) - len(plain)
    wanted = max((count - 1) // 2, count - others)
    chosen = {id(each) for each in plain[:wanted]}
    return [each for each in found if each[0].asked.kind != "definition" or id(each) in chosen][:count]


def to_line(drafted: DraftLine) -> dict[str, Any]:
    """The question as a line of a golden set holds it; its id stays the same from draft to draft."""
    digest = hashlib.sha256(drafted.question.encode()).hexdigest()[:10]
    line: dict[str, Any] = {"id": f"draft-{digest}", "question": drafted.question}
    if drafted.answerable:
        line |= {
            "documents": list(drafted.documents),
            "spans": [
                {
                    "document_id": drafted.document_id,
                    "start": drafted.start,
                    "end": drafted.end,
                    "quote": drafted.quote,
                }
            ],
            "answers": [drafted.answer],
            "phrases": [drafted.phrase] if drafted.phrase else [],
        }
    else:
        line["answerable"] = False
    return line | {"kind": drafted.kind, "origin": ORIGIN}


def _drafted(candidate: Candidate, seen: _Occurrence) -> DraftLine:
    return DraftLine(
        question=candidate.asked.question,
        kind=candidate.asked.kind,
        documents=tuple(sorted(seen.holders)),
        document_id=candidate.document_id,
        start=candidate.start,
        end=candidate.end,
        quote=candidate.quote,
        answer=candidate.answer,
        phrase=candidate.asked.phrase,
    )


def _key(text: str) -> str:
    return " ".join(words_of(text))


def _unique(
    found: dict[str, list[Candidate]], vocabulary: DraftVocabulary
) -> dict[str, list[tuple[float, Candidate]]]:
    """Candidates with their salience; what two documents ask alike, or twice of one span, is left out."""
    spoken = Counter(_key(c.asked.question) for many in found.values() for c in many)
    answers: dict[str, set[str]] = defaultdict(set)
    for many in found.values():
        for c in many:
            answers[_key(c.asked.question)].add(c.quote)
    kept: dict[str, list[tuple[float, Candidate]]] = {}
    taken: set[str] = set()
    for document, many in found.items():
        spans: set[int] = set()
        for c in many:
            key = _key(c.asked.question)
            # The same words again elsewhere are a copy; other words are another answer.
            if spoken[key] > MAX_HOLDERS or len(answers[key]) > 1 or key in taken or c.start in spans:
                continue
            taken.add(key)
            spans.add(c.start)
            kept.setdefault(document, []).append((_salience(c, vocabulary), c))
    return kept


def _salience(candidate: Candidate, vocabulary: DraftVocabulary) -> float:
    """Mean idf of the subject's words, up to 1; rarer subjects are clearer."""
    words = content_words(candidate.asked.subject) or [""]
    most = math.log(1 + vocabulary.count)
    rare = sum(math.log((1 + vocabulary.count) / (1 + vocabulary.documents[word])) for word in words) / len(
        words
    )
    return rare / most if most else 0.0


def _spread(
    found: dict[str, list[tuple[float, Candidate]]], limit: int, chance: random.Random
) -> list[Candidate]:
    """Take from the documents in turn, each time the most salient of a kind that was seldom taken."""
    turn = sorted(found)
    chance.shuffle(turn)
    kinds: Counter[str] = Counter()
    left = {document: list(found[document]) for document in turn}
    pool: list[Candidate] = []
    while turn and len(pool) < limit:
        for document in turn:
            total = sum(kinds.values()) + 1
            best = max(
                left[document],
                key=lambda each: (
                    each[0] - _REPEATED_KIND * kinds[each[1].asked.kind] / total,
                    -each[1].start,
                ),
            )
            left[document].remove(best)
            kinds[best[1].asked.kind] += 1
            pool.append(best[1])
        turn = [document for document in turn if left[document]]
    return pool[:limit]


def _look_again(read: Iterable[DraftSource], pool: Sequence[Candidate]) -> list[_Occurrence]:
    """Find who else holds what the candidates are about."""
    seen = [_Occurrence([], 0, set()) for _ in pool]
    subjects = [f" {_key(c.asked.subject)} " for c in pool]
    for source in read:
        words = words_of(f"{source.title}\n{source.text}")
        text = f" {' '.join(words)} "
        attributes = ATTRIBUTE_WORDS.intersection(words)
        for candidate, subject, entry in zip(pool, subjects, seen, strict=True):
            if subject in text or f"{subject[:-1]}s " in text:
                entry.subjects += 1
                entry.beside |= attributes
                if candidate.quote in source.text:
                    entry.holders.append(source.document_id)
    return seen


def _is_unambiguous(candidate: Candidate, seen: _Occurrence, documents: int) -> bool:
    if not 1 <= len(seen.holders) <= MAX_HOLDERS or candidate.document_id not in seen.holders:
        return False
    defined = candidate.asked.kind in {"definition", "abbreviation", "purpose"}
    share, least = (DEFINED_SHARE, DEFINED_DOCUMENTS) if defined else (SUBJECT_SHARE, SUBJECT_DOCUMENTS)
    return candidate.asked.kind == "heading-question" or seen.subjects <= max(least, share * documents)


def _unanswered(
    pool: Sequence[tuple[Candidate, _Occurrence]], vocabulary: DraftVocabulary, count: int, seed: int
) -> list[DraftLine]:
    """Half near, half far; where one kind runs out, the other fills in."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    others = [DraftLine(question, "far") for question in far(vocabulary)]
    chance.shuffle(others)
    about = list(_near(pool, count, chance))
    remote = others[: max(count // 2, count - len(about))]
    return about[: count - len(remote)] + remote


def _is_term(subject: str) -> bool:
    """Whether it is a name, or a term of two or three words: who would patent "the hook"?"""
    words = subject.split()
    named = any(letter.isupper() for letter in subject[1:]) or (len(words) == 1 and subject[0].isupper())
    return len(words) <= 3 and (named or len(words) > 1)


def _near(
    pool: Sequence[tuple[Candidate, _Occurrence]], count: int, chance: random.Random
) -> Iterator[DraftLine]:
    asked: Counter[str] = Counter()
    taken: set[str] = set()
    defined = [(c, s) for c, s in pool if c.asked.named and _is_term(c.asked.subject)]
    chance.shuffle(defined)
    for candidate, seen in defined:
        if len(taken) >= count:
            return
        subject = re.sub(r"^an? ", "the ", candidate.asked.named)
        possible = near(subject, candidate.answer, frozenset(seen.beside))
        if possible and subject.lower() not in taken:
            attribute = min(possible, key=lambda each: asked[each.question])
            asked[attribute.question] += 1
            taken.add(subject.lower())
            yield DraftLine(attribute.question.format(subject), "near")
