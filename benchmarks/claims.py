"""Sentences with the passages they are held against, and whether people found them borne out."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from ragsvc.pipeline.grounding.citations import words_of
from ragsvc.text.sentences import sentences

PASSAGE_CHARS = 1600
BEST = 3
# Of five points of faithfulness (1 to 4 and their means) the ones in the middle tell little.
FAITHFUL, UNFAITHFUL = 3.5, 2.67
WHOLE_SENTENCE = 5
_ASKED = r"(?:which|what|who|whom|whose|when|where|how (?:many|much|long|old|far|often))"
_AUXILIARY = r"(?:is|are|was|were|did|does|do|has|have|had|can|will|would)"
_NOUNS = rf"(?:(?! {_AUXILIARY}\b) [\w'’\"-]+){{0,4}}?"
# "Who was born first", "Which magazine started first": what asks is the subject.
_AS_SUBJECT = re.compile(
    rf"^(?:(?:who|what|which)(?= {_AUXILIARY}\b)|(?:which|what|who){_NOUNS}(?= (?:[a-z]+ed|[a-z]+s)\b)) ",
    re.IGNORECASE,
)
_AT_END = re.compile(rf"(?<=\w ){_ASKED}(?: [\w'’\"-]+){{0,4}}\s*\?*$", re.IGNORECASE)
_ASKING = re.compile(
    rf"^(?:(?:in|on|at|of|by|for|from|to|with) )?{_ASKED}\b(?: {_AUXILIARY}\b)?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence, or a whole reply, and its passages.

    group: what it was made from; claims of one group are in the same half. kind: a part of its set.
    marked: its sentences name all passages; else each may rest on any one of them.
    """

    group: str
    set: str
    kind: str
    text: str
    passages: tuple[str, ...]
    faithful: bool
    marked: bool = True

    @property
    def half(self) -> int:
        """0 to choose on, 1 to report."""
        return hashlib.sha1(f"{self.set} {self.group}".encode()).digest()[0] % 2


def best_of_text(text: str, claim: str) -> tuple[str, ...]:
    """A long text cut where sentences end, and of its pieces those that share most words with a claim."""
    pieces: list[str] = []
    start = end = 0
    for span in sentences(text):
        if span.end - start > PASSAGE_CHARS and end > start:
            pieces.append(text[start:end])
            start = span.start
        end = span.end
    pieces.append(text[start:])
    wanted = words_of(claim)
    ranked = sorted(range(len(pieces)), key=lambda at: (-len(wanted & words_of(pieces[at])), at))
    return tuple(pieces[at] for at in sorted(ranked[:BEST]) if pieces[at].strip())


def declared(question: str, answer: str) -> str:
    """A question and its short answer as one statement; a long answer stands by itself."""
    answer = answer.strip().rstrip(".")
    if len(answer.split()) >= WHOLE_SENTENCE:
        return f"{answer}."
    question = question.strip().rstrip("?. ")
    for pattern in (_AS_SUBJECT, _AT_END):
        if found := pattern.search(question):
            gap = " " if pattern is _AS_SUBJECT else ""
            return f"{question[: found.start()]}{answer}{gap}{question[found.end() :]}."
    return f"{_ASKING.sub('', question).strip()}: {answer}."


def halueval(data: Path) -> Iterator[Claim]:
    """Right answers, and plausible wrong ones, each with the knowledge it was written for."""
    for line in (data / "halueval" / "qa_one-turn_data.jsonl").read_text().splitlines():
        row = json.loads(line)
        # The knowledge is several texts without a blank between them.
        knowledge = re.sub(r"(?<=[a-z\d)\"][.!?])(?=[A-Z\"])", " ", row["knowledge"])
        for kind, faithful in (("right_answer", True), ("hallucinated_answer", False)):
            text = declared(row["question"], row[kind])
            yield Claim(row["question"], "halueval", kind, text, (knowledge,), faithful)


def wice(data: Path) -> Iterator[Claim]:
    """Claims of Wikipedia and the page that each cites."""
    for line in (data / "wice" / "claim_dev.jsonl").read_text().splitlines():
        row = json.loads(line)
        page = "\n\n".join(text for text in row["evidence"] if not text.startswith("(meta data)"))
        passages = best_of_text(page, row["claim"])
        yield Claim(page[:200], "wice", row["label"], row["claim"], passages, row["label"] == "supported")


def mtrag(data: Path) -> Iterator[Claim]:
    """Whole replies whose faithfulness people rated, those between left out."""
    path = data / "mtrag-human-eval" / "reference_subset_with_human_evaluations.json"
    everything = json.loads(path.read_text())
    text_of = {row["document_id"]: row["text"] for row in everything["documents"]}
    contexts = {
        row["task_id"]: tuple(text_of[each["document_id"]] for each in row["contexts"])
        for row in everything["tasks"]
    }
    for row in everything["evaluations"]:
        votes = row["annotations"]["faithfulness"].values()
        rating = mean(float(vote["value"]) for vote in votes)
        passages = contexts[row["task_id"]]
        if passages and not UNFAITHFUL < rating < FAITHFUL:
            kind = "faithful" if rating >= FAITHFUL else "not faithful"
            yield Claim(
                row["task_id"],
                "mtrag replies",
                kind,
                row["model_response"],
                passages,
                rating >= FAITHFUL,
                False,
            )


def pairs(data: Path, folder: str, most: int) -> Iterator[Claim]:
    """Claims with their evidence, as `train/` has them; every so many of them."""
    with gzip.open(data / "train" / folder / "support.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if row["label"] in {"supported", "not_supported", "refuted"}]
    for row in rows[:: max(1, len(rows) // most)]:
        passages = best_of_text(row["evidence"], row["claim"])
        yield Claim(
            row["evidence"][:200], folder, row["label"], row["claim"], passages, row["label"] == "supported"
        )


def squad(data: Path, most: int) -> Iterator[Claim]:
    """Right answers as statements, and the same with another answer of the same paragraph and kind."""
    articles = json.loads((data / "squad2-dev-half" / "dev-v2.0.json").read_text())["data"]
    made = [
        both
        for article in articles
        for paragraph in article["paragraphs"]
        for both in _of_paragraph(paragraph)
    ]
    for both in made[:: max(1, 2 * len(made) // most)]:
        yield from both


def _of_paragraph(paragraph: dict[str, Any]) -> Iterator[tuple[Claim, Claim]]:
    asked = [
        (row["question"], row["answers"][0]["text"])
        for row in paragraph["qas"]
        if not row["is_impossible"] and row["answers"]
    ]
    group, context = paragraph["context"][:200], (paragraph["context"],)
    for question, answer in asked:
        others = [
            other
            for about, other in asked
            if about != question
            and _kind(other) == _kind(answer) != ""
            and not words_of(other) & (words_of(answer) | words_of(question))
        ]
        if others and len(answer.split()) < WHOLE_SENTENCE > len(others[0].split()):
            kind, other = _kind(answer), declared(question, others[0])
            yield (
                Claim(group, "squad2", kind, declared(question, answer), context, True),
                Claim(group, "squad2", kind, other, context, False),
            )


def _kind(answer: str) -> str:
    if re.fullmatch(r"[\d.,:%$£€ ]+", answer):
        return "number"
    return "name" if answer[:1].isupper() else ""


def prose(folder: Path) -> Iterator[tuple[str, str]]:
    """Every Markdown page below a folder without its front matter: path and text."""
    for path in sorted([*folder.rglob("*.md"), *folder.rglob("*.mdx")]):
        text = path.read_text(encoding="utf-8", errors="replace")
        yield str(path.relative_to(folder)), re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.S)
