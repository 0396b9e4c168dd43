"""Evidence and the built-in generator: real sentences, valid markers, no repeats."""

from __future__ import annotations

import itertools
import re

import pytest
from doubles import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.domain import ChunkId, Evidence, Generation, Hit, Passage, VersionId
from ragsvc.pipeline.generation.extractive import (
    MAX_CHARS,
    MAX_SENTENCES,
    ExtractiveGenerator,
    readable,
    select,
)
from ragsvc.pipeline.grounding.evidence import find_evidence
from ragsvc.pipeline.wording import TextVectors
from ragsvc.text.analyse import StandardAnalyser

ANALYSER = StandardAnalyser()
sentence = st.lists(
    st.sampled_from(
        ["apple", "pear", "fig", "grows", "ripens", "early", "late", "7", "[3]", "**bold**", "in", "autumn"]
    ),
    min_size=1,
    max_size=12,
).map(lambda words: " ".join(words).capitalize() + ".")
texts = st.lists(st.lists(sentence, min_size=1, max_size=6).map(" ".join), min_size=1, max_size=4)


def hits_of(passages: list[str], *, ranks: list[int] | None = None, score: float = 1.0) -> list[Hit]:
    return [
        Hit(
            rank,
            score / rank,
            "c",
            Passage(
                ChunkId(rank), f"d{rank}", f"v{rank}", VersionId(rank), "s", "Fruit",
                10, 10 + len(text), text, None, ("Fruit", "Growing"), {},
            ),
        )
        for rank, text in zip(ranks or range(1, len(passages) + 1), passages, strict=True)
    ]  # fmt: skip


def evidence_of(question: str, hits: list[Hit]) -> list[Evidence]:
    embedder = HashEmbedder()
    vector = embedder.embed_queries([question])[0]
    return find_evidence(question, vector, hits, TextVectors(embedder), ANALYSER)


@given(texts, st.sampled_from(["When do pears ripen?", "", "the of and", "什么时候成熟", "???"]))
def test_evidence_quotes_its_passage_and_answers_hold_only_valid_markers(
    passages: list[str], question: str
) -> None:
    hits = hits_of(passages)
    found = evidence_of(question, hits)
    for item in found:
        passage = hits[item.number - 1].passage
        assert passage.text[item.start - passage.start : item.end - passage.start] == item.text
    assert all(before.score > after.score - 1e-5 for before, after in itertools.pairwise(found))
    answer = "".join(
        piece.text for piece in ExtractiveGenerator().stream(Generation(question, tuple(hits), tuple(found)))
    )
    assert bool(answer) == bool(found)
    assert {int(n) for n in re.findall(r"\[(\d+)\]", answer)} <= {hit.rank for hit in hits}


def test_a_row_of_a_table_is_evidence_with_the_names_of_its_columns() -> None:
    table = "Our plans:\n\n| Plan | Price |\n| --- | --- |\n| Free | 0 |\n| Team | 20 euros a month |\n"
    hits = hits_of([table])
    found = evidence_of("What is the price of the team plan?", hits)
    best, passage = found[0], hits[0].passage
    assert best.text == "Plan: Team; Price: 20 euros a month"
    quoted = passage.text[best.start - passage.start : best.end - passage.start]
    assert quoted == "| Team | 20 euros a month |"
    assert not any("---" in item.text or item.text == "Plan; Price" for item in found)


def test_a_question_answers_nothing_but_its_reply_does() -> None:
    hits = hits_of(
        ["Q: Is there a mobile app?\nA: Not yet.\n\nQ: Can I export my data?\n\nYes, as CSV files."]
    )
    found = evidence_of("Is there a mobile app?", hits)
    assert {(item.text, item.replies_to) for item in found} == {
        ("A: Not yet.", "Q: Is there a mobile app?"),
        ("Yes, as CSV files.", "Q: Can I export my data?"),
    }
    assert found[0].text == "A: Not yet."
    assert evidence_of("Is it so?", hits_of(["Is it so? Is it not so?"])) == []


def test_only_rows_that_the_question_names_something_of_are_quoted() -> None:
    table = "| Plan | Price |\n| --- | --- |\n| Free | 0 |\n| Team | 20 euros |\n"
    hits = hits_of([table])
    asked = evidence_of("What is the price of the team plan?", hits)
    assert [item.text for item in select(hits, asked)] == ["Plan: Team; Price: 20 euros"]
    assert select(hits, evidence_of("Which plan has the highest price?", hits)) == []
    # What is far from a row that is not quoted is not quoted for it.
    row = Evidence(1, 10, 20, "Plan: Free; Price: 0", 0.8, 0.8, named=False)
    far, near = (
        Evidence(1, 21, 30, "Write a poem.", 0.3, 0.3),
        Evidence(1, 31, 40, "All plans are free.", 0.7, 0.7),
    )
    assert select(hits, [row, far]) == []
    assert select(hits, [row, near, far]) == [near]


@given(texts)
def test_an_answer_is_short_and_does_not_repeat_itself(passages: list[str]) -> None:
    hits = hits_of(passages * 2)
    chosen = select(hits, evidence_of("pear ripens late", hits))
    assert len(chosen) <= MAX_SENTENCES
    assert len(chosen) < 2 or sum(len(readable(item.text)) for item in chosen) <= MAX_CHARS
    assert len({item.text.lower() for item in chosen}) == len(chosen)


def test_the_sentence_that_answers_comes_first() -> None:
    hits = hits_of(["Apples are red fruit. Pears ripen late in autumn. Figs grow on trees."])
    assert evidence_of("When do pears ripen?", hits)[0].text == "Pears ripen late in autumn."


def test_passages_of_one_among_several_corpora_keep_their_numbers() -> None:
    hits = hits_of(["Pears ripen late in autumn.", "Figs grow on warm trees."], ranks=[2, 5])
    assert {item.number for item in evidence_of("pears", hits)} == {2, 5}


@pytest.mark.parametrize(
    "text", ["# Only a heading", "| a | table | row |", "Too short.", "", "For example:"]
)
def test_what_is_no_prose_is_no_evidence(text: str) -> None:
    assert evidence_of("a heading of a table", hits_of([text])) == []


def test_a_text_without_blanks_or_latin_letters_is_quoted() -> None:
    hits = hits_of(
        ["Груши созревают поздней осенью. Яблоки растут на деревьях.", "梨在秋天成熟。苹果长在树上。"]
    )
    answer = "".join(
        piece.text
        for piece in ExtractiveGenerator().stream(
            Generation("", tuple(hits), tuple(evidence_of("Когда созревают груши?", hits)))
        )
    )
    assert "Груши созревают поздней осенью. [1]" in answer


def test_the_best_sentence_is_kept_when_nothing_fits_or_scores_are_negative() -> None:
    hits = hits_of(["x"])
    long = Evidence(1, 0, 1, "word " * MAX_CHARS, -0.2, -0.2)
    other = Evidence(1, 2, 3, "another short one", -0.3, -0.3)
    assert select(hits, [long, other]) == [long]
    assert select(hits, []) == []
