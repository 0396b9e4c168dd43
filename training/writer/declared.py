"""A question and its short answer as one sentence, where the question's form allows it."""

from __future__ import annotations

import re

from training.writer.examples import capital

_WHO = re.compile(
    r"^(?:who (?:\w+s(?<!was)(?<!is)(?<!has)(?<!does)|won|wrote|sang|made|gave|took|led|built|found|held|"
    r"began|became|ran|lost|sold|bought|taught|\w+ed)|what \w+ed) .+$",
    re.IGNORECASE,
)
_NOUN_IS = re.compile(r"^(?:what|who) (is|are|was|were) ((?:the|one|another) .{3,80})$", re.IGNORECASE)
_WHEN = re.compile(
    r"^(?:when|where|in what year|in which year) (is|are|was|were) (.{3,60}) (\w+ed|born|built|held|"
    r"made|found|written|sold|won|known|given|taken|sent|set|put)$",
    re.IGNORECASE,
)
OPEN_ENDS = (
    "called",
    "known as",
    " by",
    " to",
    " of",
    " for",
    " in",
    " on",
    " from",
    " with",
    " as",
    " like",
)
"""With these a question waits for its answer, whose place is then not the one that is taken here."""
_PREPOSITION = re.compile(
    r"\b(in|on|at|from|by|during|since|near|after|before|around) (?:the )?$", re.IGNORECASE
)


def declared(question: str, answer: str, before: str) -> str:
    """One sentence, or "" where the question's form is another.

    :param before: what stands before the answer in its sentence: its preposition tells "when" and "where".
    """
    asked = " ".join(question.split()).rstrip("?. ")
    answer = answer.rstrip(".")
    if asked.endswith(OPEN_ENDS):
        return ""
    if _WHO.match(asked):
        return f"{capital(answer)} {asked.split(None, 1)[1]}."
    # What begins a sentence has a capital that it may not have elsewhere.
    if (found := _NOUN_IS.match(asked)) and before:
        return f"{capital(found.group(2))} {found.group(1).lower()} {answer}."
    if (found := _WHEN.match(asked)) and (way := _PREPOSITION.search(before)):
        subject = capital(found.group(2))
        return f"{subject} {found.group(1).lower()} {found.group(3)} {way.group().lower()}{answer}."
    return ""
