"""Follow-ups: what the condenser finds beside the bare question, whole conversations and human rewrites.

    RAGSVC_TEST_DATA=folder python -m benchmarks.multiturn [--home DIR]

The passages that come with the rated tasks of MTRAG are ingested as one corpus of four subjects;
every question that has a judged passage among them is searched. Conversations are split in two by the
hash of their id: what the condenser does was chosen on the first half alone. Also counts, for the rated
answerable tasks, how often a follow-up is answered after its own conversation and after a foreign one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sets import data_folder, figure, run_of, table
from ragsvc.domain import (
    AnswerRequest,
    Caller,
    Collapse,
    F64Vector,
    IngestRequest,
    Role,
    SearchRequest,
    Turn,
)
from ragsvc.evaluation.intervals import bootstrap_mean, randomisation_test
from ragsvc.evaluation.retrieval_metrics import evaluate
from ragsvc.service.service import Service
from ragsvc.settings.settings import Settings

CALLER = Caller()
CORPUS = "mtrag"
SUBJECTS = ("clapnq", "cloud", "fiqa", "govt")
DEPTH = 100
LAST, CONDENSED, REWRITE = "last turn", "condensed", "human rewrite"
FOREIGN = (
    (Turn(Role.USER, "What is the Zyxtron 9000 gearbox?"),),
    (Turn(Role.USER, "How do penguins raise chicks in Antarctica?"),),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the user's turns up to it, its rewrite by a person and its judged passages."""

    id: str
    turns: tuple[str, ...]
    rewrite: str
    judged: Mapping[str, int]

    @property
    def history(self) -> tuple[Turn, ...]:
        return tuple(Turn(Role.USER, text) for text in self.turns[:-1])


def systems() -> dict[str, Callable[[Asked], tuple[str, tuple[Turn, ...]]]]:
    """What each way gives the search: a query and a history."""
    return {
        LAST: lambda asked: (asked.turns[-1], ()),
        "last two turns": lambda asked: (" ".join(asked.turns[-2:]), ()),
        "all turns": lambda asked: (" ".join(asked.turns), ()),
        CONDENSED: lambda asked: (asked.turns[-1], asked.history),
        REWRITE: lambda asked: (asked.rewrite, ()),
    }


def first_half(identifier: str) -> bool:
    """Whether a conversation is of the half that was tuned on."""
    conversation = identifier.partition("<")[0]
    return int(hashlib.sha256(conversation.encode()).hexdigest(), 16) % 2 == 0


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def load(folder: Path, held: set[str]) -> list[Asked]:
    """The questions with a judged passage among `held`."""
    found = []
    for subject in SUBJECTS:
        base = folder / "retrieval_tasks" / subject
        judged: dict[str, dict[str, int]] = {}
        for row in (base / "qrels" / "dev.tsv").read_text("utf-8").splitlines()[1:]:
            question, passage, grade = row.split("\t")
            if passage in held:
                judged.setdefault(question, {})[passage] = int(grade)
        rewrites = {row["_id"]: _said(row["text"])[0] for row in lines(base / f"{subject}_rewrite.jsonl")}
        for row in lines(base / f"{subject}_questions.jsonl"):
            if row["_id"] in judged:
                name = row["_id"]
                found.append(Asked(name, tuple(_said(row["text"])), rewrites[name], judged[name]))
    return found


def _said(text: str) -> list[str]:
    return [turn.strip() for turn in text.split("|user|:") if turn.strip()]


def ingest(service: Service, documents: Sequence[Mapping[str, str]], folder: Path) -> None:
    path = folder / "passages.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for item in documents:
            row = {"_id": item["document_id"], "title": item.get("title") or "", "text": item["text"]}
            file.write(json.dumps(row) + "\n")
    service.ingest(CALLER, IngestRequest(corpus=CORPUS, paths=(str(path),)))


def measure(service: Service, asked: Sequence[Asked]) -> dict[str, dict[str, F64Vector]]:
    """Figures of every system: name -> (q,) float64, questions in order."""
    scores: dict[str, dict[str, F64Vector]] = {}
    for name, ask in systems().items():
        rows = []
        for item in asked:
            query, history = ask(item)
            request = SearchRequest(
                corpora=(CORPUS,), query=query, k=DEPTH, collapse=Collapse.OFF, history=history
            )
            run = run_of(service.search(CALLER, request).hits)
            five, ten = evaluate(run, item.judged, 5), evaluate(run, item.judged, 10)
            rows.append((five.ndcg, ten.ndcg, five.recall, ten.recall))
        columns = np.array(rows, dtype=np.float64).T
        scores[name] = dict(zip(("ndcg@5", "ndcg@10", "recall@5", "recall@10"), columns, strict=True))
    return scores


def report(scores: Mapping[str, Mapping[str, F64Vector]], chosen: np.ndarray) -> str:
    """A table of some of the questions. chosen: (q,) bool."""
    last = scores[LAST]["ndcg@10"][chosen]
    rows = []
    for name, figures in scores.items():
        of = {key: values[chosen] for key, values in figures.items()}
        ten, difference = bootstrap_mean(of["ndcg@10"]), bootstrap_mean(of["ndcg@10"] - last)
        rows.append(
            (
                name,
                figure(float(of["ndcg@5"].mean())),
                f"{figure(ten.value)} [{figure(ten.low)}, {figure(ten.high)}]",
                figure(float(of["recall@5"].mean())),
                figure(float(of["recall@10"].mean())),
                "" if name == LAST else f"{difference.value:+.3f}",
                "" if name == LAST else f"{randomisation_test(of['ndcg@10'], last):.4f}",
            )
        )
    head = ("searched for", "nDCG@5", "nDCG@10 [95 %]", "recall@5", "recall@10", "nDCG@10 gain", "p")
    return table(head, rows)


def answered(service: Service, tasks: Sequence[Mapping[str, Any]]) -> str:
    """How often answerable follow-ups that lean on their conversation are answered, of the second half."""
    counts = {"own conversation": 0, "none": 0, "foreign conversation": 0}
    number = 0
    for task in tasks:
        *before, last = task["input"]
        own = tuple(Turn(Role(_role(turn)), turn["text"]) for turn in before)
        request = SearchRequest(corpora=(CORPUS,), query=last["text"], k=1, history=own)
        if not own or first_half(task["task_id"]) or task["Answerability"] != ["ANSWERABLE"]:
            continue
        if service.search(CALLER, request).searched == last["text"]:
            continue
        number += 1
        for name, histories in zip(counts, ((own,), ((),), FOREIGN), strict=True):
            for history in histories:
                answer = service.answer(
                    CALLER, AnswerRequest(corpora=(CORPUS,), question=last["text"], history=history)
                )
                counts[name] += answer.answered
    of = {"own conversation": number, "none": number, "foreign conversation": number * len(FOREIGN)}
    rows = [(name, str(of[name]), figure(count / of[name])) for name, count in counts.items()]
    return table(("history given", "asked", "answered"), rows)


def _role(turn: Mapping[str, str]) -> str:
    return "user" if turn["speaker"] == "user" else "assistant"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="keep the corpus here, so that the next run embeds nothing")
    given = parser.parse_args()
    folder = data_folder() / "mtrag-human-eval"
    rated = json.loads((folder / "reference_subset_with_human_evaluations.json").read_text("utf-8"))
    asked = load(folder, {item["document_id"] for item in rated["documents"]})
    with tempfile.TemporaryDirectory() as made:
        home = given.home or Path(made) / "home"
        with Service.open(Settings(home=home), create=True) as service:
            ingest(service, rated["documents"], Path(made))
            scores = measure(service, asked)
            decided = answered(service, rated["tasks"])
    tuned = np.array([first_half(item.id) for item in asked])
    later = np.array([len(item.turns) > 1 for item in asked])
    for name, chosen in (
        ("Second half: nothing was chosen on it", ~tuned),
        ("First half: the rules were chosen on it", tuned),
        ("Second half, follow-ups alone", ~tuned & later),
        ("Second half, first questions", ~tuned & ~later),
        ("All", tuned | ~tuned),
    ):
        print(f"\n{name} ({int(chosen.sum())} questions)\n\n{report(scores, chosen)}")
    p = randomisation_test(scores[CONDENSED]["ndcg@10"][~tuned], scores[REWRITE]["ndcg@10"][~tuned])
    print(f"\nSecond half, {CONDENSED} against {REWRITE}: p = {p:.3f}\n\n{decided}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
