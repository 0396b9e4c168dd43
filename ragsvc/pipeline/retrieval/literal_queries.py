"""Queries that ask for their very words: names such as `max_tokens`, and quotes."""

from __future__ import annotations

import re

# Chosen with names and quotes drawn from two sets of documentation, see docs/fusion.md; .1 does as well.
LITERAL_WEIGHT = 0.3

_QUOTE = re.compile(r'\s*(?:"[^"]+"|“[^“”]+”|„[^„“”]+[“”]|«[^«»]+»)\s*')
_NAME = re.compile(r"[A-Za-z_][\w.-]{3,}", re.ASCII)
# A capital after a small letter, a sign between letters, or a digit.
_INSIDE = re.compile(r"[a-z][A-Z]|\w[_.]\w|\d", re.ASCII)
_AROUND = "`'\".,;:?!()[]"


def dense_weight_of(text: str, usual: float) -> float:
    """The share of the dense leg for a query: a vector hardly tells one rare name from another.

    Only a query that is a quote as a whole, or in which every word is a name, is taken at its word; a
    question that holds a name asks for more than the name.

    :param usual: [0, 1], what is set; never exceeded.
    """
    return min(usual, LITERAL_WEIGHT) if is_literal(text) else usual


def is_literal(text: str) -> bool:
    """Whether a query is nothing but names, or one quote."""
    words = [word.strip(_AROUND) for word in text.split()]
    return bool(_QUOTE.fullmatch(text)) or (bool(words) and all(map(_is_name, words)))


def _is_name(word: str) -> bool:
    return bool(_NAME.fullmatch(word)) and bool(_INSIDE.search(word))
