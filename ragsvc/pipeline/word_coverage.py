"""How well a text covers the words of a question, when synonyms count too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ragsvc.domain import F32Matrix, F32Vector, F64Vector
from ragsvc.lru_cache import LruCache
from ragsvc.protocols import Analyser, Embedder
from ragsvc.text.languages import likely_language
from ragsvc.text.stopwords import ENGLISH, stop_words

# 384 dimensions: about 60 MiB.
TEXTS_KEPT = 40_000
_WORD = re.compile(r"\w[\w\-]*\w|\w")
# Only from where a run begins: in the midst of one it would be tried again at every sign.
_NAME = re.compile(r"(?<![\w\-&.])[\w\-&.]*\w")
# Words that ask rather than name; a text need not hold them to answer.
_ASKING = frozenset(
    """what which who whom whose when where why how many much does do did is are can could should would i me
    my you your it its one make made get got use used called call way kind thing things tell give name
    stand""".split()  # noqa: SIM905 - a list of fifty quoted words reads worse
)


class TextVectors:
    """Embeddings of short texts (words, sentences), kept for those used last."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._held: LruCache[str, F32Vector] = LruCache(TEXTS_KEPT)

    def hold(self, texts: Sequence[str]) -> None:
        """Embed texts that are asked for soon: at once they cost far less than a few at a time."""
        self._get(texts)

    def of(self, texts: Sequence[str]) -> F32Matrix:
        """Embed texts, at least one: (n, dim) float32, rows L2-normalised, input order."""
        known = self._get(texts)
        return np.stack([known[text] for text in texts])

    def _get(self, texts: Sequence[str]) -> dict[str, F32Vector]:
        known = self._held.among(texts)
        fresh = [text for text in dict.fromkeys(texts) if text not in known]
        if fresh:
            made = dict(zip(fresh, self._embedder.embed_documents(fresh), strict=True))
            self._held.put(made)
            known |= made
        return known


def content_words(texts: Iterable[str], analyser: Analyser) -> list[str]:
    """Distinct words that carry content, lower case; of scripts without blanks, their terms."""
    found: dict[str, None] = {}
    for text in texts:
        empty = ENGLISH | stop_words(likely_language(text, letters=1) or "en")
        for word in _WORD.findall(text.lower()):
            if word in empty or word in _ASKING:
                continue
            parts = [word] if word.isascii() else analyser.terms(word)
            found.update(dict.fromkeys(parts))
    return list(found)


def names_in(question: str) -> list[str]:
    """Words of a question that look like names: capitals inside it, capitals in a word, digits.

    A question without small letters gives none, for there capitals tell nothing; in German, where every noun
    has one, only those inside a word and digits tell.
    """
    if not any(letter.islower() for letter in question):
        return []
    nouns_have_capitals = likely_language(question, letters=1) == "de"
    return [
        word
        for place, word in enumerate(_NAME.findall(question))
        if word.lower() not in ENGLISH
        and (
            (place > 0 and word[0].isupper() and not nouns_have_capitals)
            or any(letter.isdigit() for letter in word)
            or any(letter.isupper() for letter in word[1:])
        )
    ]


def soft_coverage(
    question: Sequence[str],
    weights: F64Vector,
    texts: Iterable[str],
    vectors: TextVectors,
    analyser: Analyser,
) -> tuple[float, float]:
    """How near the words of a question come to words of some texts.

    Each word of the question is worth the cosine of the most similar word of the texts, 1 when they
    hold it. A question about something that the texts are silent on has a word that nothing is near.

    :param question: content words. weights: (len(question),) float64, their inverse frequencies.
    :return: weighted mean and minimum, both in [-1, 1]; (1, 1) for a question without content words.
    """
    if not question:
        return 1.0, 1.0
    near = nearest_words(question, texts, vectors, analyser)
    return weighted_mean(near, weights), float(near.min())


def nearest_words(
    question: Sequence[str], texts: Iterable[str], vectors: TextVectors, analyser: Analyser
) -> F64Vector:
    """For each word of a question, at least one, the cosine of the most similar word of some texts.

    :return: (len(question),) float64 in [-1, 1]; zeros when the texts have no content words.
    """
    words = content_words(texts, analyser)
    if not words:
        return np.zeros(len(question))
    nearest: F64Vector = (vectors.of(question) @ vectors.of(words).T).max(axis=1).astype(np.float64)
    return nearest


def weighted_mean(values: F64Vector, weights: F64Vector) -> float:
    """Of at least one value; the plain mean where all weights are 0."""
    total = float(weights.sum())
    return float((values * weights).sum() / total) if total > 0 else float(values.mean())


def word_weights(words: Sequence[str], analyser: Analyser, weight_of: Callable[[str], float]) -> F64Vector:
    """Inverse frequency of each word's rarest term: (len(words),) float64, 0 for a word without terms."""
    return np.array([max((weight_of(term) for term in analyser.terms(word)), default=0.0) for word in words])
