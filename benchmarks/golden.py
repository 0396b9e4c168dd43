"""Golden questions over the handbook, through the real service.

    python -m benchmarks.golden --split tune [--failures]
    python -m benchmarks.golden --split report

Constants are fitted on one half only, so the other half's questions are never printed. Exit code 4
when a figure misses its target.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sets import table
from ragsvc.domain import Answer, AnswerRequest, Caller, Citation, IngestRequest, Prune, SearchRequest
from ragsvc.evaluation.bootstrap import wilson
from ragsvc.evaluation.overlap import holds_phrase
from ragsvc.evaluation.questions import Question, load
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
CORPUS = "handbook"
SPLITS = ("tune", "report")
ROOT = Path(__file__).resolve().parents[1]
TOP = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one question.

    found: a right document is among the first hits. slices: per citation, quote == stored text.
    """

    question: Question
    found: bool
    answer: Answer
    slices: tuple[bool, ...]

    @property
    def right(self) -> bool:
        """Whether it was answered with one of the phrases."""
        return self.answer.answered and holds_phrase(self.answer.answer, self.question.phrases)


def ask(service: Service, question: Question) -> Asked:
    """Search and answer one question, and read every citation back."""
    hits = service.search(CALLER, SearchRequest((CORPUS,), question.text, TOP)).hits
    found = any(hit.passage.document_id in question.documents for hit in hits)
    answer = service.answer(CALLER, AnswerRequest((CORPUS,), question.text))
    slices = tuple(reads_back(service, citation) for citation in answer.citations)
    return Asked(question, found, answer, slices)


def reads_back(service: Service, citation: Citation) -> bool:
    """Whether the stored text at the citation's offsets is its quote."""
    stored = service.text(
        CALLER, CORPUS, citation.document_id, citation.version, citation.start, citation.end
    )
    return bool(citation.quote) and stored.text == citation.quote


@dataclass(frozen=True, slots=True)
class Figure:
    """A proportion and its target: at least it, or at most it."""

    label: str
    outcomes: Sequence[bool]
    target: float | None = None
    at_most: bool = False

    @property
    def held(self) -> bool:
        """Whether the target is met; always when there is none."""
        if self.target is None or not self.outcomes:
            return True
        value = sum(self.outcomes) / len(self.outcomes)
        return value <= self.target if self.at_most else value >= self.target

    def row(self) -> list[str]:
        """Cells of the table: figure, count, 95 % interval, target."""
        if not self.outcomes:
            return [self.label, "–", "0", "", ""]
        share = wilson(sum(self.outcomes), len(self.outcomes))
        sign = "≤" if self.at_most else "≥"
        target = "" if self.target is None else f"{sign} {self.target:.0%}{'' if self.held else ' MISSED'}"
        count = f"{sum(self.outcomes)} / {len(self.outcomes)}"
        return [self.label, f"{share.value:.1%}", count, f"{share.low:.1%} – {share.high:.1%}", target]


def figures(asked: Sequence[Asked]) -> list[Figure]:
    """All figures of one half."""
    answerable = [each for each in asked if each.question.answerable]
    refusable = [each for each in asked if not each.question.answerable]
    answered = [each for each in answerable if each.answer.answered]
    near = [each for each in refusable if each.question.kind == "near"]
    far = [each for each in refusable if each.question.kind == "far"]
    slices = [one for each in asked for one in each.slices]
    cited = [bool(each.slices) is each.answer.answered for each in asked]
    return [
        Figure(f"right document in the top {TOP}", [each.found for each in answerable], 0.95),
        Figure("answer holds the phrase", [each.right for each in answerable], 0.80),
        Figure("... of those answered", [each.right for each in answered]),
        Figure("unanswerable refused", _refused(refusable), 0.85),
        Figure("... near the topics", _refused(near)),
        Figure("... far from them", _refused(far)),
        Figure("answerable refused", _refused(answerable), 0.07, at_most=True),
        Figure("citations that read back", slices, 1.0),
        Figure("answered: cited, refused: not", cited, 1.0),
    ]


def _refused(asked: Iterable[Asked]) -> list[bool]:
    return [not each.answer.answered for each in asked]


def failures(asked: Iterable[Asked]) -> Iterable[str]:
    """Lines about the questions that went wrong."""
    for each in asked:
        question, answer = each.question, each.answer
        where = "" if each.found or not question.answerable else "  NOT FOUND"
        if question.answerable and not (each.right and each.found):
            state = "wrong" if answer.answered else "refused"
            yield f"{state:8} {answer.confidence:.2f} {question.id} {question.text}{where}"
            yield f"         wanted {question.phrases}\n         got {answer.answer!r}"
        elif not question.answerable and answer.answered:
            yield f"answered {answer.confidence:.2f} {question.id} ({question.kind}) {question.text}"
            yield f"         got {answer.answer!r}"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--split", choices=SPLITS, required=True)
    parser.add_argument("--home", type=Path, default=Path("indexes/bench-golden"))
    parser.add_argument("--failures", action="store_true", help="list what went wrong; tune half only")
    given = parser.parse_args()
    if given.failures and given.split == "report":
        parser.error("the report half's questions are not shown, so that nothing is fitted to them")
    questions = load(ROOT / "tests" / "golden" / "handbook.jsonl", given.split).questions
    with Service.open(Settings(home=given.home)) as service:
        folder = str(ROOT / "corpora" / CORPUS)
        service.ingest(CALLER, IngestRequest(CORPUS, (folder,), prune=Prune.REMOVE))
        asked = [ask(service, question) for question in questions]
    measured = figures(asked)
    print(f"Golden questions, {given.split} half\n")
    print(table(["figure", "value", "count", "95 % (Wilson)", "target"], [each.row() for each in measured]))
    if given.failures:
        print("\n" + "\n".join(failures(asked)))
    return 0 if all(each.held for each in measured) else 4


if __name__ == "__main__":
    sys.exit(main())
