"""A question about a table as it was understood: what is asked of which column, under which conditions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Intent(StrEnum):
    """What is asked."""

    COUNT = "count"
    DISTINCT = "distinct"
    SUM = "sum"
    MEAN = "mean"
    MEDIAN = "median"
    MIN = "min"
    MAX = "max"
    WHICH = "which"
    LIST = "list"
    GROUP = "group"
    GROUP_WHICH = "group which"
    EXISTS = "exists"
    SHARE = "share"
    COMPARE = "compare"
    DIFFERENCE = "difference"
    RANGE = "range"


class Order(StrEnum):
    """Which end of a column is wanted."""

    MIN = "min"
    MAX = "max"


Bound = Decimal | date | str


@dataclass(frozen=True, slots=True)
class RowCondition:
    """What rows must say in a column.

    op: "in", "not in", "=", "<", "<=", ">", ">=", "between", "not between", "is", "null" (no value), or
        "says" (its one value is a part of the cell).
    values: one, two for "between", any number for "in". than: a column and cells of it, with the value of
        whose row it is compared; values are () then. other: a column with whose value in the same row it is
        compared; values are () then. at: place of its words in the question.
    """

    column: int
    op: str
    values: tuple[Bound | bool, ...]
    than: tuple[int, tuple[str, ...]] | None = None
    other: int | None = None
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuestion:
    """A question that a table can answer.

    measure: column that is added up, averaged or ordered by. shown: column that names what is found.
    targets: columns of a row that are asked for. group: column whose values are looked at each by itself.
    aggregate: of each group. top: how many of the first; 0: all that are alike. pair: cells of `shown` that
    are compared, each as they are written. nth: which of the first, from 1; 0: none of them alone.
    part: conditions of those of the rows whose share is asked for. span: what days are grouped by, "month" or
    "year". having: what the number of rows of a group must be, as an operator and a number.
    noun: what is counted, in the question's words.
    cost: how far the question's words are from the table's; 0 at best.
    """

    intent: Intent
    conditions: tuple[RowCondition, ...] = ()
    measure: int | None = None
    shown: int | None = None
    targets: tuple[int, ...] = ()
    group: int | None = None
    aggregate: Intent | None = None
    order: Order | None = None
    top: int = 0
    pair: tuple[tuple[str, ...], ...] = ()
    nth: int = 0
    part: tuple[RowCondition, ...] = ()
    span: str = ""
    having: tuple[str, int] | None = None
    noun: str = ""
    cost: float = 0.0
