"""Filters: JSON as people know it from Chroma and Pinecone -> validated tree -> SQL condition."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, false, not_, or_, select, true

from ragsvc.errors import InternalError, InvalidFilter
from ragsvc.store.engine import among
from ragsvc.store.metadata_index import Leaf, leaf_of
from ragsvc.store.tables import field as fields
from ragsvc.store.tables import membership

MAX_DEPTH = 16
MAX_VALUES = 1000
MAX_CONDITIONS = 300
MAX_CHARS = 4096
# A longer list names documents one by one, and SQLite nests an OR of many too deep.
_MAX_WHOLES = 100
UPLOAD_ORIGIN = "upload"

MENTIONS = "_mentions"
"""The field of the entities that a document names; whoever holds the relations resolves it."""

_OPERATORS = "$eq $ne $gt $gte $lt $lte $in $nin $all $exists $and $or $not"
_OF_NAMES = "$eq $ne $in $nin $all $not"
_BUILT_IN: dict[str, ColumnElement[str]] = {
    "_id": membership.c.document_id,
    "_source": membership.c.source,
    "_title": membership.c.title,
    "_type": membership.c.media_type,
    "_ingested_at": membership.c.ingested_at,
}


class FieldComparison(StrEnum):
    """What a condition asks of any of the field's values."""

    IN = "in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Condition:
    """One field compared with typed values; true when any value of the field matches."""

    name: str
    comparison: FieldComparison
    values: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches; without parts, everything."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part matches."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The part does not match; so it matches documents that lack the field."""

    part: Filter


@dataclass(frozen=True, slots=True)
class NamedMemberships:
    """What a condition on MENTIONS came to at one commit; memberships: their ids.

    Among filters of one commit and caller, names tell one from another.
    """

    names: tuple[str, ...]
    memberships: tuple[int, ...] = field(repr=False)


# Frozen and typed: equal filters are equal keys, and {"a": true} is not {"a": 1}.
Filter: TypeAlias = Condition | AllOf | AnyOf | Negation | NamedMemberships


def parse_filter(value: Any) -> Filter:
    """Validate a filter as it came from JSON; an empty object matches everything.

    :raises InvalidFilter: naming the field or operator that is wrong.
    """
    return _Parser().group(value, "filter", 1)


class _Parser:
    """Counts what it has seen, so that a filter cannot grow without limit."""

    def __init__(self) -> None:
        self._conditions = 0
        self._values = 0

    def group(self, value: Any, where: str, depth: int) -> Filter:
        if not isinstance(value, Mapping):
            raise _invalid(f"{where} must be an object, not {_name(value)}", 'for example {"lang": "en"}')
        if depth > MAX_DEPTH:
            raise _invalid(f"the filter is nested deeper than {MAX_DEPTH}", "write it flatter")
        self._count()
        parts = [self._entry(key, inner, depth) for key, inner in value.items()]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _entry(self, key: Any, value: Any, depth: int) -> Filter:
        if not isinstance(key, str):
            raise _invalid(f"field names must be strings, not {_name(key)}")
        if key in ("$and", "$or"):
            if not isinstance(value, list) or not value:
                raise _invalid(f"{key} needs a list with at least one filter")
            parts = tuple(self.group(inner, f"an element of {key}", depth + 1) for inner in value)
            return AllOf(parts) if key == "$and" else AnyOf(parts)
        if key == "$not":
            return Negation(self.group(value, "$not", depth + 1))
        if key.startswith("$"):
            raise _unknown(key)
        self._check_text(key, "a field name")
        if not key:
            raise _invalid("a field name is empty")
        if isinstance(value, Mapping):
            return self._field(key, value, depth)
        self._count()
        return Condition(key, FieldComparison.IN, (self._scalar(key, "$eq", value),))

    def _field(self, name: str, operators: Mapping[Any, Any], depth: int) -> Filter:
        if not operators:
            raise _invalid(f"field {name!r} has no operator", f"use one of {_OPERATORS}")
        if depth > MAX_DEPTH:
            raise _invalid(f"the filter is nested deeper than {MAX_DEPTH}", "write it flatter")
        parts = [self._operator(name, key, value, depth) for key, value in operators.items()]
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _operator(self, name: str, operator: Any, value: Any, depth: int) -> Filter:
        self._count()
        if name == MENTIONS and operator not in _OF_NAMES.split():
            raise _invalid(f"{MENTIONS} has no operator {str(operator)[:80]}", f"operators: {_OF_NAMES}")
        if operator in ("$eq", "$ne"):
            equal = Condition(name, FieldComparison.IN, (self._scalar(name, operator, value),))
            return equal if operator == "$eq" else Negation(equal)
        if operator in ("$in", "$nin", "$all"):
            return self._list(name, operator, value)
        if operator in ("$gt", "$gte", "$lt", "$lte"):
            bound = self._scalar(name, operator, value)
            if bound.kind not in ("s", "n"):
                raise _invalid(f"{operator} of field {name!r} needs a string or number, not {_name(value)}")
            return Condition(name, FieldComparison(operator[1:]), (bound,))
        if operator == "$exists":
            if not isinstance(value, bool):
                raise _invalid(f"$exists of field {name!r} needs true or false, not {_name(value)}")
            exists = Condition(name, FieldComparison.EXISTS)
            return exists if value else Negation(exists)
        if operator == "$not":
            if not isinstance(value, Mapping):
                raise _invalid(f"$not of field {name!r} needs an object of operators, not {_name(value)}")
            return Negation(self._field(name, value, depth + 1))
        raise _unknown(operator, name)

    def _list(self, name: str, operator: str, value: Any) -> Filter:
        if not isinstance(value, list) or (operator == "$all" and not value):
            wanted = "a list with at least one value" if operator == "$all" else "a list"
            given = "an empty one" if isinstance(value, list) else _name(value)
            raise _invalid(f"{operator} of field {name!r} needs {wanted}, not {given}")
        leaves = tuple(self._scalar(name, operator, inner) for inner in value)
        if operator == "$all":
            return AllOf(tuple(Condition(name, FieldComparison.IN, (leaf,)) for leaf in leaves))
        found = Condition(name, FieldComparison.IN, leaves)
        return found if operator == "$in" else Negation(found)

    def _scalar(self, name: str, operator: str, value: Any) -> Leaf:
        self._values += 1
        if name == MENTIONS and not isinstance(value, str):
            raise _invalid(
                f"{MENTIONS} needs names as strings, not {_name(value)}", f"operators: {_OF_NAMES}"
            )
        if self._values > MAX_VALUES:
            raise _invalid(f"the filter has more than {MAX_VALUES} values")
        if isinstance(value, str):
            self._check_text(value, f"{operator} of field {name!r}")
        elif isinstance(value, float) and not math.isfinite(value):
            raise _invalid(f"{operator} of field {name!r} needs a finite number")
        elif value is not None and not isinstance(value, bool | int | float):
            raise _invalid(
                f"{operator} of field {name!r} needs a string, number, boolean or null, not {_name(value)}",
                "for one of several values use $in",
            )
        try:
            return leaf_of(value)
        except OverflowError as error:
            raise _invalid(f"{operator} of field {name!r} has a number that is too large") from error

    def _count(self) -> None:
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise _invalid(f"the filter has more than {MAX_CONDITIONS} conditions")

    @staticmethod
    def _check_text(text: str, where: str) -> None:
        if len(text) > MAX_CHARS:
            raise _invalid(f"{where} is longer than {MAX_CHARS} characters")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise _invalid(f"{where} is not valid Unicode") from error


def resolved(where: Filter, look_up: Callable[[str], Sequence[int]]) -> Filter:
    """A filter whose conditions on MENTIONS are replaced by the memberships that meet them.

    :param look_up: ids of the memberships that mention what is called so; () for what nothing is called.
    """
    if isinstance(where, AllOf):
        return AllOf(tuple(resolved(part, look_up) for part in where.parts))
    if isinstance(where, AnyOf):
        return AnyOf(tuple(resolved(part, look_up) for part in where.parts))
    if isinstance(where, Negation):
        return Negation(resolved(where.part, look_up))
    if not isinstance(where, Condition) or where.name != MENTIONS:
        return where
    names = tuple(leaf.text for leaf in where.values if leaf.text is not None)
    found = sorted({number for name in names for number in look_up(name)})
    return NamedMemberships(names, tuple(found))


def names_in(where: Filter) -> bool:
    """Whether a filter asks what documents mention."""
    if isinstance(where, AllOf | AnyOf):
        return any(map(names_in, where.parts))
    if isinstance(where, Negation):
        return names_in(where.part)
    return isinstance(where, Condition) and where.name == MENTIONS


def matching(where: Filter, corpus_id: int | None = None) -> ColumnElement[bool]:
    """Turn a filter into a condition on `membership` rows.

    :param corpus_id: given, leaves are looked up by value over that whole corpus (best for
        all its documents); None: per membership (best for a few rows).
    """
    if isinstance(where, AllOf):
        return and_(true(), *(matching(part, corpus_id) for part in where.parts))
    if isinstance(where, AnyOf):
        return or_(false(), *(matching(part, corpus_id) for part in where.parts))
    if isinstance(where, Negation):
        return not_(matching(where.part, corpus_id))
    if isinstance(where, NamedMemberships):
        return among(membership.c.id, where.memberships)
    if where.name == MENTIONS:
        raise InternalError("a condition on what documents mention was not resolved")
    if where.name in _BUILT_IN:
        return _built_in(_BUILT_IN[where.name], where)
    condition = typed(where, fields.c.text, fields.c.number, lambda kind: fields.c.kind == kind)
    if corpus_id is None:
        rows = select(fields.c.membership_id).where(
            fields.c.membership_id == membership.c.id, fields.c.name == where.name, condition
        )
        return rows.correlate(membership).exists()
    found = select(fields.c.membership_id).where(
        fields.c.corpus_id == corpus_id, fields.c.name == where.name, condition
    )
    return membership.c.id.in_(found)


def _built_in(column: ColumnElement[str], where: Condition) -> ColumnElement[bool]:
    strings = tuple(leaf for leaf in where.values if leaf.kind == "s")
    if where.comparison is FieldComparison.EXISTS:
        return true()
    if not strings:
        return false()
    kept = Condition(where.name, where.comparison, strings)
    found = typed(kept, column, column, lambda _kind: true())
    if where.name == "_id" and where.comparison is FieldComparison.IN and len(strings) <= _MAX_WHOLES:
        found = or_(found, *(_inside(str(leaf.text)) for leaf in strings))
    return found


def _inside(whole: str) -> ColumnElement[bool]:
    """Documents inside a document: who names a mail means what is attached to it too."""
    m = membership.c
    # "$" is the character after "#".
    return and_(
        m.document_id >= f"{whole}#", m.document_id < f"{whole}$", m.origin.in_((whole, UPLOAD_ORIGIN))
    )


def typed(
    where: Condition,
    text: ColumnElement[Any],
    number: ColumnElement[Any],
    of_kind: Callable[[str], ColumnElement[bool]],
) -> ColumnElement[bool]:
    """Compare a value that is there with the typed values of a condition.

    :param text: the value as text, of the kinds that are. number: the same of numbers.
    :param of_kind: whether the value is of a kind of leaf.
    """
    if where.comparison is FieldComparison.EXISTS:
        return true()
    if where.comparison is FieldComparison.IN:
        kinds: dict[str, list[Leaf]] = {}
        for leaf in where.values:
            kinds.setdefault(leaf.kind, []).append(leaf)
        return or_(false(), *(_among(kind, some, text, number, of_kind) for kind, some in kinds.items()))
    bound = where.values[0]
    column, value = (text, bound.text) if bound.kind == "s" else (number, bound.number)
    compared = {
        FieldComparison.GT: column > value,
        FieldComparison.GTE: column >= value,
        FieldComparison.LT: column < value,
        FieldComparison.LTE: column <= value,
    }[where.comparison]
    return and_(of_kind(bound.kind), compared)


def _among(
    kind: str,
    some: list[Leaf],
    text: ColumnElement[Any],
    number: ColumnElement[Any],
    of_kind: Callable[[str], ColumnElement[bool]],
) -> ColumnElement[bool]:
    if kind == "z":
        return of_kind(kind)
    if kind == "n":
        return and_(of_kind(kind), number.in_([leaf.number for leaf in some]))
    return and_(of_kind(kind), text.in_([leaf.text for leaf in some]))


def _name(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)


def _unknown(operator: Any, name: str | None = None) -> InvalidFilter:
    place = "" if name is None else f" in field {name!r}"
    return _invalid(f"unknown operator {str(operator)[:80]!r}{place}", f"operators: {_OPERATORS}")


def _invalid(message: str, hint: str = "") -> InvalidFilter:
    return InvalidFilter(message, hint=hint or f"operators: {_OPERATORS}")
