"""What a question asks for, and whether a text has something of that kind: by English words."""

from __future__ import annotations

import re

_ASKING = re.compile(
    r"\b(how (?:many|much|long|old|far|often|large|big|tall)|when|where|who|whom|whose|why|which|what|how)\b",
    re.I,
)
_TIME_ASKED = re.compile(r"\b(?:what|which) (?:year|date|day|month|century|decade|time)", re.I)
_PLACE_ASKED = re.compile(r"\b(?:what|which) (?:country|city|place|state|region|continent|river)", re.I)
_CALENDAR = (
    "january|february|march|april|may|june|july|august|september|october|november|december|century|centuries|"
    "spring|summer|autumn|winter|monday|tuesday|wednesday|thursday|friday|saturday|sunday|bc|ad|years?|days?|"
    "months?|weeks?|decades?"
)
_TIME = re.compile(rf"\b(?:1[0-9]\d\d|20\d\d|[1-9]\d\d)s?\b|\b(?:{_CALENDAR})\b", re.I)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|"
    r"thousand|million|billion|dozen|half|third|quarter|percent|single|double|both|several|many|few)\b",
    re.I,
)
# A word with a capital after another word, an abbreviation, or a capital inside a word.
_NAME = re.compile(r"(?<=\S\s)[A-Z][\w\-]+|\b[A-Z]{2,}\b|(?<![a-z])[a-z]+[A-Z]\w+")
_NEGATION = re.compile(r"\b(?:not|no|never|none|nor|neither|cannot)\b|n['’]t\b", re.I)
_WORD = re.compile(r"\w+")


def lacks_kind(question: str, text: str) -> bool:
    """Whether a question asks for a number, a time, a person or a place, and a text has none.

    What the question says itself does not count: "When did the 1901 Act end?" asks for another year.
    """
    kind = _kind(question)
    if kind is None:
        return False
    said = set(_WORD.findall(question.lower()))
    return all(found.group().lower() in said for found in kind.finditer(text))


def _kind(question: str) -> re.Pattern[str] | None:
    """What the right answer holds; None when it may be anything."""
    found = _ASKING.search(question)
    asking = found.group(1).lower() if found else ""
    if asking.startswith("how "):
        return _NUMBER
    if asking == "when" or _TIME_ASKED.search(question):
        return _TIME
    if asking in ("who", "whom", "whose", "where") or _PLACE_ASKED.search(question):
        return _NAME
    return None


def negates(text: str) -> bool:
    """Whether a text says "not" in one of its forms."""
    return _NEGATION.search(text) is not None
