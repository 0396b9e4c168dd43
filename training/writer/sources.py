"""Public sets as examples for the writer; training/README.md lists them with their licences.

Rows that overlap a set for evaluation are left out, and so are questions that a benchmark of ours asks.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ragsvc.pipeline.grounding.citations import words_of
from training.reader.sources import rows_of
from training.writer.declared import OPEN_ENDS, declared
from training.writer.examples import (
    MOST_CHARS,
    Example,
    Source,
    among,
    capital,
    condensed,
    is_borne_out,
    refers_back,
    roughened,
    split,
)

MOST_UNITS = 3
MOST_ANSWER_WORDS = 25
DECLARED_SHARE = 0.7
# Copying is learnt soon.
COPIED_SHARE = 0.15
_CITED = re.compile(r"\[\w")
_NAMED = re.compile(r"^(?:what|who|which) (?:is|was|are|were) (the .{4,70})$", re.IGNORECASE)
# As tokenisers write signs, and as people do.
_SPACED = (
    *((f" {sign}", sign) for sign in (",", ".", ";", ":", ")", "%", "'s", "n't")),
    *((f"{sign} ", sign) for sign in ("(", "$")),
    *(("`` ", '"'), (" ''", '"'), ("``", '"'), ("''", '"'), (" '", "'")),
)


def questions_of_benchmarks(data: Path) -> frozenset[str]:
    """Questions of conversations that benchmarks.multiturn asks, of which some come from the same people."""
    rated = json.loads(
        (data / "mtrag-human-eval" / "reference_subset_with_human_evaluations.json").read_text("utf-8")
    )
    return frozenset(_bare(turn["text"]) for task in rated["tasks"] for turn in task["input"])


def marked(data: Path, rng: random.Random) -> Iterator[Example]:
    """Questions with a text in which people marked the answer: the sentence that holds it answers."""
    train = data / "train"
    for name, most in (("qed-nq", 8236), ("covid-qa", 350)):
        rows = [row for row in rows_of(train / name / "reader.jsonl.gz") if row["answers"]]
        rng.shuffle(rows)
        made = (
            _of_text(name, row["question"], row["context"], row["answers"][0], row.get("title", ""), rng)
            for row in rows
        )
        yield from _some(made, most)
    articles = json.loads((data / "squadshifts-newwiki" / "new_wiki_v1.0.json").read_text("utf-8"))["data"]
    rows = [
        (asked["question"], paragraph["context"], asked["answers"][0], article["title"].replace("_", " "))
        for article in articles
        for paragraph in article["paragraphs"]
        for asked in paragraph["qas"]
    ]
    rng.shuffle(rows)
    made = (
        _of_text("newwiki", question, context, found, title, rng) for question, context, found, title in rows
    )
    yield from _some(made, 3600)


def _some(made: Iterator[Example | None], most: int) -> Iterator[Example]:
    for example in made:
        if most <= 0:
            return
        if example:
            most -= 1
            yield example


def _of_text(
    kind: str, question: str, text: str, answer: dict[str, Any], title: str, rng: random.Random
) -> Example | None:
    said = str(answer["text"]).strip()
    sentences = split(text)
    holding = [each for each in sentences if said in each and not _CITED.search(each)]
    if len(holding) != 1 or len(holding[0].split()) < 4 or len(holding[0]) > MOST_CHARS:
        return None
    before = holding[0][: holding[0].index(said)]
    title = title if title and rng.random() < 0.85 else ""
    target = condensed(holding[0], title, said)
    unit = Source(title, roughened(holding[0], title, rng))
    short = declared(question, said, before) if len(said.split()) <= MOST_ANSWER_WORDS else ""
    if short and rng.random() < DECLARED_SHARE and is_borne_out(short, Source("", holding[0])):
        target = capital(_with_case(short, f"{_lower_first(holding[0])} {title}"))
    if not is_borne_out(target, unit) or target[-1:] not in ".!" or refers_back(target):
        return None
    if target == unit.text and rng.random() > COPIED_SHARE:
        return None
    others = [
        Source(unit.title, each)
        for each in sentences
        if each != holding[0] and 40 <= len(each) <= 260 and each[-1:] == "."
    ]
    rng.shuffle(others)
    return among(rng, kind, question, [(unit, target)], others[: rng.choice((0, 0, 1, 1, 2))])


def whole_answers(data: Path, rng: random.Random) -> Iterator[Example]:
    """Answers of several sentences that people wrote, their sentences as units among those of another."""
    asked = questions_of_benchmarks(data)
    with (data / "clapnq-train-answers" / "question_train_answerable.tsv").open(
        encoding="utf-8", newline=""
    ) as lines:
        rows = [row for row in csv.DictReader(lines, delimiter="\t") if _bare(row["question"]) not in asked]
    texts = [[_joined(each) for each in row["answers"].split("::")] for row in rows]
    for row, variants in zip(rows, texts, strict=True):
        variants = sorted(variants, key=len)
        units = [Source("", each) for each in split(variants[-1])]
        sentences = split(variants[0])
        if not 1 <= len(sentences) <= MOST_UNITS or not len(units) <= MOST_UNITS:
            continue
        if any(len(each.text) > MOST_CHARS or each.text[-1:] not in '.!"' for each in units):
            continue
        chosen = []
        for sentence in sentences:
            best = max(units, key=lambda unit: len(words_of(unit.text) & words_of(sentence)))
            chosen.append((best, sentence))
        if (
            refers_back(sentences[0])
            or len({unit.text for unit, _ in chosen}) < len(chosen)
            or not all(is_borne_out(sentence, unit) for unit, sentence in chosen)
        ):
            continue
        chosen.sort(key=lambda each: units.index(each[0]))
        others = [unit for unit in units if unit not in [each for each, _ in chosen]]
        if len(units) < MOST_UNITS and rng.random() < 0.3:
            stranger = split(rng.choice(texts)[0])[:1]
            others += [Source("", each) for each in stranger if len(each) < MOST_CHARS]
        if (
            all(sentence == unit.text for unit, sentence in chosen)
            and not others
            and rng.random() > COPIED_SHARE
        ):
            continue
        yield among(rng, "clapnq", row["question"], chosen, others)


def rows_as_sentences(data: Path, rng: random.Random) -> Iterator[Example]:
    """Short answers with the sentence that people found best; the unit is a row with the question's words."""
    for line in (data / "declarative-answers" / "squad_crowd_3000.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        best = max(row["responses"], key=lambda each: each["votes"])
        question, answer = row["question"].strip(), _joined(row["answer"])
        asked = question.rstrip("?. ").strip()
        found = _NAMED.match(asked)
        if not found or asked.endswith(OPEN_ENDS) or best["votes"] < 2 or len(answer) < 2:
            continue
        said, name = _with_case(_joined(best["text"]), f"{question} {answer}"), found.group(1)
        if not said.lower().startswith("the "):
            # "It is 4": said again with the row's own words.
            said = f"{name} {asked.split()[1]} {answer}"
        field = capital(name.removeprefix("the ").removeprefix("name of the "))
        unit = Source("", f"{field}{rng.choice((': ', ' = ', ': '))}{answer}")
        if answer.lower() in said.lower() and is_borne_out(said, unit):
            yield among(rng, "declarative", question, [(unit, f"{capital(said.rstrip('. '))}.")], [])


def _with_case(text: str, model: str) -> str:
    """A text with the capitals that another has; the other's small letters count more."""
    known = {word.lower(): word for word in sorted(re.findall(r"\w+", model))}
    return re.sub(r"\w+", lambda found: known.get(found.group().lower(), found.group()), text)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _joined(text: str) -> str:
    """Without the blanks that a tokeniser put between words and signs."""
    for apart, together in _SPACED:
        text = text.replace(apart, together)
    return " ".join(text.split())


def _bare(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())
