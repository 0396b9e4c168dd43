"""What the conditions of a question are, and what is left of it without them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from ragsvc.pipeline.tables.question_words import QuestionItem
from ragsvc.pipeline.tables.table_question import RowCondition


@dataclass(frozen=True, slots=True)
class ValueRun:
    """Cells of one column that a question names one after the other, as "Berlin or Hamburg"."""

    at: int
    column: int
    values: tuple[tuple[str, ...], ...]
    negated: bool = False
    endless: bool = False
    either: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """All cells that are named."""
        return tuple(cell for each in self.values for cell in each)

    @property
    def condition(self) -> RowCondition:
        """That a row says one of them, or none."""
        if self.endless:
            return RowCondition(self.column, "<" if self.negated else "=", (Decimal("Infinity"),), at=self.at)
        return RowCondition(self.column, "not in" if self.negated else "in", self.cells, at=self.at)


@dataclass(slots=True)
class Clauses:
    """What was found. conditions: by numbers, dates and truths. runs: by cells. rest: what is left, in order.

    comparison: a comparison with no number after it. having: how many rows a group must have.
    """

    conditions: list[RowCondition] = field(default_factory=list)
    runs: list[ValueRun] = field(default_factory=list)
    rest: list[QuestionItem] = field(default_factory=list)
    comparison: QuestionItem | None = None
    having: tuple[str, int] | None = None
