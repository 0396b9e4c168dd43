"""Golden questions: what a corpus must answer, and what it must refuse."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from ragsvc.errors import InvalidRequest, SourceNotFound


class Split(StrEnum):
    """Which half a question belongs to: constants are fitted on one, figures reported on the other."""

    TUNE = "tune"
    REPORT = "report"


class Kind(StrEnum):
    """How far an unanswerable question is from the corpus's topics."""

    NEAR = "near"
    FAR = "far"


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """One question with what a right system does.

    documents: ids of the documents that answer it, the best one first; () when unanswerable.
    phrases: a right answer holds at least one of them; () when unanswerable.
    kind: None when answerable.
    """

    id: str
    question: str
    split: Split
    documents: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    kind: Kind | None = None

    @property
    def answerable(self) -> bool:
        """Whether the corpus holds an answer."""
        return bool(self.documents)

    def accepts(self, answer: str) -> bool:
        """Whether an answer holds one of the phrases, letter case and white space aside."""
        folded = _fold(answer)
        return any(_holds(folded, _fold(phrase)) for phrase in self.phrases)


def load(path: Path) -> list[GoldenQuestion]:
    """Read a JSONL file of golden questions.

    :raises SourceNotFound: if it cannot be read.
    :raises InvalidRequest: if a line is not a question, names no document or repeats an id.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SourceNotFound(f"cannot read {path}: {error.strerror}", hint="name a JSONL file") from error
    questions: dict[str, GoldenQuestion] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(json.loads(line))
            if question.id in questions:
                raise ValueError(f"the id {question.id!r} is there twice")
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest(
                f"{path}:{number} is not a golden question: {error!r}",
                hint="fields: id, question, answerable, split; document_id and phrase, or kind",
            ) from error
        questions[question.id] = question
    return list(questions.values())


def _question(row: dict[str, Any]) -> GoldenQuestion:
    answerable = row["answerable"]
    if not isinstance(answerable, bool):
        raise TypeError("answerable is not true or false")
    common = (_text(row["id"]), _text(row["question"]), Split(row["split"]))
    if not answerable:
        return GoldenQuestion(*common, kind=Kind(row["kind"]))
    documents = (_text(row["document_id"]), *map(_text, row.get("also", ())))
    phrases = (_text(row["phrase"]), *map(_text, row.get("accept", ())))
    return GoldenQuestion(*common, documents=documents, phrases=phrases)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _holds(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text at the beginning of a word; numbers count only whole.

    So "gradient" is found in "gradients", but 64 neither in 1964 nor in 640.
    """
    end = r"(?!\d)" if phrase[-1].isdigit() else ""
    return re.search(rf"(?<!\w){re.escape(phrase)}{end}", text) is not None
