"""One reading of a question: what is left when its conditions are taken out, and which columns are meant."""

from __future__ import annotations

from ragsvc.pipeline.tables.clauses import Clauses
from ragsvc.pipeline.tables.conditions import clauses_of
from ragsvc.pipeline.tables.lexicon import lexicon
from ragsvc.pipeline.tables.question_words import NotUnderstood, QuestionItem, QuestionItemKind, QuestionText
from ragsvc.pipeline.tables.table_question import Intent, RowCondition
from ragsvc.pipeline.tables.table_words import TableWords
from ragsvc.pipeline.tables.typed_table import ColumnKind, TableColumn

_MONEY_PRICE = "price"
_NAMED_HEADS = (["which", "count"], ["which", "share"])
_SINCE = frozenset({"founded", "birth", "start"})
_COUNTING = frozenset({"number", "count", "total", "anzahl", "zahl", "gesamt"})


class Interpretation:
    """One way to read the words of a question about one table. rest: what its conditions leave, in order.

    heads, sums, best, groups, tops: those of the words that act. columns, subjects, numbers: the others.
    nth: the rank that a superlative is given, 0 for none. passed: words that nothing was read in.
    """

    def __init__(self, items: list[QuestionItem], text: QuestionText, words: TableWords) -> None:
        self.text = text
        self.table = words.table
        self.clauses: Clauses = clauses_of(items, text, words)
        read = {at for item in items for at in range(item.at, item.at + item.length)}
        self.passed = {word for at, word in enumerate(text.small) if at not in read}
        rest = self.clauses.rest
        self.heads = [item for item in rest if item.acts("head")]
        if [item.lexeme.value for item in self.heads] in _NAMED_HEADS:
            # "What is the number of": what is asked for is the number.
            rest = [item for item in rest if item is not self.heads[0]]
            self.heads = self.heads[1:]
        relative = [item for item in self.heads[1:] if self._is_relative(item)]
        rest = [item for item in rest if item not in relative]
        self.heads = [item for item in self.heads if item not in relative]
        self.sums = [item for item in rest if item.acts("aggregate")]
        self.best = [item for item in rest if item.acts("superlative")]
        self.groups = [item for item in rest if item.acts("per")]
        self.columns = [item for item in rest if item.kind is QuestionItemKind.COLUMN]
        self.subjects = [item for item in rest if item.kind is QuestionItemKind.SUBJECT]
        ranks = [item for item in rest if item.acts("nth")]
        self.nth = int(ranks[0].lexeme.value) if len(ranks) == 1 and len(self.best) == 1 else 0
        self.has_rank = bool(ranks)
        self.tops = [item for item in rest if item.acts("top")]
        self.numbers = [item for item in rest if item.kind is QuestionItemKind.NUMBER]
        self.rest = rest

    def _is_relative(self, head: QuestionItem) -> bool:
        """Whether it only joins more words to a noun: "everyone who earns", "die Orte, in welchen"."""
        word, before = self.text.small[head.at], self.text.small[head.at - 1]
        return head.length == 1 and word in lexicon().relative and before not in ("and", "or", "und", "oder")

    def column(self, place: int) -> TableColumn:
        return self.table.columns[place]

    def has(self, role: str) -> bool:
        """Whether a word of a role is left."""
        return any(item.acts(role) for item in self.rest)

    def sized(self) -> list[int]:
        """Columns of numbers and dates that are named and not taken, each once."""
        kinds = (ColumnKind.NUMBER, ColumnKind.DATE)
        found = dict.fromkeys(i.column for i in self.columns if self.column(i.column).kind in kinds)
        formulas = [formula for c in found if (formula := self.column(c).formula) is not None]
        parts = {column for formula in formulas for column in (formula.left, formula.right)}
        # "What is the stock worth at cost price": the price is a part of what is asked for.
        return [column for column in found if column not in parts]

    def named(self) -> list[int]:
        """Columns of text that are named and not taken, each once."""
        text = ColumnKind.TEXT
        return list(dict.fromkeys(i.column for i in self.columns if self.column(i.column).kind is text))

    def only(
        self, *, best: bool = False, sums: bool = False, groups: bool = False, top: bool = False
    ) -> None:
        """Make sure that no word is left that would be without meaning."""
        spent = (not top and (self.numbers or self.tops or self.has_rank)) or any(
            item.acts("distinct") for item in self.rest
        )
        if spent or (self.best and not best) or (self.sums and not sums) or (self.groups and not groups):
            raise NotUnderstood

    def conditions(self) -> tuple[RowCondition, ...]:
        """All conditions; of one column cells are named at most once."""
        columns = [run.column for run in self.clauses.runs]
        if len(set(columns)) < len(columns):
            raise NotUnderstood
        return (*self.clauses.conditions, *(run.condition for run in self.clauses.runs))

    def picks_one(self, conditions: tuple[RowCondition, ...]) -> bool:
        """Whether a condition is on a column that tells rows apart."""
        return any(
            each.op in ("in", "=") and len(each.values) == 1 and self.column(each.column).is_unique
            for each in conditions
        )

    def label(self) -> int:
        """The column that names rows: what tells them apart, words before numbers, persons first."""
        columns = list(enumerate(self.table.columns))
        unique = [place for place, column in columns if column.is_unique and column.kind is ColumnKind.TEXT]
        worded = [place for place in unique if not self.column(place).is_wordless]
        plain = [place for place in worded if not self.column(place).is_identifier]
        identifiers = [place for place, column in columns if column.is_unique and column.is_identifier]
        names = [place for place, column in columns if {"name", "title", "titel"} & set(column.words)]
        for found in (plain, unique, names, identifiers):
            if found:
                return found[0]
        raise NotUnderstood

    def candidates(self, concept: str) -> list[int]:
        members = lexicon().members.get(concept, frozenset())
        columns = [
            (place, column)
            for place, column in enumerate(self.table.columns)
            if column.kind in (ColumnKind.NUMBER, ColumnKind.DATE)
            and not column.is_identifier
            and (column.formula is None or column.formula.concept == concept)
        ]
        timed = [place for place, column in columns if column.kind is ColumnKind.DATE or column.is_year]
        if concept == "date":
            return timed
        if concept == "made":
            since = [place for place in timed if self.column(place).concepts & _SINCE]
            return [place for place in timed if self.column(place).is_year] or since or timed
        if members & lexicon().members["date"]:
            return [place for place in timed if self.column(place).concepts & members]
        numbers = [(place, column) for place, column in columns if place not in timed]
        found = [place for place, column in numbers if column.concepts & members]
        if found:
            return found
        if concept == "age":
            births = [place for place, column in columns if "birth" in column.concepts]
            made = [place for place in timed if self.column(place).is_year] or [
                place for place in timed if "founded" in self.column(place).concepts
            ]
            passing = lexicon().members["passing"]
            return births or (
                []
                if self.is_of_people()
                else made or [place for place in timed if not self.column(place).concepts & passing]
            )
        if concept == _MONEY_PRICE:
            return [place for place, column in numbers if column.unit in lexicon().currencies]
        units = lexicon().unit_concepts
        return [place for place, column in numbers if concept == units.get(column.unit)]

    def of_concept(self, concept: str, named: list[int]) -> tuple[int, bool]:
        """The only column of a meaning, and whether its order is the other way round: old is long ago.

        :param named: columns that the question names, which go first.
        """
        found = self.candidates(concept)
        among = [column for column in found if column in named]
        if among:
            found = among
        if len(found) != 1:
            raise NotUnderstood
        column = self.column(found[0])
        return found[0], concept == "age" and (column.kind is ColumnKind.DATE or column.is_year)

    def is_counted(self, column: TableColumn) -> bool:
        """Whether a column says how many or how much there is, so that its cells may be added up unasked."""
        known = lexicon()
        counts = _COUNTING.intersection(column.words)
        return bool(counts) or bool(column.concepts & known.members["additive"])

    def one_measure(self, sized: list[int], intent: Intent) -> int:
        if len(sized) != 1:
            raise NotUnderstood
        column = self.column(sized[0])
        wrong = column.kind is not ColumnKind.NUMBER or column.is_identifier or column.is_year
        if wrong or (intent is Intent.SUM and column.unit in ("%", "°C")):
            raise NotUnderstood
        return sized[0]

    def is_of_people(self) -> bool:
        people = lexicon().people
        words = {word for column in self.table.columns for word in column.words}
        return bool(people & (words | set(self.table.subjects)))
