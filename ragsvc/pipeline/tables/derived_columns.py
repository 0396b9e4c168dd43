"""Columns that follow from two others for certain: what a stock is worth, what is free, what is earned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.typed_table import ColumnKind, Formula, TableColumn, TypedTable

_UNIT_PRICES = frozenset(
    {"unit", "each", "piece", "retail", "cost", "selling", "shop", "purchase"}
    | {"einzelpreis", "stückpreis", "einkaufspreis", "verkaufspreis"}
)


@dataclass(frozen=True, slots=True)
class _Place:
    at: int
    column: TableColumn


def derived_columns(table: TypedTable) -> Iterator[TableColumn]:
    """The columns that a table gives besides its own, each where only two of its columns can be meant."""
    numbers = [
        _Place(at, column)
        for at, column in enumerate(table.columns)
        if column.kind is ColumnKind.NUMBER and not column.is_identifier and not column.is_year
    ]
    own = frozenset().union(*(column.concepts for column in table.columns))
    if not own & {"worth", "revenue", "discount"}:
        counts = [each for each in numbers if each.column.concepts & lexicon().members["pieces"]]
        for price in numbers:
            is_price = "price" in price.column.concepts and price.column.unit in lexicon().currencies
            if len(counts) == 1 and is_price and _is_of_one_piece(table, price.column, counts[0].column):
                yield _made("worth", counts[0], "*", price, price.column.unit)
    for concept, whole, part in (("free", "capacity", "occupied"), ("margin", "retail", "cost")):
        left, right = _only(numbers, whole), _only(numbers, part)
        if left and right and left != right and concept not in own and left.column.unit == right.column.unit:
            yield _made(concept, left, "-", right, left.column.unit)


def _only(numbers: Sequence[_Place], concept: str) -> _Place | None:
    found = [each for each in numbers if concept in each.column.concepts | set(each.column.words)]
    return found[0] if len(found) == 1 else None


def _is_of_one_piece(table: TypedTable, price: TableColumn, count: TableColumn) -> bool:
    """Whether a price is that of one piece: by its name, or as a thing has one however many there are."""
    if _UNIT_PRICES.intersection(price.words):
        return True
    for things in table.columns:
        if things.kind is ColumnKind.TEXT and not things.is_unique:
            prices: dict[object, set[object]] = {}
            counts: dict[object, set[object]] = {}
            for thing, cost, number in zip(things.values, price.values, count.values, strict=True):
                prices.setdefault(thing, set()).add(cost)
                counts.setdefault(thing, set()).add(number)
            if all(len(each) == 1 for each in prices.values()) and len(prices) > 1:
                return any(len(each) > 1 for each in counts.values())
    return False


def _made(concept: str, left: _Place, sign: str, right: _Place, unit: str) -> TableColumn:
    work: Callable[[Decimal, Decimal], Decimal] = Decimal.__mul__ if sign == "*" else Decimal.__sub__
    values = tuple(
        work(one, other) if isinstance(one, Decimal) and isinstance(other, Decimal) else None
        for one, other in zip(left.column.values, right.column.values, strict=True)
    )
    name = f"{left.column.name} {'×' if sign == '*' else '−'} {right.column.name}"
    formula = Formula(left.at, sign, right.at, concept)
    return TableColumn(name, (), ColumnKind.NUMBER, unit, values, formula)
