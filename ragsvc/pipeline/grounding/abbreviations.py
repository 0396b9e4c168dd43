"""Abbreviations that documents introduce: "generative adversarial network (GAN)".

A short form is told from other words in brackets by its letters, which stand in the words before it in their
order, the first at the start of a word (Schwartz and Hearst 2003, "A simple algorithm for identifying
abbreviation definitions in biomedical text").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MAX_SHORT_CHARS = 10
# A long form has at most so many words more than the short one has letters.
MORE_WORDS = 5
_IN_BRACKETS = re.compile(r"\(([^\W_][\w&/.-]{1,9})\)")
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_WRITTEN = re.compile(r"\S+")
# What may stand around a word: one that is a part of a longer name, as "MTP" is of "MTP/3", stays as it is.
_AROUND = "?!.,;:()\"'"
_WINDOW_CHARS = 200


def long_forms(texts: Iterable[str]) -> dict[str, str]:
    """Long forms by their short ones, as the texts introduce them; the first one counts."""
    found: dict[str, str] = {}
    for text in texts:
        for match in _IN_BRACKETS.finditer(text):
            short = match.group(1)
            if _is_short(short) and short not in found:
                before = text[max(0, match.start() - _WINDOW_CHARS) : match.start()]
                long = _long_of(short, before)
                if long:
                    found[short] = long
    return found


def spelt_out(question: str, forms: Mapping[str, str]) -> str:
    """A question with the long form behind each short one that it does not hold as well."""
    folded = question.casefold()

    def spell(match: re.Match[str]) -> str:
        written = match.group()
        word = written.strip(_AROUND)
        long = forms.get(word) or forms.get(word.removesuffix("s"))
        if not long or long.casefold() in folded:
            return written
        at = written.index(word) + len(word)
        return f"{written[:at]} ({long}){written[at:]}"

    return _WRITTEN.sub(spell, question) if forms else question


def _is_short(short: str) -> bool:
    """Whether it may be a short form: a name with a number is an identifier, which binds by itself."""
    letters = [sign for sign in short if sign.isalpha()]
    return len(letters) > 1 and any(map(str.isupper, letters[:2])) and not any(map(str.isdigit, short))


def _long_of(short: str, before: str) -> str:
    """The words at the end of a text that a short form stands for; "" where it stands for none."""
    words = list(_WORD.finditer(before))
    letters = [sign.casefold() for sign in short if sign.isalnum()]
    most = min(len(letters) + MORE_WORDS, 2 * len(letters))
    if not words or before[words[-1].end() :].strip():
        return ""
    at = len(before)
    first = words[max(0, len(words) - most)].start()
    starts = {word.start() for word in words}
    for number in range(len(letters) - 1, -1, -1):
        at -= 1
        while at >= first and not (before[at].casefold() == letters[number] and (number or at in starts)):
            at -= 1
        if at < first:
            return ""
    long = " ".join(before[at:].split())
    return long if len(long) > len(short) else ""
