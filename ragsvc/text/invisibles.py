"""Characters that nobody sees: those that hide, smuggle or turn around what is read."""

from __future__ import annotations

import re
import unicodedata

# Category Cf, and these beside it: fillers and joiners that are letters or marks by their category.
_BESIDE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f]")
_JOINERS = frozenset("\u200c\u200d")
_EMOJI_VARIATIONS = frozenset("\ufe0e\ufe0f")
# What may be written as text or as a picture: these, and what is a symbol or a sign by its category.
_VARIED = frozenset("0123456789#*\u2139")
_SYMBOLS = frozenset(("So", "Sk", "Sm", "Po", "Pd"))
# Signs of category Cf that are seen: they stand before or around numbers.
_SEEN = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f]")
# A flag of a region: the black flag, a code in tag characters, and their end.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
# Scripts in which a joiner or its absence is spelling, as Unicode names their letters.
_JOINING = frozenset((
    "ADLAM", "ARABIC", "BENGALI", "DEVANAGARI", "GUJARATI", "GURMUKHI", "HANIFI", "KANNADA", "KHMER", "LAO",
    "MALAYALAM", "MANDAIC", "MANICHAEAN", "MONGOLIAN", "MYANMAR", "NKO", "ORIYA", "PHAGS-PA", "SINHALA",
    "SYRIAC", "TAMIL", "TELUGU", "THAI", "TIBETAN",
))  # fmt: skip
_MAX_SPELT = 4


def hides(text: str) -> bool:
    """Whether a text holds characters that are not seen, or that change the direction of others."""
    return bool(_hidden(text))


def spelt(text: str) -> str:
    """A text with an escape, such as <U+202E>, for each character that is not seen; of a run the first."""
    places = _hidden(text)
    pieces: list[str] = []
    at = run = 0
    for number, place in enumerate(places):
        run = run + 1 if number and places[number - 1] == place - 1 else 1
        pieces.append(text[at:place])
        at = place + 1
        if run <= _MAX_SPELT:
            pieces.append(f"<U+{ord(text[place]):04X}>")
        elif number + 1 == len(places) or places[number + 1] != at:
            pieces.append(f"<and {run - _MAX_SPELT} more>")
    return "".join(pieces) + text[at:]


def _hidden(text: str) -> list[int]:
    """Where they stand, in order."""
    if text.isascii():
        return []
    places = [at for at, sign in enumerate(text) if sign > "\x7f" and _is_hidden(text, at, sign)]
    if places and "\U0001f3f4" in text:
        flags = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
        places = [at for at in places if at not in flags]
    return places


def _is_hidden(text: str, at: int, sign: str) -> bool:
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if sign in _JOINERS:
        return not (_joins(before) or (sign == "\u200d" and _is_picture(before) and _is_picture(after)))
    if _VARIATIONS.match(sign):
        return not _is_varied(sign, before)
    return sign in _BESIDE or (unicodedata.category(sign) == "Cf" and not _SEEN.match(sign))


def _is_varied(sign: str, before: str) -> bool:
    """Whether a character may have the variation that follows it; letters of our alphabet have none."""
    if sign in _EMOJI_VARIATIONS:
        return before in _VARIED or (bool(before) and unicodedata.category(before) in _SYMBOLS)
    return _name(before).startswith(("CJK ", "MONGOLIAN ", "PHAGS-PA ", "MYANMAR "))


def _joins(sign: str) -> bool:
    return _name(sign).partition(" ")[0] in _JOINING


def _is_picture(sign: str) -> bool:
    return sign in _EMOJI_VARIATIONS or (bool(sign) and unicodedata.category(sign) in _SYMBOLS)


def _name(sign: str) -> str:
    return unicodedata.name(sign, "") if sign else ""
