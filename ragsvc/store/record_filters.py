"""Filters over records: the language of filters over documents, with fields of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, not_, or_, select, true

from ragsvc.errors import InvalidFilter
from ragsvc.store.filters import (
    AllOf,
    AnyOf,
    Condition,
    FieldComparison,
    Filter,
    Negation,
    parse_filter,
    typed,
)
from ragsvc.store.record_rows import CORPUS, METADATA
from ragsvc.store.tables import feedback, record, record_field

_STRINGS: Mapping[str, ColumnElement[Any]] = {
    "session": record.c.session,
    "owner": record.c.owner,
    "origin": record.c.origin,
    "created_at": record.c.created_at,
}
_FIELDS = f"{CORPUS} session owner answered confidence origin created_at score {METADATA}.*"


def parse_record_filter(value: Any) -> Filter:
    """Validate a filter over records as it came from JSON.

    :raises InvalidFilter: naming the field or operator that is wrong.
    """
    where = parse_filter(value)
    _check(where)
    return where


def _check(where: Filter) -> None:
    if isinstance(where, AllOf | AnyOf):
        for part in where.parts:
            _check(part)
    elif isinstance(where, Negation):
        _check(where.part)
    elif isinstance(where, Condition) and not (
        where.name in {*_STRINGS, CORPUS, "answered", "confidence", "score"}
        or where.name.startswith(f"{METADATA}.")
    ):
        raise InvalidFilter(f"records have no field {where.name[:80]!r}", hint=f"fields: {_FIELDS}")


def matching_records(where: Filter) -> ColumnElement[bool]:
    """Turn a filter into a condition on `record` rows."""
    if isinstance(where, AllOf):
        return and_(true(), *(matching_records(part) for part in where.parts))
    if isinstance(where, AnyOf):
        return or_(false(), *(matching_records(part) for part in where.parts))
    if isinstance(where, Negation):
        return not_(matching_records(where.part))
    assert isinstance(where, Condition), "records mention nothing"
    if where.name in _STRINGS:
        return _string(_STRINGS[where.name], where)
    if where.name == "answered":
        words = case((record.c.answered == 1, "true"), else_="false")
        return typed(where, words, words, lambda kind: true() if kind == "b" else false())
    if where.name == "confidence":
        return _number(record.c.confidence, where)
    if where.name == "score":
        # Not looked up record by record: few have any feedback.
        return record.c.number.in_(select(feedback.c.record_number).where(_number(feedback.c.score, where)))
    f = record_field.c
    rows = select(f.record_number).where(
        f.name == where.name, typed(where, f.text, f.number, lambda kind: f.kind == kind)
    )
    if where.comparison in (FieldComparison.IN, FieldComparison.EXISTS):
        return record.c.number.in_(rows)
    # Many records lie in a range: a page is full long before all of them are listed.
    return rows.where(f.record_number == record.c.number).correlate(record).exists()


def _number(column: ColumnElement[Any], where: Condition) -> ColumnElement[bool]:
    return typed(where, column, column, lambda kind: true() if kind == "n" else false())


def _string(column: ColumnElement[Any], where: Condition) -> ColumnElement[bool]:
    """A text that may be missing, as the session of a record is: then only `null` equals it."""
    there = column.is_not(None)
    if where.comparison is FieldComparison.EXISTS:
        return there
    strings = typed(where, column, column, lambda kind: there if kind == "s" else false())
    missing = where.comparison is FieldComparison.IN and any(leaf.kind == "z" for leaf in where.values)
    # Never unknown: what is not true of a missing text is false, so that $ne finds it.
    return or_(and_(there, strings), column.is_(None)) if missing else and_(there, strings)
