"""Words of a query that no document has, read as the word that was meant: one that the documents do have.

Only a word of letters that stands in no passage that may be seen, and that the embedder does not know as a
word either, is taken for a slip. What takes its place stands in such a passage, so nothing is told of others.
In which language a word alone is, is seldom sure: it may have several stems, and any of them counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from ragsvc.domain import BoolVector, I64Vector
from ragsvc.index.lexical import LexicalView
from ragsvc.pipeline.retrieval.literal_queries import is_literal
from ragsvc.pipeline.retrieval.snapshot import Snapshot, Vocabulary
from ragsvc.protocols import Analyser, Tokeniser
from ragsvc.store.catalog import Catalog
from ragsvc.text.analyser import UNSPACED, fold
from ragsvc.text.analysers import MULTILINGUAL

SHORTEST = 5
LONG = 9
"""Letters from which on a second slip is allowed for."""
MOST_WORDS = 4
"""A query with more strange words is in another language."""
CANDIDATES = 24
ENDING = 3
EXAMPLES = 8
"""Rows that are read to see how a term is written."""

_WORD = re.compile(r"[^\W\d_]+(?:['’\-.][^\W\d_]+)*")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Speller:
    """Reads slips in queries to one corpus as one commit has it."""

    snapshot: Snapshot
    catalog: Catalog
    analyser: Analyser
    tokeniser: Tokeniser

    def read(self, query: str, allowed: BoolVector) -> str:
        """The query with its slips put right; itself when there are none.

        :param allowed: (rows,) bool, the rows that the caller may see.
        """
        if is_literal(query):
            return query
        slips = [match for match in _WORD.finditer(query) if self._is_slip(match[0], allowed)]
        if not slips or len(slips) > MOST_WORDS:
            return query
        read, last = [], 0
        for match in slips:
            name = match[0][0].isupper() and query[: match.start()].strip() != ""
            read += [query[last : match.start()], self._meant(match[0], allowed, name=name) or match[0]]
            last = match.end()
        return "".join((*read, query[last:]))

    def _is_slip(self, word: str, allowed: BoolVector) -> bool:
        if len(word) < SHORTEST or not _LETTERS.fullmatch(word) or self.tokeniser.count(word) == 1:
            return False
        known = self.catalog.chunks.term_ids(self.analyser.terms(word))
        return not any(_rows(self.snapshot.lexical, term, allowed).size for term in known.values())

    def _meant(self, word: str, allowed: BoolVector, *, name: bool) -> str | None:
        """The word of the documents that is nearest, or None.

        :param name: a name with another letter is another name: only letters that changed places are read.
        """
        stems = self.analyser.terms(word)
        if not self._is_one_word(word, stems):
            return None
        many = self.analyser.version == MULTILINGUAL
        vocabulary = self.snapshot.vocabulary.get(self._vocabulary)
        most = 2 if len(word) >= LONG and not name else 1
        # A slip near the end keeps the stemmer from its ending, which the term has not.
        near = [
            (stem, *close)
            for stem in stems
            for close in process.extract(
                stem, vocabulary.terms, scorer=OSA.distance, score_cutoff=most + ENDING, limit=CANDIDATES
            )
        ]
        found: list[tuple[int, bool, int, str]] = []
        for stem, term, slips, place in near:
            if slips > most and OSA.distance(term, stem[: len(term)]) > most:
                continue
            rows = _rows(self.snapshot.lexical, int(vocabulary.numbers[place]), allowed)
            for form in self._forms(term, rows):
                slips = OSA.distance(form.lower(), word.lower())
                same_letters = sorted(form.lower()) == sorted(word.lower())
                # Elsewhere than in English another letter is, more often than not, another form or word.
                careful = name or (many and len(form) == len(word))
                if slips <= most and form[0].lower() == word[0].lower() and (same_letters or not careful):
                    found.append((slips, not same_letters, -rows.size, form))
        if not found:
            return None
        best = min(found)[3]
        return best.lower() if word.islower() and (best.istitle() or best.isupper()) else best

    def _forms(self, term: str, rows: I64Vector) -> set[str]:
        """The ways in which a term is written in some of its rows."""
        texts = self.catalog.passages.chunk_texts(self.snapshot.index.chunk_ids[rows[:EXAMPLES]].tolist())
        words = {match[0] for text in texts for match in _LETTERS.finditer(text.whole)}
        return {word for word in words if self._is_form(word, term)}

    def _is_form(self, word: str, term: str) -> bool:
        stems = self.analyser.terms(word)
        if term in stems:
            return self._is_one_word(word, stems)
        # A word alone may be taken for one of a sister language, which ends words otherwise.
        return self.analyser.version == MULTILINGUAL and fold(word.lower()).startswith(term)

    def _is_one_word(self, word: str, stems: Sequence[str]) -> bool:
        """Whether it has one stem, or one in each of the languages that it may be of."""
        many = self.analyser.version == MULTILINGUAL and _UNSPACED.search(word) is None
        return len(stems) == 1 or (many and bool(stems))

    def _vocabulary(self) -> Vocabulary:
        parts = [part.postings.terms for part in self.snapshot.lexical.parts]
        numbers = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int32)
        named = [
            (term, number)
            for number, term in self.catalog.chunks.terms_of(numbers.tolist())
            if term.isalpha()
        ]
        return Vocabulary(
            tuple(term for term, _ in named), np.array([number for _, number in named], dtype=np.int64)
        )


def _rows(lexical: LexicalView, term: int, allowed: BoolVector) -> I64Vector:
    """Rows that hold a term and may be seen, (df,) int64."""
    found = [part.first + part.postings.find(term)[0].astype(np.int64) for part in lexical.parts]
    rows = np.concatenate(found) if found else np.empty(0, np.int64)
    return rows[allowed[rows]]
