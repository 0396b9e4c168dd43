"""Questions that count, add up or average: rows, or the numbers of a column, all together or by groups."""

from __future__ import annotations

from ragsvc.pipeline.tables.interpretation import Interpretation
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import NotUnderstood, QuestionItem, QuestionItemKind
from ragsvc.pipeline.tables.table_question import Intent, Order, RowCondition, TableQuestion
from ragsvc.pipeline.tables.typed_table import ColumnKind

# A name that stands in so many rows, on average, is no name of rows.
_OFTEN = 3
_MAX_TOP = 20
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
        if (pieces := _pieces_of(reading)) is not None:
            return TableQuestion(intent=Intent.SUM, conditions=reading.conditions(), measure=pieces)
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
    if not distinct and lexicon().generic.intersection(column.words):
        # An object after its number is a row, however often there is one of its name.
        if place == 0 or not reading.column(place - 1).is_unique:
            raise NotUnderstood
        return TableQuestion(intent=Intent.COUNT, conditions=reading.conditions(), noun=noun)
    # Where nothing tells rows apart, a row may be what is counted, though its name comes twice.
    repeated = len(column.known) >= _OFTEN * len(set(column.known))
    if not distinct and not repeated and not any(each.is_unique for each in reading.table.columns):
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.DISTINCT, conditions=reading.conditions(), shown=place, noun=column.name
    )


def _pieces_of(reading: Interpretation) -> int | None:
    """The column of pieces, if what a cell says was ordered or sold: "how many desks were sold"."""
    known, head = lexicon(), reading.heads[0]
    orders = [words for group, words in known.deeds if group & known.nouns_of("order")]
    sold = any(words & set(reading.text.small) for words in orders)
    first = min((run.at for run in reading.clauses.runs if run.at > head.at), default=-1)
    pieces = known.members["pieces"]
    found = [
        at
        for at, column in enumerate(reading.table.columns)
        if column.kind is ColumnKind.NUMBER and column.concepts & pieces
    ]
    rows = any(item.is_head for item in reading.subjects)
    return found[0] if sold and first == head.at + head.length and len(found) == 1 and not rows else None


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
    if column.kind is ColumnKind.DATE and any(each.column == sized[0] for each in reading.conditions()):
        # "How many inspections were there in May": each row has one at most.
        reading.only()
        return TableQuestion(intent=Intent.COUNT, conditions=reading.conditions())
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
    """Which share of rows are of a kind: what stands after the verb is the kind, what is before it the rows.

    Of several conditions without a verb between them nobody knows which of them is the whole.
    """
    reading.only()
    conditions = reading.conditions()
    small, first = reading.text.small, reading.heads[0].at + reading.heads[0].length
    verb = next((at for at in range(first, len(small)) if small[at] in lexicon().verbs), len(small))
    part = tuple(each for each in conditions if each.at >= verb) or conditions
    whole = tuple(each for each in conditions if each not in part)
    framed = lexicon().frames.intersection(reading.text.small[first:verb])
    known = any(item.is_head for item in reading.subjects) or whole or framed
    if len(part) != 1 or not known or reading.columns:
        raise NotUnderstood
    return TableQuestion(intent=Intent.SHARE, conditions=whole, part=part)


def times_of(reading: Interpretation) -> TableQuestion:
    """How often something is there: "how often did Rotdorn order"."""
    reading.only()
    if not reading.conditions() or reading.sized() or reading.named():
        raise NotUnderstood
    return TableQuestion(intent=Intent.COUNT, conditions=reading.conditions())


def most_common(reading: Interpretation, order: Order) -> TableQuestion:
    """Which value of a column stands in most rows."""
    reading.only()
    named = reading.named()
    if len(named) != 1 or reading.sized() or reading.column(named[0]).is_unique:
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.GROUP_WHICH,
        conditions=reading.conditions(),
        group=named[0],
        aggregate=Intent.COUNT,
        order=order,
    )


def groups_of_size(reading: Interpretation, head: str) -> TableQuestion:
    """Which values of a column stand in more, or in less, than so many rows."""
    reading.only()
    named = reading.named()
    if head not in ("which", "who", "list") or len(named) != 1 or reading.sized():
        raise NotUnderstood
    if reading.column(named[0]).is_unique:
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.GROUP,
        conditions=reading.conditions(),
        group=named[0],
        aggregate=Intent.COUNT,
        having=reading.clauses.having,
    )


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
    """Of each value of a column, or of each month or year: "per department"."""
    marker = reading.groups[0]
    following = next((item for item in reading.rest if item.at > marker.at), None)
    group, span = _group_of(reading, named)
    beside = following is not None and (following.acts("span") if span else following.column == group)
    if reading.best or reading.tops or reading.numbers or not beside:
        raise NotUnderstood
    sized = [column for column in sized if column != group]
    conditions = reading.conditions()
    if reading.column(group).is_unique and not span:
        # A row is one of them: per station means over all stations.
        if intent not in (Intent.MEAN, Intent.MEDIAN):
            raise NotUnderstood
        return TableQuestion(intent=intent, conditions=conditions, measure=reading.one_measure(sized, intent))
    return TableQuestion(
        intent=Intent.GROUP,
        conditions=conditions,
        group=group,
        span=span,
        measure=_measure_of_groups(reading, intent, sized),
        aggregate=intent,
    )


def best_group(reading: Interpretation, aggregate: Intent) -> TableQuestion:
    """Which department has the most employees, or the highest average; which month had the most rain."""
    top, nth = top_of(reading), reading.nth
    reading.only(best=True, sums=True, top=True)
    superlative = reading.best[0]
    group, span = _group_of(reading, reading.named())
    if superlative.lexeme.concept or (reading.column(group).is_unique and not span):
        raise NotUnderstood
    return TableQuestion(
        intent=Intent.GROUP_WHICH,
        conditions=reading.conditions(),
        group=group,
        span=span,
        measure=_measure_of_groups(reading, aggregate, [c for c in reading.sized() if c != group]),
        aggregate=aggregate,
        order=Order(superlative.lexeme.value),
        top=top,
        nth=nth,
    )


def _group_of(reading: Interpretation, named: list[int]) -> tuple[int, str]:
    """The column by which rows are grouped, and whether by months or years of its dates."""
    spans = [item for item in reading.rest if item.acts("span")]
    if not spans:
        if len(named) != 1:
            raise NotUnderstood
        return named[0], ""
    dated = [c for c in reading.candidates("date") if reading.column(c).kind is ColumnKind.DATE]
    said = [column for column in dated if column in reading.sized()] or dated
    if named or len(spans) != 1 or len(said) != 1:
        raise NotUnderstood
    return said[0], spans[0].lexeme.value


def _measure_of_groups(reading: Interpretation, aggregate: Intent, sized: list[int]) -> int | None:
    """The column that is summed up for each group; None where rows are counted."""
    if aggregate is not Intent.COUNT:
        return reading.one_measure(sized, aggregate)
    if sized or not any(item.is_head for item in reading.subjects):
        raise NotUnderstood
    return None


def top_of(reading: Interpretation) -> int:
    """How many are asked for; 0: the one that is first, with those that are as good."""
    if not reading.numbers and not reading.tops:
        return 0
    if len(reading.numbers) != 1 or len(reading.tops) > 1 or any(i.acts("distinct") for i in reading.rest):
        raise NotUnderstood
    count = reading.numbers[0].amount
    if reading.numbers[0].unit or count != int(count) or not 1 <= count <= _MAX_TOP:
        raise NotUnderstood
    place = reading.rest.index(reading.numbers[0])
    beside = [reading.rest[at] for at in (place - 1, place + 1) if 0 <= at < len(reading.rest)]
    # "Three highest", "which three plans", "three plans with the lowest price".
    named = any(
        item.kind is QuestionItemKind.SUBJECT or item.column in reading.named() for item in beside[-1:]
    )
    if not named and not any(item.acts("top") or item.acts("superlative") for item in beside):
        raise NotUnderstood
    return int(count)
