"""Rated answers as questions: what people said of answers becomes what later answers are held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ragsvc.domain import AnswerRecord, RecordOrigin, Role

# As many as a request may have.
MAX_TURNS = 200


class RatingGap(StrEnum):
    """Why a record is no question: nobody knows what would have been right, or its text is not kept."""

    UNRATED = "unrated"
    SYNTHETIC = "synthetic"
    WITHOUT_TEXT = "without_text"
    WITHOUT_CORRECTION = "without_correction"


@dataclass(frozen=True, slots=True)
class RatedQuestions:
    """Lines of a golden set, oldest question first, and how many records are none, by why."""

    lines: tuple[Mapping[str, Any], ...]
    skipped: Mapping[RatingGap, int]


def rated_questions(
    records: Iterable[AnswerRecord], *, corpus: str | None = None, synthetic: bool = False
) -> RatedQuestions:
    """Make a golden set, in the format of `evaluation/questions.py`, of the records that were rated.

    A corrected answer is what is right, the last one said; else an answer with a mean score above 0 is, with
    the places that it cites, and a refusal with such a score was right. Of an answer with a lower score
    nobody knows what would have been right.

    :param corpus: only answers from it alone; None: of every corpus.
    :param synthetic: whether those count that no person asked.
    """
    known = {record.id: record for record in records}
    skipped: Counter[RatingGap] = Counter()
    lines = []
    for record in sorted(known.values(), key=lambda each: (each.created_at, each.id)):
        if corpus is not None and record.corpora != (corpus,):
            continue
        line = _line(record, synthetic=synthetic)
        if isinstance(line, RatingGap):
            skipped[line] += 1
            continue
        if turns := list(_history(record, known)):
            line["history"] = turns[-MAX_TURNS:]
        lines.append(line)
    return RatedQuestions(tuple(lines), dict(skipped))


def _line(record: AnswerRecord, *, synthetic: bool) -> dict[str, Any] | RatingGap:
    if not record.feedback:
        return RatingGap.UNRATED
    if record.origin is RecordOrigin.SYNTHETIC and not synthetic:
        return RatingGap.SYNTHETIC
    if not record.question.strip():
        return RatingGap.WITHOUT_TEXT
    line: dict[str, Any] = {"id": record.id, "question": record.question, "origin": record.origin.value}
    corrected = [said.corrected_answer for said in record.feedback if said.corrected_answer.strip()]
    if corrected:
        return line | {"answers": [corrected[-1]]}
    if sum(said.score for said in record.feedback) <= 0:
        return RatingGap.WITHOUT_CORRECTION
    if not record.answered:
        return line | {"answerable": False}
    if not record.answer.strip():
        return RatingGap.WITHOUT_TEXT
    line["answers"] = [_without_markers(record)]
    if record.citations:
        line["documents"] = list(dict.fromkeys(cited.document_id for cited in record.citations))
        line["spans"] = [
            {
                "document_id": cited.document_id,
                "start": cited.start,
                "end": cited.end,
                "quote": cited.quote,
            }
            for cited in record.citations
            if cited.start < cited.end and cited.quote.strip()
        ]
    return line


def _without_markers(record: AnswerRecord) -> str:
    text = record.answer
    for marker in {cited.marker for cited in record.citations}:
        text = text.replace(f" [{marker}]", "").replace(f"[{marker}]", "")
    return text.strip() or record.answer


def _history(record: AnswerRecord, known: Mapping[str, AnswerRecord]) -> Iterator[dict[str, str]]:
    """The turns before a question, oldest first, as far as their records are there."""
    chain: list[AnswerRecord] = []
    seen = {record.id}
    before = record.parent
    while before is not None and before not in seen and before in known:
        seen.add(before)
        chain.append(known[before])
        before = known[before].parent
    for turn in reversed(chain):
        if turn.question.strip() and turn.answer.strip():
            yield {"role": Role.USER.value, "content": turn.question}
            yield {"role": Role.ASSISTANT.value, "content": turn.answer}
