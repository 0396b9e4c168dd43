"""What is odd about questions that are measured all the same: said, because their figures are low for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ragsvc.evaluation.questions import Question
from ragsvc.evaluation.report import Malformed

SHOWN = 5


def unknown_documents(
    questions: Sequence[Question], held: Collection[str], source: str, corpus: str
) -> list[Malformed]:
    """Note right documents that the corpus lacks: one note a question, and one for a whole collection.

    :param held: ids of the documents that it has, of those that the questions name.
    :param source: name of the file or collection. corpus: its name.
    """
    lacking = {
        question.id: [name for name, grade in question.documents.items() if grade > 0 and name not in held]
        for question in questions
        if question.documents
    }
    own = [question for question in questions if question.line is not None and lacking.get(question.id)]
    notes = [
        Malformed(
            question.place(source),
            f"{_name(question)} names {_documents(lacking[question.id], corpus)}",
        )
        for question in own
    ]
    rest = [question for question in questions if question.line is None and lacking.get(question.id)]
    if rest:
        names = list(dict.fromkeys(name for question in rest for name in lacking[question.id]))
        count = len(rest)
        notes.append(
            Malformed(
                source,
                f"the judgements of {count} {'query' if count == 1 else 'queries'} name "
                f"{_documents(names, corpus)}",
            )
        )
    return notes


def _name(question: Question) -> str:
    return "the question" if question.id == f"line-{question.line}" else f"question {question.id[:80]}"


def _documents(names: Sequence[str], corpus: str) -> str:
    shown = ", ".join(name[:80] for name in names[:SHOWN])
    if len(names) == 1:
        return f"a document that {corpus} lacks: {shown}"
    return f"{len(names)} documents that {corpus} lacks: {shown}{', …' if len(names) > SHOWN else ''}"
