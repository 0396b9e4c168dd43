"""Public sets as examples: questions with passages, passages to rank, and claims with evidence.

What each set is, and its licence, stands in training/README.md. Whatever a benchmark of this repository
reports on is left out: SQuAD's held-out articles, and the reported half of the sets of benchmarks.support.
"""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.asked import Asked
from benchmarks.claims import Claim
from training.reader.closest_text import closest_text
from training.reader.examples import NO_LABEL, Example, Support

MAX_CONTEXT_CHARS = 1000
SUPPORT_LABELS = {
    "supported": Support.SUPPORTED,
    "refuted": Support.CONTRADICTED,
    "not_enough": Support.NOT_STATED,
    "partially_supported": Support.UNSUPPORTED,
    "not_supported": Support.UNSUPPORTED,
}
SUPPORT_SETS = (
    ("fever-dev-pairs", 9000),
    ("climate-fever", 2500),
    ("covid-fact", 2000),
    ("begin", 2400),
    ("summedits", 2400),
    ("frank", 1600),
    ("nli-mini", 2999),
    ("scifact-pairs", 773),
    ("wice-tokens-train", 374),
)


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a gzipped file of JSON lines, without those that overlap a set for evaluation."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if not row.get("eval_overlap")]


def window(text: str, start: int, end: int, rng: random.Random) -> tuple[str, int, int]:
    """A part of a long text around an answer, cut at blanks; the answer stands anywhere in it."""
    if len(text) <= MAX_CONTEXT_CHARS:
        return text, start, end
    room = MAX_CONTEXT_CHARS - (end - start)
    if room <= 0:
        return text[start : start + MAX_CONTEXT_CHARS], 0, min(end - start, MAX_CONTEXT_CHARS)
    first = max(0, min(start - rng.randint(0, room), len(text) - MAX_CONTEXT_CHARS))
    if first:
        first = min(start, text.find(" ", first, start) + 1 or start)
    last = min(len(text), max(end, first + MAX_CONTEXT_CHARS))
    return text[first:last], start - first, end - first


def readers(data: Path, rng: random.Random) -> Iterator[Example]:
    """Questions with passages in which people marked the answer, or said that there is none."""
    train = data / "train"
    for name, most in (("qed-nq", 8236), ("doc2dial-val", 2200), ("covid-qa", 1000), ("mrqa-ood-mini", 600)):
        rows = rows_of(train / name / "reader.jsonl.gz")
        rng.shuffle(rows)
        for row in rows[:most]:
            yield from _marked(row, name, rng)
    for row in rows_of(train / "qed-nq" / "judged-no-answer.jsonl.gz"):
        yield _none(row["question"], row["context"], "qed-nq", row.get("title", ""))
    subjective = [
        r for r in rows_of(train / "subjqa" / "reader.jsonl.gz") if not r.get("annotators_disagree")
    ]
    rng.shuffle(subjective)
    for row in subjective[:1600]:
        yield from _marked(row, "subjqa", rng)
    yield from _qamr(train, rng)
    for row in rng.sample(rows_of(train / "auto-unanswerable" / "reader.jsonl.gz"), 3500):
        yield _none(row["question"], row["context"], "auto-unanswerable", weight=0.5, relevant=0)


def squads(data: Path, rng: random.Random) -> Iterator[Example]:
    """Sets in SQuAD's layout; of SQuAD itself only the articles that no benchmark holds out."""
    files = (
        ("squad2-dev-half", "dev-v2.0.json", 6000),
        ("squadshifts-newwiki", "new_wiki_v1.0.json", 5000),
        ("squadshifts-amazon", "amazon_reviews_v1.0.json", 1200),
        ("policyqa", "dev.json", 1500),
    )
    for name, file, most in files:
        articles = json.loads((data / name / file).read_text("utf-8"))["data"]
        found: list[Example] = []
        for article in articles:
            title = str(article.get("title", "")).replace("_", " ")
            if name.startswith("squad2") and Asked(name, "", "", article["title"]).held_out:
                continue
            found += _article(article, name, "" if "amazon" in name else title, rng)
        rng.shuffle(found)
        yield from found[:most]


def _article(article: dict[str, Any], name: str, title: str, rng: random.Random) -> Iterator[Example]:
    paragraphs = [paragraph["context"] for paragraph in article["paragraphs"]]
    for place, paragraph in enumerate(article["paragraphs"]):
        for asked in paragraph["qas"]:
            header = title if rng.random() < 0.6 else ""
            row = {
                "question": asked["question"],
                "context": paragraph["context"],
                "answers": [{"text": a["text"], "start": a["answer_start"]} for a in asked["answers"]],
            }
            if asked.get("is_impossible") or not asked["answers"]:
                yield _none(asked["question"], paragraph["context"], name, header)
                continue
            yield from _marked(row, name, rng, header)
            answer = asked["answers"][0]["text"].lower()
            others = [p for at, p in enumerate(paragraphs) if at != place and answer not in p.lower()]
            if others and rng.random() < 0.35:
                near = max(
                    rng.sample(others, min(6, len(others))), key=lambda p: _shared(asked["question"], p)
                )
                yield _none(asked["question"], near, f"{name} near", header, weight=0.6, relevant=0)


def _shared(question: str, text: str) -> int:
    return len(set(question.lower().split()) & set(text.lower().split()))


def _qamr(train: Path, rng: random.Random) -> Iterator[Example]:
    """Up to four questions a sentence, and one of them with another sentence."""
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(train / "qamr" / "reader.jsonl.gz"):
        of[row["context"]].append(row)
    contexts = list(of)
    for rows in of.values():
        for row in rng.sample(rows, min(3, len(rows))):
            yield from _marked(row, "qamr", rng)
        yield _none(rng.choice(rows)["question"], rng.choice(contexts), "qamr far", weight=0.3, relevant=0)


def _marked(
    row: dict[str, Any], name: str, rng: random.Random, header: str | None = None
) -> Iterator[Example]:
    title = str(row.get("title") or "").replace("_", " ")
    header = (title if rng.random() < 0.6 else "") if header is None else header
    if not row["answers"]:
        yield _none(row["question"], row["context"], name, header)
        return
    # The shortest of several: people differ in how much they mark.
    best = min(row["answers"], key=lambda answer: len(answer["text"]))
    start, answer = int(best["start"]), best["text"]
    if row["context"][start : start + len(answer)] != answer:
        return
    text, first, last = window(row["context"], start, start + len(answer), rng)
    yield Example(row["question"], text, name, row["context"][:200], header, first, last, True, 1, 1)


def _none(
    question: str, text: str, name: str, header: str = "", weight: float = 1.0, relevant: int = NO_LABEL
) -> Example:
    # Cut as a text with an answer is, or the cut would tell which has one.
    best = closest_text(text, question, MAX_CONTEXT_CHARS // 4)[:80]
    at = max(0, text.find(best))
    part, _, _ = window(text, at, min(len(text), at + 40), random.Random(len(text)))
    return Example(question, part, name, text[:200], header, -1, -1, True, 0, relevant, weight=weight)


def rankings(data: Path, rng: random.Random) -> Iterator[Example]:
    """Questions with a passage that bears on them, and with one that does not."""
    for name, most in (("qed-nq", 2500), ("covid-qa", 500), ("trec-qa", 851), ("yodaqa-val", 270),
                       ("multihop-mini", 425), ("covid-faq", 211)):  # fmt: skip
        rows = rows_of(data / "train" / name / "ranking.jsonl.gz")
        rng.shuffle(rows)
        for row in rows[:most]:
            texts = [(row["positive"], 1)] if name != "qed-nq" else []
            texts += [(text, 0) for text in row["negatives"][:1]]
            for text, relevant in texts:
                short = closest_text(text, row["query"], MAX_CONTEXT_CHARS)
                yield Example(
                    row["query"], short, f"{name} ranking", short[:200], relevant=relevant, weight=0.7
                )
    yield from _medquad(data, rng)


def _medquad(data: Path, rng: random.Random) -> Iterator[Example]:
    """A question with its own answer, and with that to another question about the same disease."""
    of: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with (data / "medquad" / "medquad.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row.get("answer") and row.get("focus"):
                of[row["focus"]].append(row)
    groups = [rows for rows in of.values() if len(rows) > 1]
    for rows in rng.sample(groups, 1000):
        one, other = rng.sample(rows, 2)
        for row, relevant in ((one, 1), (other, 0)):
            if one["qtype"] != other["qtype"]:
                text = row["answer"][:MAX_CONTEXT_CHARS]
                yield Example(
                    one["question"], text, "medquad", text[:200], one["focus"],
                    answerable=relevant, relevant=relevant, weight=0.6,
                )  # fmt: skip


def supports(data: Path, rng: random.Random) -> Iterator[Example]:
    """Claims with evidence, and how they stand to it."""
    for name, most in SUPPORT_SETS:
        rows = rows_of(data / "train" / name / "support.jsonl.gz")
        rows = [row for row in rows if row["label"] in SUPPORT_LABELS and not _reported(name, row)]
        if name == "climate-fever":
            rows = [row for row in rows if row.get("unanimous")]
        rng.shuffle(rows)
        for row in rows[:most]:
            text = closest_text(row["evidence"], row["claim"], MAX_CONTEXT_CHARS)
            yield Example(
                row["claim"], text, f"{name} support", row["evidence"][:200],
                support=SUPPORT_LABELS[row["label"]], weight=1.0,
            )  # fmt: skip


def _reported(name: str, row: dict[str, Any]) -> bool:
    """Whether a benchmark of support reports on this evidence."""
    return Claim(row["evidence"][:200], name, "", "", (), True).half == 1
