"""What the tests of answers share: documents as they are found, and how they are answered from."""

from __future__ import annotations

from collections.abc import Sequence

from doubles import HashEmbedder
from made_hits import hits_of

from ragsvc.domain import VersionId, VersionText
from ragsvc.pipeline.generation.composition import AnswerPart, compose
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.documents import DocumentPart, DocumentReader
from ragsvc.pipeline.grounding.scored_unit import ScoredUnit
from ragsvc.pipeline.grounding.unit_scores import score_units
from ragsvc.pipeline.word_coverage import TextVectors
from ragsvc.text.analyser import StandardAnalyser

ANALYSER = StandardAnalyser()
MARKDOWN, PLAIN = "text/markdown", "text/plain"


def parts_of(texts: Sequence[str], media_type: str) -> dict[int, DocumentPart]:
    """The same, parsed."""
    stored = {
        VersionId(rank): VersionText(id=VersionId(rank), title="", text=text, media_type=media_type, pages=())
        for rank, text in enumerate(texts, start=1)
    }
    return DocumentReader(lambda ids: [stored[each] for each in ids]).parts(hits_of(texts))


def scored(
    question: str, texts: Sequence[str], media_type: str = MARKDOWN, shape: AnswerShape = AnswerShape.FACT
) -> list[ScoredUnit]:
    """The units of some documents, best first."""
    embedder = HashEmbedder()
    vector = embedder.embed_queries([question])[0]
    vectors = TextVectors(embedder)
    return score_units(
        question, vector, hits_of(texts), parts_of(texts, media_type), vectors, ANALYSER, shape
    )


def parts(
    question: str, *texts: str, media_type: str = MARKDOWN, shape: AnswerShape = AnswerShape.FACT
) -> tuple[AnswerPart, ...]:
    """An answer's parts."""
    return compose(scored(question, texts, media_type, shape), shape, ANALYSER, question)


def said(
    question: str, *texts: str, media_type: str = MARKDOWN, shape: AnswerShape = AnswerShape.FACT
) -> str:
    """An answer without its markers."""
    return "\n\n".join(part.text for part in parts(question, *texts, media_type=media_type, shape=shape))
