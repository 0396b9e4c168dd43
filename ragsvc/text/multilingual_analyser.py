"""Turns texts of any language into terms: stems and stop words are those of the language of the text."""

from __future__ import annotations

import threading

import Stemmer

from ragsvc.text.analyser import WordAnalyser, tokens_of
from ragsvc.text.languages import ENGLISH, NOT_LATIN, languages_of
from ragsvc.text.stopwords import stop_words

VERSION = "1"
STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "eo": "esperanto",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
}


class MultilingualAnalyser:
    """Words stemmed in their language, scripts without blanks by character pairs, identifiers in parts."""

    def __init__(self) -> None:
        self._words: dict[str, WordAnalyser] = {}
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Changes whenever the same text may give other terms."""
        return f"multilingual-{VERSION}"

    def terms(self, text: str) -> list[str]:
        """Terms in order, repeats kept; no stop words.

        Where the language is not sure, as of a query of two words, a token gives the terms of each that may
        be meant.

        :param text: any length; compatibility forms, case and accents make no difference.
        """
        codes = languages_of(text)
        terms: list[str] = []
        for token in tokens_of(text):
            # Among other letters, words in Latin ones are names and English.
            if token.isascii() and NOT_LATIN.issuperset(codes):
                terms.extend(self._of(ENGLISH).terms(token))
            elif len(codes) == 1:
                terms.extend(self._of(codes[0]).terms(token))
            else:
                found = (term for code in codes for term in self._of(code).terms(token))
                terms.extend(dict.fromkeys(found))
        return terms

    def _of(self, code: str) -> WordAnalyser:
        with self._lock:
            if code not in self._words:
                self._words[code] = _made(code)
            return self._words[code]


def _made(code: str) -> WordAnalyser:
    name = STEMMERS.get(code)
    stem = Stemmer.Stemmer(name).stemWord if name else str
    return WordAnalyser(stem, stop_words(code), keeps_accents=code != ENGLISH)
