"""Questions that a table answers by computing: how many are right, refused, and told wrong.

    python -m benchmarks.table_questions FOLDER

FOLDER holds CSV files and questions.jsonl, a question a line: table (a file name), question, kind, answer (a
list of what is accepted), answerable. Each table is asked its questions as a corpus of its own, and once more
with all tables in one corpus. *Right*: one of the accepted answers stands in the answer as words of its own.
*Wrong computed*: a computation was shown, and none does, or the question has no answer; the only column that
must be 0. *Quoted*: answered without a computation, and not right.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sets import table
from ragsvc.domain import Answer, AnswerRequest, Caller, IngestRequest
from ragsvc.pipeline.generation.quotation import spoken
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
TOGETHER = "together"
RESULTS = ("right", "computed right", "refused", "quoted", "wrong computed")
_MARKER = re.compile(r"\s?\[\d+\]")


def holds(text: str, expected: str) -> bool:
    """Whether a text holds an expected value as a value of its own: 4 is not in 44, 4.5 or 1,004."""
    wanted = re.escape(expected.casefold())
    return re.search(rf"(?<![\w.,-]){wanted}(?!\w|[.,]\d)", text.casefold()) is not None


def judged(answer: Answer, question: Mapping[str, Any]) -> list[str]:
    """The results that an answer counts for."""
    said = _MARKER.sub("", spoken(answer))
    right = (
        question["answerable"] and answer.answered and any(holds(said, each) for each in question["answer"])
    )
    if answer.computation is None and question["kind"] in ("none", "yes_no"):
        # A "no" in a cell that is quoted does not say no.
        right = False
    if answer.computation is not None:
        return ["right", "computed right"] if right else ["wrong computed"]
    if not answer.answered:
        return ["refused"]
    return ["right"] if right else ["quoted"]


def counted(
    service: Service, questions: Sequence[Mapping[str, Any]], *, together: bool, verbose: bool
) -> dict[str, Counter[str]]:
    """How often each result came, by kind of question."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions:
        corpus = TOGETHER if together else Path(question["table"]).stem
        answer = service.answer(CALLER, AnswerRequest(corpora=(corpus,), question=question["question"]))
        results = judged(answer, question)
        kind = question["kind"] if question["answerable"] else "no answer"
        found[kind].update(["asked", *results])
        found["all"].update(["asked", *results])
        if question["answerable"]:
            found["all answerable"].update(["asked", *results])
        if verbose:
            print(f"{results[-1]:15} {question['question']} -> {spoken(answer)[:160]!r}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--verbose", action="store_true", help="print each answer")
    chosen = parser.parse_args()
    lines = (chosen.folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    files = sorted({question["table"] for question in questions})
    with tempfile.TemporaryDirectory() as home, Service.open(Settings(home=Path(home), threads=1)) as service:
        for file in files:
            path = str(chosen.folder / file)
            for corpus in (Path(file).stem, TOGETHER):
                service.ingest(CALLER, IngestRequest(corpus=corpus, paths=(path,)))
        for together, title in ((False, "each table a corpus"), (True, "all tables in one corpus")):
            found = counted(service, questions, together=together, verbose=chosen.verbose)
            rows = [
                [kind, str(counts["asked"]), *(str(counts[result]) for result in RESULTS)]
                for kind, counts in sorted(found.items(), key=lambda each: each[0].startswith("all"))
            ]
            print(f"\n{title}\n")
            print(table(("kind", "asked", *RESULTS), rows))


if __name__ == "__main__":
    main()
