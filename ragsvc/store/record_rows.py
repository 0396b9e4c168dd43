"""Rows of records: from data to columns and back, and their removal with all that hangs on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, delete, func, literal, or_, select, update

from ragsvc.domain import (
    AnswerRecord,
    RecordCitation,
    RecordFeedback,
    RecordOrigin,
    RecordPassage,
)
from ragsvc.store.columns import canonical_json
from ragsvc.store.engine import batches
from ragsvc.store.metadata_index import leaves
from ragsvc.store.tables import feedback, record, record_field

CORPUS = "corpus"
METADATA = "metadata"
_ALIKE = (
    "id", "parent", "session", "owner", "tenant", "created_at", "question", "searched", "answer",
    "confidence", "unsupported", "support", "generator", "latency_ms",
)  # fmt: skip
_PASSAGE = tuple(field.name for field in fields(RecordPassage))
_CITATION = tuple(field.name for field in fields(RecordCitation))


def row_of(kept: AnswerRecord) -> dict[str, Any]:
    """The columns of a record."""
    return {
        **{name: getattr(kept, name) for name in _ALIKE},
        "origin": kept.origin.value,
        "corpora": list(kept.corpora),
        "answered": int(kept.answered),
        "far": int(kept.far),
        "timings_ms": dict(kept.timings_ms),
        "commits": {name: int(commit) for name, commit in kept.commits.items()},
        "metadata": dict(kept.metadata),
        # Not asdict, which copies deeply and takes as long as all the rest.
        "passages": [{name: getattr(each, name) for name in _PASSAGE} for each in kept.passages],
        "citations": [{name: getattr(each, name) for name in _CITATION} for each in kept.citations],
    }


def record_of(row: Row[Any], said: Sequence[RecordFeedback]) -> AnswerRecord:
    """Inverse of row_of; said: its feedback."""
    return AnswerRecord(
        **{name: getattr(row, name) for name in _ALIKE},
        origin=RecordOrigin(row.origin),
        corpora=tuple(row.corpora),
        answered=bool(row.answered),
        far=bool(row.far),
        timings_ms=row.timings_ms,
        commits=row.commits,
        metadata=row.metadata,
        passages=tuple(RecordPassage(**each) for each in row.passages),
        citations=tuple(RecordCitation(**each) for each in row.citations),
        feedback=tuple(said),
    )


def field_rows_of(number: int, corpora: Iterable[str], metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of table `record_field` for one record."""
    found = leaves({CORPUS: list(corpora), METADATA: dict(metadata)})
    return [
        {"record_number": number, "name": name, "kind": leaf.kind, "text": leaf.text, "number": leaf.number}
        for name, leaf in sorted(found, key=lambda pair: pair[0])
    ]


def feedback_of(connection: Connection, numbers: Sequence[int]) -> dict[int, list[RecordFeedback]]:
    """Feedback by number of its record, oldest first."""
    found: dict[int, list[RecordFeedback]] = {number: [] for number in numbers}
    for some in batches(numbers):
        statement = (
            select(feedback, record.c.id.label("record_id"))
            .join_from(feedback, record, record.c.number == feedback.c.record_number)
            .where(feedback.c.record_number.in_(some))
            .order_by(feedback.c.number)
        )
        for row in connection.execute(statement):
            found[row.record_number].append(
                RecordFeedback(
                    record=row.record_id,
                    owner=row.owner,
                    created_at=row.created_at,
                    score=row.score,
                    label=row.label,
                    comment=row.comment,
                    corrected_answer=row.corrected_answer,
                    tags=tuple(row.tags),
                )
            )
    return found


def of_corpus(name: str) -> Select[Any]:
    """Numbers of the records whose answers read a corpus."""
    return select(record_field.c.record_number).where(
        record_field.c.name == CORPUS, record_field.c.kind == "s", record_field.c.text == name
    )


def delete_records(connection: Connection, wanted: Select[Any]) -> int:
    """Delete records with their feedback; who followed one of them follows the one before it.

    :param wanted: their numbers.
    :return: how many there were.
    """
    numbers = list(connection.execute(wanted.distinct()).scalars())
    parents: dict[str, str | None] = {}
    for some in batches(numbers):
        rows = connection.execute(select(record.c.id, record.c.parent).where(record.c.number.in_(some)))
        parents.update((row.id, row.parent) for row in rows)
        for table in (feedback, record_field):
            connection.execute(delete(table).where(table.c.record_number.in_(some)))
        connection.execute(delete(record).where(record.c.number.in_(some)))
    for some_ids in batches(list(parents)):
        orphans = select(record.c.number, record.c.parent).where(record.c.parent.in_(some_ids))
        for row in connection.execute(orphans).all():
            living = _living(row.parent, parents)
            connection.execute(update(record).where(record.c.number == row.number).values(parent=living))
    return len(numbers)


def forget_document(connection: Connection, corpus: str, document_id: str) -> int:
    """See `Records.forget_document`."""
    # As it stands in canonical JSON; inside of a quote, its marks would be escaped.
    place = canonical_json({"corpus": corpus, "document_id": document_id})[1:-1]
    columns = (record.c.passages, record.c.citations)
    reads = or_(*(func.instr(column, literal(place, Text)) > 0 for column in columns))
    statement = select(record.c.number, record.c.session, record.c.answer, record.c.citations)
    # All of them: their words are read into memory, as many as one document was asked for.
    found = connection.execute(statement.where(reads)).all()
    for row in found:
        blank = [{**each, "quote": ""} for each in row.citations]
        words = update(record).where(record.c.number == row.number)
        connection.execute(words.values(answer="", citations=blank, searched=None))
    sessions = sorted({row.session for row in found if row.session is not None})
    for some in batches(sessions):
        connection.execute(update(record).where(record.c.session.in_(some)).values(searched=None))
    return sum(bool(row.answer) for row in found)


def _living(parent: str | None, gone: Mapping[str, str | None]) -> str | None:
    while parent is not None and parent in gone:
        parent = gone[parent]
    return parent
