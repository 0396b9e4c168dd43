"""Evidence: the sentences and table rows inside the passages that bear on the question."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
from rank_bm25 import BM25Plus

from ragsvc.domain import Evidence, F32Vector, F64Vector, Hit, Passage
from ragsvc.pipeline.grounding.rows import rows_of, without_columns
from ragsvc.pipeline.grounding.support import BLANK_LINE
from ragsvc.pipeline.wording import TextVectors
from ragsvc.protocols import Analyser
from ragsvc.text.sentences import sentences

# Column names, a fence or a heading are no answer by themselves, nor is a line that announces what follows.
_NOT_PROSE = re.compile(r"\s*(?:#{1,6}\s|\||```|~~~|<[^>]+>\s*$|[-=*_]{3,}\s*$)")
# A question answers none; what follows it may.
_QUESTION = re.compile(r"[?？][\s\"'”’»)\]*_]*\Z")
_WORD = re.compile(r"\w\w+")
# A title of so many words drowns the sentence under it.
LONG_HEADER_WORDS = 10
MAX_SENTENCES = 160
# Chosen on the tuning half of the golden questions; .7 to .9 and 0 to .2 do about as well.
SEMANTIC_SHARE = 0.8
PASSAGE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence or a row that is not scored yet, with the cells of the row, and its passage."""

    evidence: Evidence
    cells: tuple[str, ...]
    passage: Passage

    @property
    def said(self) -> str:
        return self.evidence.said

    @property
    def titled(self) -> str:
        """As it is matched: with its title."""
        return f"{self.passage.title}: {self.said}" if self.passage.title else self.said


def find_evidence(
    question: str, vector: F32Vector, passages: Sequence[Hit], vectors: TextVectors, analyser: Analyser
) -> list[Evidence]:
    """Score every sentence of the passages against the question.

    score = s * cosine + (1 - s) * BM25 among the sentences / its maximum, plus a share of the
    passage's own score, so that of two equal sentences the one in the better passage wins.

    :param vector: (dim,) float32, the embedded question. passages: of one corpus; ranks may have gaps.
    :return: best first.
    """
    candidates = _candidates(passages)
    if not candidates:
        return []
    cosines = _cosines(vector, candidates, vectors)
    wanted = set(analyser.terms(question))
    lexical = _lexical(wanted, [candidate.titled for candidate in candidates], analyser)
    # By rank, not by place: of several corpora these are only the passages of one.
    score_of = {hit.rank: hit.score for hit in passages}
    best = max(score_of.values())
    # Rerankers have scales of their own; where even the best passage is below 0, none is preferred.
    share = {number: max(0.0, score / best) if best > 0.0 else 0.0 for number, score in score_of.items()}
    places = np.array([share[candidate.evidence.number] for candidate in candidates])
    scores = SEMANTIC_SHARE * cosines + (1.0 - SEMANTIC_SHARE) * lexical + PASSAGE_SHARE * places
    order = sorted(range(len(candidates)), key=lambda i: (-round(float(scores[i]), 6), i))
    return [
        replace(
            candidates[place].evidence,
            score=float(scores[place]),
            cosine=float(cosines[place]),
            named=_is_named(candidates[place], wanted, analyser),
        )
        for place in order
    ]


def _is_named(candidate: _Candidate, wanted: Set[str], analyser: Analyser) -> bool:
    cells = candidate.cells
    return not cells or not wanted.isdisjoint(analyser.terms(" ".join(cells)))


def _cosines(vector: F32Vector, candidates: Sequence[_Candidate], vectors: TextVectors) -> F64Vector:
    """Of the question and each sentence under its headings, or without them where they are long."""
    texts = [under_headings(each.passage, each.said) for each in candidates]
    bare = [
        place
        for place, each in enumerate(candidates)
        if len(texts[place].split()) - len(each.said.split()) > LONG_HEADER_WORDS
    ]
    matrix = vectors.of([*texts, *(candidates[place].said for place in bare)])
    found: F64Vector = (matrix @ vector).astype(np.float64)
    cosines = found[: len(texts)]
    cosines[bare] = np.maximum(cosines[bare], found[len(texts) :])
    return cosines


def _candidates(passages: Sequence[Hit]) -> list[_Candidate]:
    found: list[_Candidate] = []
    seen: set[tuple[str, int]] = set()
    for hit in passages:
        passage = hit.passage
        rows = rows_of(passage)
        question, last, replied = "", 0, False
        for span in sentences(passage.text):
            row = rows.get(span.start)
            text = row.reading if row else passage.text[span.start : span.end]
            if _NOT_PROSE.match(text):
                question = ""
                continue
            if question and replied and BLANK_LINE.search(passage.text, last, span.start):
                question = ""
            last = span.end
            if _QUESTION.search(text):
                question, replied = text, False
                continue
            replied = True
            key = (passage.version, passage.start + span.start)
            words = len(_WORD.findall(text))
            if key in seen or text.endswith((":", "：")) or words < (1 if question else 3):
                continue
            seen.add(key)
            start, end = passage.start + span.start, passage.start + span.end
            cells = row.cells if row else ()
            unscored = Evidence(hit.rank, start, end, text, 0.0, 0.0, question)
            found.append(_Candidate(unscored, cells, passage))
            if len(found) == MAX_SENTENCES:
                return found
    return found


def under_headings(passage: Passage, sentence: str) -> str:
    """A sentence as it is embedded: with the headings over it, or else the title."""
    header = " - ".join(without_columns(passage)) or passage.title
    return f"{header}: {sentence}" if header else sentence


def _lexical(terms: Set[str], texts: Sequence[str], analyser: Analyser) -> F64Vector:
    documents = [analyser.terms(text) for text in texts]
    if not terms or not any(documents):
        return np.zeros(len(texts))
    scores = np.asarray(BM25Plus(documents, delta=0.0).get_scores(sorted(terms)), dtype=np.float64)
    top = float(scores.max())
    return scores / top if top > 0 else np.zeros(len(texts))
