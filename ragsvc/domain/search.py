"""Search: what is asked of it, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ragsvc.domain.arrays import CommitId, F32Matrix, F32Vector, F64Vector
from ragsvc.domain.documents import Passage
from ragsvc.domain.places import Places


class Mode(StrEnum):
    """Which legs answer a query."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Fusion(StrEnum):
    """How the two legs become one ranking."""

    CONVEX = "convex"
    RRF = "rrf"


class Collapse(StrEnum):
    """Whether passages of nearly the same text are shown once (the others in `duplicates`)."""

    DUPLICATES = "duplicates"
    OFF = "off"


class Role(StrEnum):
    """Who says a turn of a conversation."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One search result; score: higher is better, comparable within one response.

    duplicates: documents that hold the same or nearly the same text, left out for it; best first,
        each once; the hit's own when it says the same again elsewhere.
    places: of its version, that the passage overlaps.
    """

    rank: int
    score: float
    corpus: str
    passage: Passage
    duplicates: tuple[str, ...] = ()
    places: Places = ()


@dataclass(frozen=True, slots=True)
class ChunkText:
    """The words of a chunk; title and headings: of the place where it stands."""

    title: str
    headings: tuple[str, ...]
    text: str

    @property
    def whole(self) -> str:
        """Title, headings and text."""
        return "\n".join((self.title, *self.headings, self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The best candidates of one query for a second look, best first.

    question: the stand-alone query. vector: its embedding, (dim,) float32, L2-normalised.
    texts: of each.
    scores: (m,) float64, of the fusion. dense: (m,) cosines. lexical: (m,) BM25.
    lexical_best: the highest BM25 of any chunk that the query may find, at least 0.
    vectors: (m, dim) float32, rows L2-normalised.
    weight_of: inverse frequency of a term in the corpus, at least 0.
    dense_weight: [0, 1], share of the dense leg in the fusion.
    """

    question: str
    vector: F32Vector
    texts: tuple[ChunkText, ...]
    scores: F64Vector
    dense: F64Vector
    lexical: F64Vector
    lexical_best: float
    vectors: F32Matrix
    weight_of: Callable[[str], float]
    dense_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """Hits of one query, all from one commit.

    searched: the stand-alone query that was searched for, its slips put right; None when it is the query.
    """

    corpus: str
    commit: CommitId
    query: str
    mode: Mode
    hits: tuple[Hit, ...]
    searched: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """One query. corpora: at least one name. k: 1..200. where: a filter as JSON, or None.

    at: a commit number, tag, "head" or "head~N" of every corpus; None: the head.
    history: the turns before the query, oldest first, at most 200.
    """

    corpora: tuple[str, ...]
    query: str
    k: int = 10
    mode: Mode = Mode.HYBRID
    where: Mapping[str, Any] | None = None
    collapse: Collapse = Collapse.DUPLICATES
    at: str | None = None
    history: tuple[Turn, ...] = ()


class ContextDependence(StrEnum):
    """How much a question needs what was said before it."""

    NONE = "none"
    SOME = "some"
    MUCH = "much"


@dataclass(frozen=True, slots=True)
class RewrittenQuery:
    """A question with what it takes over from the conversation.

    question: as it was asked. carried: words, at most 6, as they were written; () when it stands by itself.
    """

    question: str
    carried: tuple[str, ...] = ()
    lean: ContextDependence = ContextDependence.NONE

    @property
    def searched(self) -> str:
        """The stand-alone query; the question itself when nothing is carried."""
        return " ".join((self.question, *self.carried))
