"""Answers a question by computing over the tables that were found, or does not answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragsvc.domain import Span
from ragsvc.pipeline.tables.cell_values import DecimalMark, quantity
from ragsvc.pipeline.tables.question_grammar import starts_like_one, understandings
from ragsvc.pipeline.tables.question_words import question_text
from ragsvc.pipeline.tables.stored_tables import StoredTable
from ragsvc.pipeline.tables.table_query import TableQueryFailure, TableResult, run
from ragsvc.pipeline.tables.table_question import Intent, TableQuestion
from ragsvc.pipeline.tables.table_sentence import sentence_of

MAX_RUNS = 12
_TOTALS = ("total", "sum", "gesamt", "grand", "overall")


@dataclass(frozen=True, slots=True)
class ComputedAnswer:
    """A computed answer.

    table: where it comes from. spans: lines of its table. query: as shown. rows: how many it rests on.
    """

    text: str
    table: StoredTable
    spans: tuple[Span, ...]
    query: str
    rows: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    table: StoredTable
    asked: TableQuestion
    result: TableResult


def may_be_computed(question: str) -> bool:
    """Whether it is worth while to look at tables at all."""
    text = question_text(question)
    return text is not None and starts_like_one(text)


def computed_answer(question: str, tables: Sequence[StoredTable]) -> ComputedAnswer | None:
    """Compute the answer to a question; None where it is not covered whole, or where there is more than one.

    :param tables: best first.
    """
    text = question_text(question)
    if text is None:
        return None
    made = [(asked, table) for table in tables for asked in understandings(text, table.words)]
    best = min((asked.cost for asked, _ in made), default=0.0)
    made = [(asked, table) for asked, table in made if asked.cost == best]
    if not made or len(made) > MAX_RUNS:
        return None
    if best and len(made) > len({id(table) for _, table in made}):
        # Words that only come close to two columns may mean either, even where both say the same.
        return None
    try:
        outcomes = [_Outcome(table, asked, run(table.table, asked)) for asked, table in made]
    except TableQueryFailure:
        return None
    said = [sentence_of(each.table.table, each.asked, each.result, german=text.german) for each in outcomes]
    if any(map(_contradicts, outcomes)):
        return None
    # Two ways to understand it, or two tables, must say the same.
    if None in said or len({each.value for each in said if each is not None}) != 1:
        return None
    first, sentence = outcomes[0], said[0]
    assert sentence is not None
    return ComputedAnswer(
        text=sentence.text,
        table=first.table,
        spans=tuple(first.table.line_spans(sentence.rows)),
        query=first.result.query,
        rows=first.result.over,
    )


def _contradicts(outcome: _Outcome) -> bool:
    """Whether the table itself says another total."""
    asked, table = outcome.asked, outcome.table.table
    if asked.intent is not Intent.SUM or asked.conditions or asked.measure is None:
        return False
    if table.columns[asked.measure].formula is not None:
        return False
    total = outcome.result.records[0][0]
    said = [row[asked.measure] for row in table.totals if row[0].casefold().startswith(_TOTALS)]
    read = [quantity(cell, mark) for cell in said for mark in DecimalMark]
    values = {each.value for each in read if each is not None}
    return bool(values) and total not in values
