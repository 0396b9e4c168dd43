"""Questions that count, add up or average: rows, or the numbers of a column, all together or by groups."""

from __future__ import annotations

from ragsvc.pipeline.tables.conditions import NotUnderstood
from ragsvc.pipeline.tables.interpretation import Interpretation
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import QuestionItem, QuestionItemKind
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.typed_table import ColumnKind

# A name that stands in so many rows, on average, is no name of rows.
_OFTEN = 3
# Beyond these a noun is no more what is counted: "how many desks were ordered".
_IN_SENTENCES = lexicon().aux | {"in", "from", "on", "at", "aus", "wurden", "wurde", "worden", "been"}


def count_of_rows(reading: Interpretation) -> TableQuestion:
    head = reading.heads[0]
    following = next((item for item in reading.rest if item.at > head.at), None)
    sized, named = reading.sized(), reading.named()
    if reading.best:
        return best_group(reading, Intent.COUNT)
    distinct = [item for item in reading.rest if item.acts("distinct")]
    if distinct and not (len(named) == 1 and not sized):
        raise NotUnderstood
    reading.rest = [item for item in reading.rest if not item.acts("distinct")]
    if reading.groups:
        return grouped(reading, Intent.COUNT, sized, named)
    reading.only(sums=True)
    if sized:
        return _how_many_of(reading, sized, named, following)
    if reading.sums and reading.sums[0].lexeme.value != "sum":
        raise NotUnderstood
    noun = _noun(reading, head)
    if not named:
        _needs_subject(reading, head, following)
        _check_pieces(reading, head)
        return TableQuestion(intent=Intent.COUNT, conditions=reading.conditions(), noun=noun)
    after_distinct = distinct and following is distinct[0]
    if len(named) > 1 or not (after_distinct or (following and following.column == named[0])):
        raise NotUnderstood
    if any(head.at < run.at < reading.columns[0].at for run in reading.clauses.runs):
        # What is counted is what that cell says.
        raise NotUnderstood
    return _cells_counted(reading, named[0], noun, distinct=bool(distinct))


def _cells_counted(reading: Interpretation, place: int, noun: str, *, distinct: bool) -> TableQuestion:
    """How many cells of a column are there, each counted once."""
    head = reading.heads[0]
    column = reading.column(place)
    if (column.is_wordless and not column.is_identifier) or column.has_lists:
        raise NotUnderstood
    if column.is_unique:
        if not distinct and any(_alike(reading, each, place) for each in range(len(reading.table.columns))):
            raise NotUnderstood
        return TableQuestion(intent=Intent.COUNT, conditions=reading.conditions(), noun=noun)
    if not distinct and reading.subjects:
        _check_pieces(reading, head, named=True)
    # Where nothing tells rows apart, a row may be what is counted, though its name comes twice.
    repeated = len(column.known) >= _OFTEN * len(set(column.known))
    if not distinct and not repeated and not any(each.is_unique for each in reading.table.columns):
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.DISTINCT, conditions=reading.conditions(), shown=place, noun=column.name
    )


def _check_pieces(reading: Interpretation, head: QuestionItem, *, named: bool = False) -> None:
    """Refuse "how many desks" where a row is an order of several; named: they are called by their column."""
    counted = [run for run in reading.clauses.runs if run.at >= head.at]
    first = head.at + head.length
    subject = any(
        item.is_head and not _IN_SENTENCES.intersection(reading.text.small[first : item.at])
        for item in reading.subjects
    )
    pieces = lexicon().members["pieces"]
    if (
        (counted or named)
        and not subject
        and any(column.concepts & pieces for column in reading.table.columns)
    ):
        raise NotUnderstood


def _alike(reading: Interpretation, one: int, other: int) -> bool:
    """Whether two columns are called alike, but for numbers: a match has a team in each."""
    words = [{word for word in reading.column(c).words if word.isalpha()} for c in (one, other)]
    return one != other and words[0] == words[1]


def gaps_of(reading: Interpretation, words: list[QuestionItem]) -> TableQuestion:
    """How many cells of a column say nothing."""
    counted = [item.lexeme.value for item in reading.heads] == ["count"]
    columns = {item.column for item in reading.columns}
    if not counted or len(words) != 1 or len(columns) != 1 or reading.sums or reading.best:
        raise NotUnderstood
    reading.rest = [item for item in reading.rest if not item.acts("missing")]
    reading.only()
    gap = RowCondition(columns.pop(), "null", ())
    return TableQuestion(intent=Intent.COUNT, conditions=(*reading.conditions(), gap))


def _needs_subject(reading: Interpretation, head: QuestionItem, following: QuestionItem | None) -> None:
    """Rows are counted under a name of theirs: what a row is, or what a cell of it says."""
    runs = [run for run in reading.clauses.runs if run.at > head.at]
    first = min((run.at for run in runs), default=None)
    if following is not None and following.kind is QuestionItemKind.SUBJECT:
        if following.is_head or any(item.is_head for item in reading.subjects):
            return
        if first is None:
            raise NotUnderstood
    if first is None:
        raise NotUnderstood
    # "How many in Berlin?" counts what nobody has named.
    between = reading.text.small[head.at + head.length : first]
    is_apart = any(word not in ("of", "the", "der", "die", "das") for word in between)
    if is_apart and not any(item.is_head for item in reading.subjects):
        raise NotUnderstood


def _noun(reading: Interpretation, head: QuestionItem) -> str:
    """The words right after "how many" that name what is counted."""
    first = head.at + head.length
    ends = [i.at + i.length for i in reading.rest if i.at == first and i.kind is not QuestionItemKind.ACT]
    return " ".join(reading.text.raw[first : ends[0]]) if ends else ""


def _how_many_of(
    reading: Interpretation, sized: list[int], named: list[int], following: QuestionItem | None
) -> TableQuestion:
    """How many pieces, seats or people: numbers that stand in a column."""
    if len(sized) != 1 or named or _names_rows(following):
        raise NotUnderstood
    column = reading.column(sized[0])
    if following is None or following.column != sized[0]:
        raise NotUnderstood
    if column.kind is ColumnKind.DATE and not reading.sums and _are_days(reading, following):
        return TableQuestion(intent=Intent.DISTINCT, conditions=reading.conditions(), shown=sized[0])
    if column.kind is not ColumnKind.NUMBER or column.is_identifier or column.is_year:
        raise NotUnderstood
    if not reading.is_counted(column):
        raise NotUnderstood
    intent = Intent(reading.sums[0].lexeme.value) if reading.sums else Intent.SUM
    if intent is Intent.SUM and column.unit == "%":
        raise NotUnderstood
    conditions = reading.conditions()
    if not reading.sums and reading.picks_one(conditions):
        return TableQuestion(intent=Intent.LIST, conditions=conditions, targets=(sized[0],))
    return TableQuestion(intent=intent, conditions=conditions, measure=sized[0])


def _are_days(reading: Interpretation, noun: QuestionItem) -> bool:
    """Whether days are asked for, and not something that has a date."""
    return "calendar" in lexicon().concepts_of(reading.text.small[noun.at])


def _names_rows(following: QuestionItem | None) -> bool:
    return following is not None and following.kind is QuestionItemKind.SUBJECT


def share_of(reading: Interpretation) -> TableQuestion:
    reading.only()
    conditions = reading.conditions()
    # Of all rows: with two conditions nobody knows which of them is the whole.
    if len(conditions) != 1 or reading.columns or not any(item.is_head for item in reading.subjects):
        raise NotUnderstood
    return TableQuestion(intent=Intent.SHARE, conditions=conditions)


def aggregate_of(reading: Interpretation, intent: Intent) -> TableQuestion:
    sized, named = reading.sized(), reading.named()
    if reading.groups:
        return grouped(reading, intent, sized, named)
    reading.only(sums=True)
    measure = reading.one_measure(sized, intent)
    if named:
        raise NotUnderstood
    return TableQuestion(intent=intent, conditions=reading.conditions(), measure=measure)


def grouped(reading: Interpretation, intent: Intent, sized: list[int], named: list[int]) -> TableQuestion:
    """Of each value of a column: "per department"."""
    marker = reading.groups[0]
    following = next((item for item in reading.rest if item.at > marker.at), None)
    if reading.best or reading.tops or reading.numbers or len(named) != 1:
        raise NotUnderstood
    if following is None or following.column != named[0]:
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.GROUP,
        conditions=reading.conditions(),
        group=named[0],
        measure=_measure_of_groups(reading, intent, sized),
        aggregate=intent,
    )


def best_group(reading: Interpretation, aggregate: Intent) -> TableQuestion:
    """Which department has the most employees, or the highest average salary."""
    reading.only(best=True, sums=True)
    sized, named = reading.sized(), reading.named()
    superlative = reading.best[0]
    if len(named) != 1 or superlative.lexeme.concept or reading.column(named[0]).is_unique:
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.GROUP_WHICH,
        conditions=reading.conditions(),
        group=named[0],
        measure=_measure_of_groups(reading, aggregate, sized),
        aggregate=aggregate,
        order=Order(superlative.lexeme.value),
    )


def _measure_of_groups(reading: Interpretation, aggregate: Intent, sized: list[int]) -> int | None:
    """The column that is summed up for each group; None where rows are counted."""
    if aggregate is not Intent.COUNT:
        return reading.one_measure(sized, aggregate)
    if sized or not any(item.is_head for item in reading.subjects):
        raise NotUnderstood
    return None
