"""A small grammar of questions that a table answers; whatever it does not cover whole is not computed."""

from __future__ import annotations

from dataclasses import replace

from ragsvc.pipeline.tables.counts import (
    aggregate_of,
    count_of_rows,
    gaps_of,
    grouped,
    groups_of_size,
    most_common,
    share_of,
    times_of,
    top_of,
)
from ragsvc.pipeline.tables.extremes import best_row, range_of, wanted_by
from ragsvc.pipeline.tables.interpretation import Interpretation
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.pairs import comparison_of, difference_of
from ragsvc.pipeline.tables.question_form import plain_form
from ragsvc.pipeline.tables.question_items import readings
from ragsvc.pipeline.tables.question_words import NotUnderstood, QuestionItemKind, QuestionText
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.table_words import TableWords
from ragsvc.pipeline.tables.typed_table import ColumnKind

_TWO = 2
# Without a question word so many words may ask for a cell.
_FRAGMENT_WORDS = 8
_ROLES = frozenset(
    {
        "head",
        "aggregate",
        "superlative",
        "per",
        "top",
        "and",
        "or",
        "than",
        "distinct",
        "difference",
        "missing",
        "common",
        "rarest",
        "apart",
        "span",
        "nth",
    }
)


def starts_like_one(text: QuestionText) -> bool:
    """Whether a question has a word that asks for computing, or asks which, who or whether."""
    known = lexicon()
    if text.small[0] in known.aux or len(text.small) <= _FRAGMENT_WORDS:
        return True
    for at in range(len(text.small)):
        for length in (1, 2, 3):
            for act in known.acts(text.small[at : at + length]):
                if act.role in ("head", "aggregate", "superlative"):
                    return True
    return False


def understandings(text: QuestionText, words: TableWords) -> list[TableQuestion]:
    """The ways to understand a question as one about a table that explain each of its words, those that are
    closest to the words of the table; distinct."""
    found: list[TableQuestion] = []
    text = plain_form(text, words)
    for items in readings(text, words):
        try:
            made = _question(Interpretation(items, text, words))
        except NotUnderstood:
            continue
        made = replace(made, cost=round(sum(item.cost for item in items) + made.cost, 3))
        found.append(made)
    best = min((each.cost for each in found), default=0.0)
    return list(dict.fromkeys(each for each in found if each.cost == best))


def _question(reading: Interpretation) -> TableQuestion:
    """What is asked.

    :raises NotUnderstood: if it is nothing that is covered.
    """
    _check(reading)
    unknown = any(condition.op == "says" for condition in reading.clauses.conditions)
    if unknown and [item.lexeme.value for item in reading.heads] != ["count"]:
        raise NotUnderstood
    if missing := [item for item in reading.rest if item.acts("missing")]:
        return gaps_of(reading, missing)
    head = reading.heads[0].lexeme.value if reading.heads else ""
    return _of_two(reading, head) or _of_words(reading, head) or _of_rows(reading, head)


def _of_two(reading: Interpretation, head: str) -> TableQuestion | None:
    """A question that holds one thing against another, or the highest against the lowest; None for others."""
    if reading.clauses.comparison is not None:
        return comparison_of(reading, head)
    apart = reading.has("difference")
    if reading.has("apart") or (apart and len(reading.best) == _TWO):
        return range_of(reading)
    return difference_of(reading) if apart or reading.has("than") else None


def _of_words(reading: Interpretation, head: str) -> TableQuestion | None:
    """A question whose words say by themselves what is done; None for others."""
    if reading.clauses.having is not None:
        return groups_of_size(reading, head)
    if reading.has("common") or reading.has("rarest"):
        return most_common(reading, Order.MAX if reading.has("common") else Order.MIN)
    if not head and reading.text.small[0] in lexicon().aux:
        return _whether(reading)
    made = {"times": times_of, "share": share_of, "count": count_of_rows}.get(head)
    return None if made is None else made(reading)


def _of_rows(reading: Interpretation, head: str) -> TableQuestion:
    if reading.best:
        return best_row(reading, head)
    if reading.sums:
        return aggregate_of(reading, Intent(reading.sums[0].lexeme.value))
    if reading.groups and not head:
        return _fragment_by_groups(reading)
    if not head and not _is_fragment(reading):
        raise NotUnderstood
    return _rows(reading, head or "which")


def _is_fragment(reading: Interpretation) -> bool:
    """Whether a question without a question word names a cell: "price of the Team plan"."""
    named = [*reading.named(), *reading.sized()]
    return len(named) == 1 and reading.picks_one(reading.conditions())


def _fragment_by_groups(reading: Interpretation) -> TableQuestion:
    """ "Seats per city", "workshops by city": what adds up is added up, and rows are counted."""
    sized = reading.sized()
    if sized and not reading.is_counted(reading.column(sized[0])):
        raise NotUnderstood
    return grouped(reading, Intent.SUM if sized else Intent.COUNT, sized, reading.named())


def _check(reading: Interpretation) -> None:
    """Make sure that no word of a reading would be passed over."""
    single = (reading.heads, reading.sums, reading.groups)
    pair = reading.has("apart") or reading.has("difference")
    if any(len(items) > 1 for items in single) or len(reading.best) > (_TWO if pair else 1):
        raise NotUnderstood
    if (reading.has("span") and not (reading.groups or reading.best)) or (
        reading.has_rank and not reading.nth
    ):
        raise NotUnderstood
    said = reading.clauses.conditions or reading.clauses.runs or reading.columns
    if not said and (lexicon().light - lexicon().silent) & reading.passed:
        # "How many people run?": a verb that joins nothing to them says something itself.
        raise NotUnderstood
    if any(item.acts("or") for item in reading.rest) and not reading.clauses.comparison:
        raise NotUnderstood
    if any(item.kind is QuestionItemKind.PERIOD for item in reading.rest):
        raise NotUnderstood
    if any(item.kind is QuestionItemKind.ACT and item.lexeme.role not in _ROLES for item in reading.rest):
        raise NotUnderstood


def _rows(reading: Interpretation, head: str) -> TableQuestion:
    """Rows by conditions, or what stands in them."""
    distinct = any(item.acts("distinct") for item in reading.rest)
    reading.rest = [item for item in reading.rest if not item.acts("distinct")]
    reading.only()
    sized, named = reading.sized(), reading.named()
    conditions = reading.conditions()
    if head in ("where", "when"):
        return _place_or_time(reading, head, sized, named, conditions)
    if head in ("amount", "how") and (named or len(sized) != 1):
        raise NotUnderstood
    if head in ("amount", "how") and not reading.picks_one(conditions) and _adds_up(reading, head, sized[0]):
        return TableQuestion(intent=Intent.SUM, conditions=conditions, measure=sized[0])
    if len(sized) == 1 and not named and _is_worth(reading, sized[0]):
        return TableQuestion(intent=Intent.SUM, conditions=conditions, measure=sized[0])
    if sized or len(named) > 1:
        if not conditions or distinct:
            raise NotUnderstood
        return TableQuestion(intent=Intent.LIST, conditions=conditions, targets=(*named, *sized))
    if not conditions and not (named and not reading.column(named[0]).is_unique):
        raise NotUnderstood
    subject = any(item.is_head for item in reading.subjects) or _names_rows(reading)
    if not named and not subject and head != "who":
        raise NotUnderstood
    shown = named[0] if named else reading.label()
    if (head == "who" and not named and not reading.is_of_people()) or any(
        c.column == shown for c in conditions
    ):
        # "Who is Tor Vik?" asks for more than his name.
        raise NotUnderstood
    return TableQuestion(intent=Intent.LIST, conditions=conditions, shown=shown)


def _names_rows(reading: Interpretation) -> bool:
    """Whether a cell says right after the head which rows are asked for: "which trucks are broken"."""
    first = reading.heads[0].at + reading.heads[0].length if reading.heads else 0
    return any(run.at == first and not reading.column(run.column).is_unique for run in reading.clauses.runs)


def _is_worth(reading: Interpretation, measure: int) -> bool:
    """Whether it is asked what rows are worth together: a price times a count is no cell."""
    formula = reading.column(measure).formula
    return formula is not None and formula.sign == "*"


def _adds_up(reading: Interpretation, head: str, measure: int) -> bool:
    """Whether "how much rain" asks for all of it: the column is of what adds up, and is named right after."""
    following = next((item for item in reading.rest if item.at > reading.heads[0].at), None)
    column = reading.column(measure)
    beside = following is not None and following.column == measure
    return head == "amount" and beside and column.kind is ColumnKind.NUMBER and reading.is_counted(column)


def _place_or_time(
    reading: Interpretation,
    head: str,
    sized: list[int],
    named: list[int],
    conditions: tuple[RowCondition, ...],
) -> TableQuestion:
    if not reading.picks_one(conditions) or len(named) > 1 or len(sized) > 1:
        raise NotUnderstood
    if head == "when":
        found = sized or reading.candidates("date")
        if named or len(found) != 1 or found[0] not in reading.candidates("date"):
            raise NotUnderstood
        return TableQuestion(intent=Intent.LIST, conditions=conditions, targets=tuple(found))
    members = lexicon().members["place"]
    places = [
        place
        for place, column in enumerate(reading.table.columns)
        if column.kind is ColumnKind.TEXT and column.concepts & members
    ]
    if sized or named or len(places) != 1:
        raise NotUnderstood
    return TableQuestion(intent=Intent.LIST, conditions=conditions, targets=tuple(places))


def _whether(reading: Interpretation) -> TableQuestion:
    if lexicon().universal & set(reading.text.small) or reading.sums or reading.groups or reading.named():
        raise NotUnderstood
    if reading.best:
        wanted = wanted_by(reading, reading.best[0])
        runs = [run for run in reading.clauses.runs if reading.column(run.column).is_unique]
        if len(runs) != 1 or top_of(reading) or runs[0].negated or len(runs[0].values) != 1:
            raise NotUnderstood
        conditions = tuple(c for c in reading.conditions() if c.column != runs[0].column)
        if [column for column in reading.sized() if column != wanted.column]:
            raise NotUnderstood
        return TableQuestion(
            intent=Intent.EXISTS,
            conditions=conditions,
            measure=wanted.column,
            order=wanted.order,
            shown=runs[0].column,
            pair=runs[0].values,
        )
    reading.only()
    conditions = reading.conditions()
    if reading.columns or not conditions or any(c.op.startswith("not") for c in conditions):
        raise NotUnderstood
    several = any(len(run.values) > 1 for run in reading.clauses.runs)
    label = [run for run in reading.clauses.runs if reading.column(run.column).is_unique]
    if several or (label and len(conditions) < _TWO):
        raise NotUnderstood
    if not label and not any(item.is_head for item in reading.subjects) and not reading.clauses.runs:
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.EXISTS, conditions=conditions, shown=label[0].column if label else None
    )
