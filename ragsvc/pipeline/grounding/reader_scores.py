"""How a reader's answers change the scores of units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragsvc.domain import Hit, Passage, ReaderFinding, ReaderText
from ragsvc.pipeline.grounding.answer_shape import AnswerShape
from ragsvc.pipeline.grounding.rows import without_columns
from ragsvc.pipeline.grounding.scored_unit import SHOWN_TITLES, ScoredUnit, best_first
from ragsvc.pipeline.grounding.unit_features import alone_features, span_features, squeezed, unit_model
from ragsvc.protocols import Reader

# So many units are read alone, each by itself.
READ_UNITS = 8
_READ_TITLES = 2


def read_units(
    question: str, scored: Sequence[ScoredUnit], passages: Sequence[Hit], reader: Reader, shape: AnswerShape
) -> tuple[list[ScoredUnit], list[ReaderFinding]]:
    """Score the units anew by the answers that a reader finds in some passages, then in the best units alone.

    :return: units, best first, and what was found in each passage.
    """
    findings = reader.read(question, [_passage_text(hit.passage) for hit in passages])
    spans = [
        (hit.passage.version_id, hit.passage.start + start, hit.passage.start + end, squeezed(margin))
        for hit, finding in zip(passages, findings, strict=True)
        for start, end, margin in finding.spans
    ]
    version = {hit.rank: hit.passage.version_id for hit in passages}
    spans_model = unit_model("spans")
    found = []
    for each in scored:
        unit = each.unit
        read = max(
            (
                share
                for of, start, end, share in spans
                if of == version.get(each.number) and unit.start < end and start < unit.end
            ),
            default=0.0,
        )
        features = {**each.features, **span_features(read, unit.kind, shape)}
        found.append(replace(each, score=spans_model.score(features), read=read, features=features))
    found.sort(key=best_first)
    best, rest = found[:READ_UNITS], found[READ_UNITS:]
    texts = [ReaderText(" > ".join(each.unit.path[-SHOWN_TITLES:]), each.unit.whole) for each in best]
    best = [
        _read_alone(each, finding, shape)
        for each, finding in zip(best, reader.read(question, texts), strict=True)
    ]
    lowest = min(each.score for each in best)
    # What was not read by itself stays behind what was.
    rest = [replace(each, score=min(each.score, lowest)) for each in rest]
    return sorted([*best, *rest], key=best_first), findings


def _passage_text(passage: Passage) -> ReaderText:
    titles = without_columns(passage)[-_READ_TITLES:] or (passage.title,)
    return ReaderText(" > ".join(titles), passage.text)


def _read_alone(scored: ScoredUnit, finding: ReaderFinding, shape: AnswerShape) -> ScoredUnit:
    features = {**scored.features, **alone_features(finding, shape)}
    return replace(scored, score=unit_model("read").score(features), features=features)
