"""How a reader's answers change the scores of units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ragsvc.domain import Hit, Passage, ReaderFinding, ReaderText
from ragsvc.pipeline.grounding.answer_shape import SHORT_ANSWERS, AnswerShape
from ragsvc.pipeline.grounding.rows import without_columns
from ragsvc.pipeline.grounding.scored_unit import COMPOSITE, SHOWN_TITLES, ScoredUnit, best_first
from ragsvc.protocols import Reader

# What the best answer that a reader finds in a passage is worth, how it tells good ones apart, how many units
# it reads alone, and what being an answer alone is worth.
SPAN_SHARE = 0.6
READER_SPREAD = 2.0
READ_UNITS = 8
UNIT_SHARE = 0.3
# It was trained on short answers: of lists, steps and code it says less.
LONG_TRUST = 0.33
_READ_TITLES = 2


def read_units(
    question: str, scored: Sequence[ScoredUnit], passages: Sequence[Hit], reader: Reader, shape: AnswerShape
) -> tuple[list[ScoredUnit], list[ReaderFinding]]:
    """Score the units anew by the answers that a reader finds in some passages, then in the best units alone.

    :return: units, best first, and what was found in each passage.
    """
    trust = 1.0 if shape in SHORT_ANSWERS else LONG_TRUST
    findings = reader.read(question, [_passage_text(hit.passage) for hit in passages])
    spans = [
        (hit.passage.version_id, hit.passage.start + start, hit.passage.start + end, _odds(margin))
        for hit, finding in zip(passages, findings, strict=True)
        for start, end, margin in finding.spans
    ]
    version = {hit.rank: hit.passage.version_id for hit in passages}
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
        weight = trust * (SPAN_SHARE / 2 if unit.kind in COMPOSITE else SPAN_SHARE)
        found.append(replace(each, score=each.score + weight * read, read=read))
    found.sort(key=best_first)
    best, rest = found[:READ_UNITS], found[READ_UNITS:]
    texts = [ReaderText(" > ".join(each.unit.path[-SHOWN_TITLES:]), each.unit.whole) for each in best]
    alone = reader.read(question, texts)
    best = [
        replace(each, score=each.score + trust * UNIT_SHARE * _odds(2.0 * finding.answerable))
        for each, finding in zip(best, alone, strict=True)
    ]
    lowest = min(each.score for each in best)
    # What was not read by itself stays behind what was.
    rest = [replace(each, score=min(each.score, lowest)) for each in rest]
    return sorted([*best, *rest], key=best_first), findings


def _passage_text(passage: Passage) -> ReaderText:
    titles = without_columns(passage)[-_READ_TITLES:] or (passage.title,)
    return ReaderText(" > ".join(titles), passage.text)


def _odds(margin: float) -> float:
    """A difference of logits in (0, 1)."""
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, margin / READER_SPREAD))))
