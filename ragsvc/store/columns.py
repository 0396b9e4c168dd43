"""Types of columns that several tables share, and how their indexes and constraints are called."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic_core import from_json
from sqlalchemy import BigInteger, Dialect, Integer, Text, TypeDecorator

from ragsvc.domain import Caveat
from ragsvc.errors import InvalidRequest

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite numbers rows by itself only when the type is exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> str:
    """Write JSON so that equal values give equal strings.

    :raises InvalidRequest: if the value is not JSON (NaN, infinity, an object of Python).
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"a value cannot be stored as JSON: {error}", hint="use strings, finite numbers, booleans, lists"
        ) from error


def _read(text: str | None) -> Any:
    """Inverse of canonical_json; a cell that is empty gives None."""
    if text is None:
        return None
    try:
        return from_json(text)
    except ValueError:
        # It takes neither lone surrogates nor what is nested deeper than 200.
        return json.loads(text)


def as_rows(caveats: Iterable[Caveat]) -> list[list[str]]:
    """Caveats as they are stored."""
    return [[caveat.code, caveat.message] for caveat in caveats]


def as_caveats(rows: Iterable[Sequence[str]]) -> tuple[Caveat, ...]:
    """Inverse of as_rows."""
    return tuple(Caveat(code, message) for code, message in rows)


class CanonicalJson(TypeDecorator[Any]):
    """JSON in a text column, always in canonical form, so that rows can be compared as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else canonical_json(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Any]:  # noqa: ARG002
        # Not process_result_value, which is called through two more functions: lists read thousands of cells.
        return _read
