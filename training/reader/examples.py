"""One example of the reader's training, and what its labels mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

NO_LABEL = -1


class Support(IntEnum):
    """How a claim stands to its evidence; UNSUPPORTED is not stated or contradicted, nobody said which."""

    SUPPORTED = 0
    CONTRADICTED = 1
    NOT_STATED = 2
    UNSUPPORTED = 3


@dataclass(frozen=True, slots=True)
class Example:
    """A question or claim with one text.

    header: title or headings over the text; "" for none. start, end: code points of the answer in `text`;
    -1 where it has none (the target is the null span) or none is known (spans is False).
    answerable, relevant: 1, 0, or NO_LABEL. support: a member of `Support`, or NO_LABEL.
    weight: above 0; less than 1 for labels that no person gave. group: examples of one text or article.
    """

    question: str
    text: str
    source: str
    group: str
    header: str = ""
    start: int = -1
    end: int = -1
    spans: bool = False
    answerable: int = NO_LABEL
    relevant: int = NO_LABEL
    support: int = NO_LABEL
    weight: float = 1.0
