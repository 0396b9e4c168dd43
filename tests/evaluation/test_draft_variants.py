"""Other forms of drafted questions: what they keep, and what they change."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragsvc.evaluation.drafts.golden_set import DraftLine, to_line
from ragsvc.evaluation.drafts.variants import keywords, mistyped, told, variants


def line(question: str, kind: str = "definition") -> DraftLine:
    return DraftLine(question, kind, ("a.md",), "a.md", 3, 9, "a quote", "an answer")


def edits(one: str, other: str) -> int:
    """Damerau-Levenshtein distance (adjacent letters may change places), by its definition."""
    table = {(i, -1): i + 1 for i in range(-1, len(one))} | {(-1, j): j + 1 for j in range(-1, len(other))}
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            cost = table[i - 1, j - 1] + (a != b)
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, cost)
            if i and j and a == other[j - 1] and one[i - 1] == b:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one) - 1, len(other) - 1]


@given(st.text("abcdefghij ?", max_size=40), st.text(max_size=5))
def test_a_slip_is_one_edit_at_most_and_settled_by_the_seed(question: str, seed: str) -> None:
    slip = mistyped(question, seed)
    assert edits(question, slip) <= 1
    assert slip == mistyped(question, seed)


def test_short_words_stay_and_all_kinds_of_slip_come_up() -> None:
    assert mistyped("How so? 12345", "1") == "How so? 12345"
    slips = Counter(len(mistyped("What is an autoencoder?", str(seed))) - 23 for seed in range(60))
    assert set(slips) == {-1, 0, 1}


def test_key_words_are_the_words_of_topic() -> None:
    assert keywords("What is the loss of a variational autoencoder?") == "loss variational autoencoder"
    assert keywords("What is it?") == ""


@pytest.mark.parametrize(
    ("question", "kind", "expected"),
    [
        ("What is a vector database?", "definition", "Explain what a vector database is."),
        ("What are embeddings?", "definition", "Explain what embeddings are."),
        ("What is a filter used for?", "purpose", ""),
        ("Who wrote it?", "definition", ""),
    ],
)
def test_definitions_can_be_told(question: str, kind: str, expected: str) -> None:
    assert told(line(question, kind)) == expected


def test_variants_keep_answers_and_origin_and_repeat_nothing() -> None:
    first = line("What is a vector database?")
    found = list(variants([first, line("What is it?"), first]))
    assert [each.question for each in found][:4] == [
        "What is a vector database?",
        mistyped(first.question, first.question),
        "vector database",
        "Explain what a vector database is.",
    ]
    assert len({each.question for each in found}) == len(found)
    rows = [to_line(each) for each in found]
    assert {row["origin"] for row in rows} == {"synthetic"}
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["spans"] == rows[0]["spans"] for row in rows)
