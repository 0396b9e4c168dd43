"""What became of a question: whether its answer is good, partly good or wrong, or a refusal was right.

A question tells by patterns what a right answer holds, and what makes it wrong; nothing else judges.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from ragsvc.evaluation.drafts.markup import plain

T = TypeVar("T")

MAX_PATTERN_CHARS = 1000
SHORT_CHARS, LONG_CHARS = 1200, 2500
# Who asks for a word or a sentence has not got it when a page comes.
MAX_CHARS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("definition", "fact", "number", "yes_no"), SHORT_CHARS)
    | dict.fromkeys(("code", "comparison", "list", "steps", "summary"), LONG_CHARS)
)


class Outcome(StrEnum):
    """The first four are of questions that have an answer, the others of those that have none."""

    GOOD = "good"
    PARTLY = "partly"
    WRONG = "wrong"
    WRONGLY_REFUSED = "wrongly_refused"
    RIGHTLY_REFUSED = "rightly_refused"
    ANSWERED_WRONGLY = "answered_wrongly"


OF_ANSWERABLE = (Outcome.GOOD, Outcome.PARTLY, Outcome.WRONG, Outcome.WRONGLY_REFUSED)
OF_UNANSWERABLE = (Outcome.RIGHTLY_REFUSED, Outcome.ANSWERED_WRONGLY)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an answer is held to; all are regular expressions, sought anywhere and without regard to case.

    accept: groups of alternatives; a good answer matches one of each group.
    partly: what earns an answer that matches no group half the praise.
    reject: what no right answer holds, such as another version's note.
    surplus: what a good answer leaves out, such as a neighbour's row; with it, it is partly good at best.
    max_chars: a longer answer is partly good at best; None: as its kind has it.
    """

    accept: tuple[tuple[str, ...], ...] = ()
    partly: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    max_chars: int | None = None


@dataclass(frozen=True, slots=True)
class OutcomeVerdict:
    """An outcome and why. missing: groups without a match. rejected, surplus: patterns that matched."""

    outcome: Outcome
    missing: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    too_long: bool = False


def read_expectation(row: Mapping[str, Any]) -> Expectation | None:
    """Read "accept", "partly", "reject", "surplus" and "max_chars" of a line; None where it has none of them.

    :raises ValueError: with what is wrong, in words for a person.
    """
    longest = row.get("max_chars")
    if longest is not None and (isinstance(longest, bool) or not isinstance(longest, int) or longest < 1):
        raise ValueError('"max_chars" must be a whole number from 1')
    found = Expectation(
        accept=_each(row, "accept", _group),
        partly=_each(row, "partly", _pattern),
        reject=_each(row, "reject", _pattern),
        surplus=_each(row, "surplus", _pattern),
        max_chars=longest,
    )
    if not found.accept and (found.partly or found.surplus or longest is not None):
        raise ValueError('"partly", "surplus" and "max_chars" mean nothing without "accept"')
    return found if found != Expectation() else None


def judge(
    expected: Expectation, kind: str | None, answer: str | None, *, answerable: bool = True
) -> OutcomeVerdict:
    """Hold an answer to what is expected.

    Of a question without an answer, one that matches all of `accept` and nothing of `reject`, such as
    "no price is given", counts as a refusal.

    :param answer: None for a refusal.
    """
    if answer is None:
        return OutcomeVerdict(Outcome.WRONGLY_REFUSED if answerable else Outcome.RIGHTLY_REFUSED)
    texts = _readings(answer)
    missing = tuple(" | ".join(group) for group in expected.accept if not _any(group, texts))
    rejected = tuple(each for each in expected.reject if _any((each,), texts))
    surplus = tuple(each for each in expected.surplus if _any((each,), texts))
    all_there = bool(expected.accept) and not missing
    if not answerable:
        fits = all_there and not rejected
        return OutcomeVerdict(
            Outcome.RIGHTLY_REFUSED if fits else Outcome.ANSWERED_WRONGLY, missing, rejected
        )
    longest = expected.max_chars or MAX_CHARS.get(kind or "")
    too_long = longest is not None and len(answer) > longest
    some_there = len(missing) < len(expected.accept) or _any(expected.partly, texts)
    if rejected or not (some_there or all_there):
        outcome = Outcome.WRONG
    else:
        outcome = Outcome.GOOD if all_there and not surplus and not too_long else Outcome.PARTLY
    return OutcomeVerdict(outcome, missing, rejected, surplus, too_long)


def outcome_values(outcome: Outcome, kind: str | None) -> dict[str, float]:
    """Shares to be: 1.0 for what it is and 0.0 for what it might have been, and so by kind ("good:fact")."""
    names = OF_ANSWERABLE if outcome in OF_ANSWERABLE else OF_UNANSWERABLE
    values = {name.value: float(name is outcome) for name in names}
    if kind is not None:
        values |= {f"{name}:{kind}": value for name, value in list(values.items())}
    return values


def kind_of(name: str) -> tuple[str, str] | None:
    """Outcome and kind of a figure's name such as "good:fact"; None for any other figure."""
    outcome, colon, kind = name.partition(":")
    return (outcome, kind) if colon and outcome in list(Outcome) else None


def _readings(answer: str) -> tuple[str, ...]:
    """An answer on one line as it is, and without inline Markdown."""
    text = " ".join(unicodedata.normalize("NFKC", answer).split())
    return tuple(dict.fromkeys((text, plain(text))))


def _any(patterns: tuple[str, ...], texts: tuple[str, ...]) -> bool:
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns for text in texts)


def _each(row: Mapping[str, Any], name: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    values = row.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ValueError(f'"{name}" must be a list')
    return tuple(read(value, name) for value in values)


def _group(value: Any, name: str) -> tuple[str, ...]:
    if isinstance(value, list) and value:
        return tuple(_pattern(each, name) for each in value)
    return (_pattern(value, name),)


def _pattern(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_PATTERN_CHARS:
        raise ValueError(
            f'each of "{name}" must be a regular expression of 1 to {MAX_PATTERN_CHARS} characters'
        )
    try:
        compiled = re.compile(value, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f'{value[:80]!r} in "{name}" is no regular expression: {error}') from error
    if compiled.search(""):
        raise ValueError(f'{value[:80]!r} in "{name}" matches every answer')
    return value
