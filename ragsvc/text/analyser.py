"""Turns text into the terms that lexical search matches."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Set

import Stemmer

from ragsvc.text.stopwords import ENGLISH

VERSION = "1"

# Words of a cache entry; a longer token is a script without blanks or rubbish, and is seen once.
MAX_CACHED_CHARS = 40
MAX_CACHE_WORDS = 200_000
# A longer term is no word: only its beginning is kept, so that rubbish cannot swell the index.
MAX_TERM_CHARS = 64

# Scripts that write no blanks between words, and Hangul, whose words carry their particles.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U000323af"
)
# Vowel signs and accents are not \w, yet they are parts of words.
MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u0dff"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3"
)
_CHAR = rf"[\w{MARKS}]"
# C++, C# and F# before words, so that their signs stay; \b would not do after a sign.
_TOKEN = re.compile(rf"(?<!\w)[A-Za-z](?:\+\+|\#)(?![\w+#])|{_CHAR}+(?:['’.\-]{_CHAR}+|,\d\d\d(?!\w))*")
_ASCII_TOKEN = re.compile(r"(?<!\w)[A-Za-z](?:\+\+|\#)(?![\w+#])|\w+(?:['.\-]\w+|,\d\d\d(?!\w))*", re.ASCII)
_PLAIN = re.compile(r"[a-z0-9]+|[A-Z][a-z0-9]+")
_UNSPACED_RUN = re.compile(f"([{UNSPACED}]+)")
_NUMBER = re.compile(r"v?(\d+(?:\.\d+)+)")
_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SPLIT = re.compile(r"[._\-]+")


class StandardAnalyser:
    """English words stemmed, other scripts by character pairs, identifiers whole and in parts."""

    def __init__(self) -> None:
        self._words = WordAnalyser(Stemmer.Stemmer("english").stemWord, ENGLISH)

    @property
    def version(self) -> str:
        """Changes whenever the same text may give other terms."""
        return f"standard-{VERSION}"

    def terms(self, text: str) -> list[str]:
        """Terms in order, repeats kept; no stop words.

        :param text: any length; compatibility forms, case and accents make no difference.
        """
        terms: list[str] = []
        for token in tokens_of(text):
            terms.extend(self._words.terms(token))
        return terms


def tokens_of(text: str) -> list[str]:
    """What stands between blanks and punctuation, identifiers and numbers whole, in order."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text)
    return _TOKEN.findall(unicodedata.normalize("NFKC", text))


class WordAnalyser:
    """The terms of single tokens in one language, which it remembers."""

    def __init__(
        self, stem: Callable[[str], str], stop_words: Set[str], *, keeps_accents: bool = False
    ) -> None:
        """Take what the language needs.

        :param stem: of a casefolded word. stop_words: casefolded.
        :param keeps_accents: whether the two know words with their accents, which come off afterwards.
        """
        self._stem = stem
        self._stop_words = stop_words
        self._keeps_accents = keeps_accents
        self._cache: dict[str, tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def terms(self, token: str) -> tuple[str, ...]:
        """Terms of one token."""
        known = self._cache.get(token)
        return self._expand(token) if known is None else known

    def _expand(self, token: str) -> tuple[str, ...]:
        with self._lock:
            terms = tuple(term[:MAX_TERM_CHARS] for term in self._analyse(token))
            if len(token) <= MAX_CACHED_CHARS:
                if len(self._cache) >= MAX_CACHE_WORDS:
                    self._cache.clear()
                self._cache[token] = terms
            return terms

    def _analyse(self, token: str) -> list[str]:
        if token.isascii():
            return self._compound(token)
        terms: list[str] = []
        shown = token if self._keeps_accents else fold(token)
        for number, part in enumerate(_UNSPACED_RUN.split(shown)):
            if number % 2:
                terms += _pairs(part)
            elif part.strip("'’.-_"):
                terms += self._compound(part.strip("'’.-_").replace("’", "'"))
        return terms

    def _compound(self, token: str) -> list[str]:
        """Terms of one token between blanks: a word, a number, or several joined by signs."""
        if _PLAIN.fullmatch(token):
            return self._word(token)
        token = token.replace(",", "")
        number = _NUMBER.fullmatch(token.lower())
        if number:
            return _number(number.group(1))
        if "'" in token and self._keeps_accents:
            # Of other languages than English: l'université, dell'acqua.
            return [term for part in token.split("'") if part for term in self._compound(part)]
        if "'" in token:
            token = re.sub(r"'[sS]$", "", token)
            if token.lower() in self._stop_words:
                return []
            token = token.replace("'", "")
        parts = [hump for part in _SPLIT.split(token) for hump in _humps(part)]
        joined = _SPLIT.sub("", token)
        if not joined:
            return []
        if max(map(len, parts)) == 1 or len(parts) == 1:
            return self._word(joined)
        terms = [term for part in parts if len(part) > 1 or part.isdigit() for term in self._word(part)]
        return [*terms, *self._word(joined)]

    def _word(self, word: str) -> list[str]:
        lowered = word.casefold()
        if lowered in self._stop_words:
            return []
        stem = self._stem(lowered)
        shown = fold(stem) if self._keeps_accents else stem
        # Of accents that stand alone nothing is left.
        return [shown] if shown else []


def _humps(part: str) -> list[str]:
    """Split camel case: HTTPServer gives HTTP and Server; a word without inner capitals stays."""
    if not part:
        return []
    if part.isascii() and any(char.isupper() for char in part[1:]) and not part.isupper():
        return _HUMP.findall(part)
    return [part]


def _number(digits: str) -> list[str]:
    """A decimal stays whole; 2.13.0 is also found by 2.13."""
    parts = digits.split(".")
    return [digits] if len(parts) == 2 else [digits, ".".join(parts[:2])]


def _pairs(run: str) -> list[str]:
    """Overlapping character pairs, and each character, so that a word of one character is found too."""
    return [*(run[place : place + 2] for place in range(len(run) - 1)), *run]


def fold(token: str) -> str:
    """Take accents off Latin, Greek, Cyrillic, Hebrew and Arabic; other scripts need their marks."""
    decomposed = unicodedata.normalize("NFD", token)
    kept = "".join(
        char for char in decomposed if not (char < "\u0700" and unicodedata.category(char) == "Mn")
    )
    return unicodedata.normalize("NFC", kept)
