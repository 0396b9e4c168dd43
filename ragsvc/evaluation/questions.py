"""A user's own questions: one JSON object a line, each with what a right system finds and answers.

    {"id"?: str, "question": str, "answerable"?: bool, "documents"?: [id, ...] or {id: grade},
     "spans"?: [{"document_id", "start", "end"} or {"document_id", "quote"}, ...],
     "answers"?: [str, ...], "phrases"?: [str, ...], "history"?: [{"role", "content"}, ...],
     "accept"?: [pattern or [pattern, ...], ...], "partly"?: [pattern, ...], "reject"?: [pattern, ...],
     "surplus"?: [pattern, ...], "max_chars"?: int, "kind"?: str, "split"?: str, "origin"?: str}

Other fields are ignored, and noted where they look misspelt. A line that is none of this is listed, and the
rest is used.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ragsvc.domain import Role, Turn
from ragsvc.errors import InvalidRequest, SourceNotFound
from ragsvc.evaluation.json_lines import misspelt, read_object
from ragsvc.evaluation.outcome import Expectation, read_expectation
from ragsvc.evaluation.report import InputDefect

T = TypeVar("T")
_MARK = b"\xef\xbb\xbf"

FIELDS = (
    "id", "question", "answerable", "documents", "spans", "answers", "phrases", "history", "accept", "partly",
    "reject", "surplus", "max_chars", "kind", "split", "origin",
)  # fmt: skip
HINT = 'each line is a JSON object such as {"question": "...", "documents": ["id"]}; see docs/evaluation.md'
MAX_LABEL_CHARS = 64
# Gains are added up as floats, which hold far larger numbers but not all of them.
MAX_GRADE = 1_000_000
_LABEL = re.compile(r"[\w.+-]+(?: [\w.+-]+)*")
SHOWN = 5


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """Where an answer stands: by code points [start, end) of the document's text, by quote, or both.

    The quote counts when the text at the offsets is another, as after the document was edited.
    """

    document_id: str
    start: int | None = None
    end: int | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One question with what a right system does.

    documents: grade by id of a document, in the order given; 0 is not relevant.
    answers: right ones. phrases: a right answer holds one of them.
    expected: what its answer is held to, by patterns; None: nothing is said of it.
    kind: what is asked for, such as "list", or why there is no answer, such as "near".
    split: such as "tune". origin: who made it.
    line: where it stands in its file, from 1.
    """

    id: str
    text: str
    answerable: bool = True
    documents: Mapping[str, int] = field(default_factory=dict)
    spans: tuple[GoldSpan, ...] = ()
    answers: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    kind: str | None = None
    split: str | None = None
    origin: str | None = None
    expected: Expectation | None = None
    line: int | None = field(default=None, compare=False)

    def place(self, source: str) -> str:
        """Where the question stands, such as "questions.jsonl:12"; by its id when no line is known."""
        return f"{source}: {self.id}" if self.line is None else f"{source}:{self.line}"

    @property
    def judgements(self) -> Mapping[str, int]:
        """Grade by document; when only spans are given, their documents are right."""
        return self.documents or {span.document_id: 1 for span in self.spans}


@dataclass(frozen=True, slots=True)
class Questions:
    """What a file holds.

    malformed: lines that are left out. notes: what is odd about those that are not.
    digest: sha256 hex of the file and the name of the split, if one was chosen.
    """

    questions: tuple[Question, ...]
    malformed: tuple[InputDefect, ...]
    digest: str
    notes: tuple[InputDefect, ...] = ()


def load(path: Path, split: str | None = None) -> Questions:
    """Read questions.

    :param split: only those that belong to it; None: all.
    :return: at least one question; lines that are none are listed by number.
    :raises SourceNotFound: if the file cannot be read.
    :raises InvalidRequest: if no line is a question, or none is of the split.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceNotFound(f"cannot read {path}: {error.strerror}", hint="name a JSONL file") from error
    if data.removeprefix(_MARK).lstrip().startswith(b"["):
        raise InvalidRequest(
            f"{path} is a JSON array; write one object a line",
            hint=f"jq -c '.[]' turns it into lines; {HINT}",
        )
    found: dict[str, Question] = {}
    malformed: list[InputDefect] = []
    unknown: Counter[str] = Counter()
    for number, line in enumerate(data.removeprefix(_MARK).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = read_object(line)
            question = _question(row, f"line-{number}", number)
            if question.id in found:
                raise ValueError(f"the id {question.id[:80]!r} is there twice")
            found[question.id] = question
            unknown.update(row.keys() - set(FIELDS))
        except ValueError as error:
            malformed.append(InputDefect(f"{path.name}:{number}", str(error)))
    chosen = tuple(question for question in found.values() if split is None or question.split == split)
    if not found:
        first = f": {malformed[0].place}: {malformed[0].error}" if malformed else ""
        raise InvalidRequest(f"{path} holds no question{first}", hint=HINT)
    if not chosen:
        splits = sorted({question.split for question in found.values() if question.split})
        raise InvalidRequest(
            f"no question of {path} is of the split {split!r}",
            hint=f"its splits: {', '.join(splits)}"
            if splits
            else "its questions have no splits: choose none",
        )
    label = b"" if split is None else b"\0" + split.encode("utf-8", "surrogatepass")
    notes = (*misspelt(unknown, FIELDS, path.name), *without_grade(chosen, path.name))
    return Questions(chosen, tuple(malformed), hashlib.sha256(data + label).hexdigest(), notes)


def parse(line: bytes, default_id: str) -> Question:
    """Read one line.

    :raises ValueError: with what is wrong, in words for a person.
    """
    return _question(read_object(line), default_id, None)


def _question(row: Mapping[str, Any], default_id: str, line: int | None) -> Question:
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        raise ValueError('"answerable" must be true or false')
    question = Question(
        id=_optional(row, "id", _text) or default_id,
        text=_text(row.get("question"), "question"),
        answerable=answerable,
        documents=_documents(row.get("documents")),
        spans=_each(row, "spans", _span),
        answers=_each(row, "answers", _one_text),
        phrases=_each(row, "phrases", _one_text),
        history=_each(row, "history", _turn),
        expected=read_expectation(row),
        kind=_optional(row, "kind", _label),
        split=_optional(row, "split", _text),
        origin=_optional(row, "origin", _text),
        line=line,
    )
    if not answerable and any(grade > 0 for grade in question.judgements.values()):
        raise ValueError('an unanswerable question has no "documents" and no "spans"')
    return question


def _text(value: Any, name: str) -> str:
    return _worded(value, f'"{name}"')


def _one_text(value: Any, name: str) -> str:
    return _worded(value, f'each of "{name}"')


def _worded(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} must be a text that is not blank")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{what} holds half a character (a lone surrogate)") from error
    return value


def _label(value: Any, name: str) -> str:
    text = _text(value, name)
    if len(text) > MAX_LABEL_CHARS or not _LABEL.fullmatch(text):
        raise ValueError(f'"{name}" must be up to {MAX_LABEL_CHARS} letters, digits and . + - _')
    return text


def _optional(row: Mapping[str, Any], name: str, read: Callable[[Any, str], str]) -> str | None:
    value = row.get(name)
    return None if value is None else read(value, name)


def _each(row: Mapping[str, Any], name: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
    values = row.get(name)
    if values is None:
        return ()
    if not isinstance(values, list):
        raise ValueError(f'"{name}" must be a list')
    return tuple(read(value, name) for value in values)


def _documents(value: Any) -> dict[str, int]:
    if value is None:
        return {}
    if isinstance(value, list):
        return {_one_text(each, "documents"): 1 for each in value}
    if not isinstance(value, dict):
        raise ValueError('"documents" must be a list of ids, or an object of ids and grades')
    if any(isinstance(grade, bool) or not isinstance(grade, int) for grade in value.values()):
        raise ValueError('the grades of "documents" must be whole numbers')
    for grade in value.values():
        check_grade(grade)
    return {_one_text(name, "documents"): grade for name, grade in value.items()}


def check_grade(grade: int) -> None:
    """:raises ValueError: if no gain can be reckoned with it."""
    if abs(grade) > MAX_GRADE:
        raise ValueError(f"a grade is from -{MAX_GRADE:_} to {MAX_GRADE:_}")


def _span(value: Any, name: str) -> GoldSpan:
    if not isinstance(value, dict):
        raise ValueError(f'"{name}" must hold objects')
    document = _text(value.get("document_id"), f"{name}.document_id")
    quote = _optional(value, "quote", _text)
    start, end = value.get("start"), value.get("end")
    if start is None and end is None and quote is not None:
        return GoldSpan(document, quote=quote)
    whole = all(isinstance(offset, int) and not isinstance(offset, bool) for offset in (start, end))
    if not whole or start is None or end is None or not 0 <= start < end:
        raise ValueError(f'a span of "{name}" needs whole numbers 0 <= "start" < "end", or a "quote"')
    return GoldSpan(document, start, end, quote)


def _turn(value: Any, name: str) -> Turn:
    if not isinstance(value, dict) or value.get("role") not in list(Role):
        raise ValueError(f'"{name}" must hold objects with a "role" of {" or ".join(Role)}')
    return Turn(Role(value["role"]), _text(value.get("content"), f"{name}.content"))


def judged(questions: Sequence[Question]) -> tuple[Question, ...]:
    """Those for which it is known which documents are right: retrieval can be scored on them alone."""
    return tuple(question for question in questions if question.answerable and question.judgements)


def without_grade(questions: Sequence[Question], source: str) -> list[InputDefect]:
    """Questions whose judged documents are all wrong ones, noted."""
    return [
        InputDefect(
            question.place(source), "none of its documents has a grade above 0: nothing found counts as right"
        )
        for question in questions
        if question.answerable and question.judgements and max(question.judgements.values()) <= 0
    ]


def unknown_documents(
    questions: Sequence[Question], held: Collection[str], source: str, corpus: str
) -> list[InputDefect]:
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
        InputDefect(
            question.place(source),
            f"{_name(question)} names {_named_documents(lacking[question.id], corpus)}",
        )
        for question in own
    ]
    rest = [question for question in questions if question.line is None and lacking.get(question.id)]
    if rest:
        names = list(dict.fromkeys(name for question in rest for name in lacking[question.id]))
        count = len(rest)
        notes.append(
            InputDefect(
                source,
                f"the judgements of {count} {'query' if count == 1 else 'queries'} name "
                f"{_named_documents(names, corpus)}",
            )
        )
    return notes


def _name(question: Question) -> str:
    return "the question" if question.id == f"line-{question.line}" else f"question {question.id[:80]}"


def _named_documents(names: Sequence[str], corpus: str) -> str:
    shown = ", ".join(name[:80] for name in names[:SHOWN])
    if len(names) == 1:
        return f"a document that {corpus} lacks: {shown}"
    return f"{len(names)} documents that {corpus} lacks: {shown}{', …' if len(names) > SHOWN else ''}"
