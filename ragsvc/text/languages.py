"""In which language a text is written; nothing is loaded before the first text."""

from __future__ import annotations

import threading
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from ragsvc.text.stopwords import stop_words

# Written by many, and told apart by the library well; minor ones would only be mistaken for them.
_CODES = """
    ar az be bg bn ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk kn
    ko lt lv mk ml mn mr ms nb ne nl pa pl pt ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi zh
"""
KNOWN = frozenset(_CODES.split())
_OTHER_SCRIPTS = """
    ar be bg bn el fa gu he hi hy ja ka kk kn ko mk ml mn mr ne pa ru sr ta te th uk ur zh
"""
NOT_LATIN = frozenset(_OTHER_SCRIPTS.split())
ENGLISH = "en"
# Of a long text the beginning tells as much as the whole.
MAX_CHARS = 2000
SURE = 0.9
ENOUGH_LETTERS = 20
# Of prose, about two words in five are stop words; of code, names and numbers hardly one.
ENOUGH_STOP_WORDS = 0.1
MOSTLY_LETTERS = 0.85
# Languages that a text may be in when none is sure.
_MARKS = ".,;:!?()\"'„“”«»"
_MOST = 3
_LEAST = 0.05

_lock = threading.Lock()
_loaded: dict[str, Any] = {}


def languages_of(text: str) -> tuple[str, ...]:
    """ISO 639-1 codes of the languages that a text may be in, likeliest first; one where that is sure.

    :param text: any; one without letters is taken for English.
    """
    return _languages_of(text[:MAX_CHARS])


# An answer asks it of its question and passages several times.
@lru_cache(maxsize=2048)
def _languages_of(beginning: str) -> tuple[str, ...]:
    if not any(map(str.isalpha, beginning)):
        return (ENGLISH,)
    ranked = _identifier().rank(beginning)
    if ranked[0][1] >= SURE:
        return (str(ranked[0][0]),)
    return tuple(str(code) for code, chance in ranked[:_MOST] if chance >= _LEAST) or (str(ranked[0][0]),)


def likeliest_of(text: str, codes: Collection[str]) -> str:
    """Which of some languages a text is in, however unsure that is.

    :param codes: ISO 639-1, at least one that is known.
    """
    return next(str(code) for code, _ in _identifier().rank(text[:MAX_CHARS]) if code in codes)


def likely_language(text: str, letters: int = ENOUGH_LETTERS) -> str | None:
    """ISO 639-1 code of the language that a text is in; None where it is in none, or perhaps in English.

    Code, names and tables are in no language.

    :param letters: of which a text has fewer, it is in none.
    """
    beginning = text[:MAX_CHARS]
    if sum(map(str.isalpha, beginning)) < letters:
        return None
    found = languages_of(beginning)
    if ENGLISH in found and len(found) > 1:
        return None
    return found[0] if found[0] in NOT_LATIN or _is_prose(beginning, found[0]) else None


def _is_prose(text: str, code: str) -> bool:
    """Whether a text in Latin letters has the stop words of its language; letters where none are known."""
    listed = stop_words(code)
    words = text.casefold().split()
    if not listed:
        return sum(map(str.isalpha, text)) >= MOSTLY_LETTERS * sum(map(len, words))
    return sum(word.strip(_MARKS) in listed for word in words) >= ENOUGH_STOP_WORDS * len(words)


def _identifier() -> Any:
    with _lock:
        if "identifier" not in _loaded:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            found.set_languages(sorted(KNOWN.intersection(found.labels)))
            _loaded["identifier"] = found
        return _loaded["identifier"]
