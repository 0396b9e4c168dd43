"""What the bundled writer makes of quoted answers, and how long it takes.

    RAGSVC_TEST_DATA=folder python -m benchmarks.writer --home DIR [--most 400] [--out FILE]

Asks the open half of the asked questions, each once: what would be quoted is known before it is said anew, so
both answers are judged by the same evidence. --home is that of `python -m benchmarks.quality asked`. Each
question is written to --out as a line of JSON with both answers; a run that was interrupted goes on after it.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.asked_corpus import NAME, QUESTIONS
from benchmarks.load import percentile
from benchmarks.quality.jobs import CALLER
from benchmarks.sets import table
from ragsvc.domain import AnswerRequest
from ragsvc.evaluation.outcome import Expectation, Outcome, judge
from ragsvc.evaluation.questions import Question, load
from ragsvc.models.writer import BundledWriter
from ragsvc.pipeline.generation.composition import AnswerPart
from ragsvc.pipeline.generation.paraphrase import Paraphrase
from ragsvc.pipeline.generation.quotation import Quotation
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings


class Watched(Paraphrase):
    """Remembers the last one that was made, what it was made of, and when its first words came."""

    last: Watched | None = None

    def parts(self, parts: Sequence[AnswerPart], temperature: float) -> Iterator[AnswerPart | None]:
        Watched.last = self
        self.quoted, self.wait_s = tuple(parts), 0.0
        begun = time.perf_counter()
        for part in super().parts(parts, temperature):
            self.wait_s = self.wait_s or (time.perf_counter() - begun if part else 0.0)
            yield part
        self.whole_s = time.perf_counter() - begun


def compared(service: Service, question: Question) -> dict[str, Any]:
    """Both answers to a question, and what became of it with each."""
    Watched.last = None
    answer = service.answer(CALLER, AnswerRequest(corpora=(NAME,), question=question.text))
    made, quoted = Watched.last, answer.answer
    row: dict[str, Any] = {"id": question.id, "question": question.text, "kind": question.kind}
    if made is not None:
        whole = Quotation(made.quoted, answer.passages, max_tokens=None, stop=(), count=len)
        quoted = "".join(whole.pieces())
        row |= {"kept": made.kept, "replaced": made.replaced, "wait_s": made.wait_s, "whole_s": made.whole_s}
        row["asked"] = bool(made.spent)
    row |= {"quoted": quoted, "anew": answer.answer}
    for name, text in (("before", quoted), ("after", answer.answer)):
        verdict = judge(
            question.expected or Expectation(),
            question.kind,
            text if answer.answered else None,
            answerable=question.answerable,
        )
        row[name] = verdict.outcome.value
    return row


def told(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """The figures of some questions."""
    before, after = (Counter(row[name] for row in rows) for name in ("before", "after"))
    found = [[f"{each.value.replace('_', ' ')}", str(before[each]), str(after[each])] for each in Outcome]
    better, worse = (
        sum(sign * (rank(row["after"]) - rank(row["before"])) > 0 for row in rows) for sign in (1, -1)
    )
    found.append(["questions that the writer makes better, worse", str(better), str(worse)])
    written = [row for row in rows if row.get("asked")]
    kept, replaced = (sum(row[name] for row in written) for name in ("kept", "replaced"))
    found.append(["answers that it was asked for, and that read otherwise", str(len(written)),
                  str(sum(row["quoted"] != row["anew"] for row in written))])  # fmt: skip
    found.append(["sentences written that stand, that a unit stands for", str(kept), str(replaced)])
    lengths = (sum(len(row[name]) for row in written) / max(1, len(written)) for name in ("quoted", "anew"))
    found.append(["characters of these answers on average", *(f"{each:.0f}" for each in lengths)])
    for name, label in (("wait_s", "first words"), ("whole_s", "all")):
        waits = [row[name] for row in written] or [0.0]
        shares = (f"{percentile(waits, share):.2f}" for share in (0.5, 0.9))
        found.append([f"seconds that it adds until {label} (median, 90 %)", *shares])
    return found


def rank(outcome: str) -> int:
    """Of an outcome: higher is better."""
    return {Outcome.GOOD: 2, Outcome.RIGHTLY_REFUSED: 2, Outcome.PARTLY: 1}.get(Outcome(outcome), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--most", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path("indexes/writer.jsonl"))
    given = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import transformers  # noqa: F401 - whose own loading is not the model's

    from ragsvc.pipeline.generation import answer

    answer.Paraphrase = Watched  # type: ignore[misc]
    BundledWriter(given.home, 1).count("x")
    begun, spent = time.perf_counter(), time.process_time()
    BundledWriter(given.home, 1).count("x")
    print(f"loaded in {time.perf_counter() - begun:.2f} s, {time.process_time() - spent:.2f} s of a core")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    rows = (
        [json.loads(line) for line in given.out.read_text("utf-8").splitlines()] if given.out.exists() else []
    )
    known = {row["id"] for row in rows}
    questions = [each for each in load(QUESTIONS, "tune").questions[: given.most] if each.id not in known]
    with (
        Service.open(Settings(home=given.home, generator="bundled", threads=1), create=False) as service,
        given.out.open("a", encoding="utf-8") as out,
    ):
        for question in questions:
            rows.append(compared(service, question))
            out.write(json.dumps(rows[-1]) + "\n")
            out.flush()
    print(table(["figure", "quoted", "said anew"], told(rows)))
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
