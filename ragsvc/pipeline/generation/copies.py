"""What of a unit must be copied sign by sign: its names, numbers and identifiers, and where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragsvc.protocols import Analyser

_AROUND = ".,;:!?\"'()[]{}“”‘’«»`"
_ENDS = (".", "!", "?", ".)", '."')
_BREAKS = (",", ";", ":", ".", ")")


def identifiers_of(sentence: str) -> list[str]:
    """Words of a sentence with digits, capitals or other signs in them."""
    return [word for word, copied in _words(sentence) if copied]


def are_copied(sentence: str, texts: Sequence[str], analyser: Analyser) -> bool:
    """Whether texts hold every identifier of a sentence, with one of its neighbours there beside it here.

    Neighbours are the nearest words of content that are no identifiers. Identifiers in a row, such as a name,
    are one; what has no neighbours, as in a heading, only has to be there.
    """
    there = [each for text in texts for each in _beside(text, analyser)]
    for run, around in _beside(sentence, analyser):
        if not all(any(holds(text, each) for text in texts) for each in run):
            return False
        same = (near for other, near in there if set(run) <= set(other) or set(other) <= set(run))
        known = set[str]().union(*same)
        if around and known and not around & known:
            return False
    return True


def holds(text: str, identifier: str) -> bool:
    """Whether an identifier stands in a text, whatever its capitals."""
    return re.search(rf"(?<!\w){re.escape(identifier)}(?!\w)", text, re.IGNORECASE) is not None


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Words without the signs around them, and whether each is an identifier."""
    begins = True
    for each in text.split():
        word = each.strip(_AROUND).removesuffix("'s").removesuffix("’s")
        # A sentence begins with a capital, whatever its first word is.
        inside = word[1:] if begins else word
        begins = each.endswith(_ENDS)
        plain = word.replace("-", "").replace("'", "").isalpha() and not word.startswith("-")
        yield word, bool(word) and (not plain or any(sign.isupper() for sign in inside))


def _beside(text: str, analyser: Analyser) -> list[tuple[list[str], set[str]]]:
    """Runs of identifiers, in small letters, with the terms of their neighbours."""
    found: list[tuple[list[str], set[str]]] = []
    before: set[str] = set()
    behind, ended = 0, True
    for (word, copied), raw in zip(_words(text), text.split(), strict=True):
        if copied:
            if ended:
                found.append(([], set(before)))
            found[-1][0].append(word.casefold())
            ended = raw.endswith(_BREAKS)
            continue
        ended = True
        if terms := set(analyser.terms(word)):
            for _, near in found[behind:]:
                near |= terms
            before, behind = terms, len(found)
    return found
