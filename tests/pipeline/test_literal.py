"""Names and quotes are looked for by their words."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles import new_home, open_service, search, upload

from ragsvc.pipeline.retrieval.literal_queries import LITERAL_WEIGHT, dense_weight_of, is_literal

NAMES = ["max_tokens", "`RAGSVC_HOME`", "rag_pipeline.add_component()", "BM25Okapi", "getUser top_p", "x-15b"]
QUOTES = ['"the boundary layer"', " “of a flat plate” ", "«ein Zitat»", "„noch eines“"]
OTHERS = [
    "",
    "?",
    '""',
    "boundary layer",
    "What is max_tokens?",
    'Who said "I have a dream"?',
    '"one" and "two"',
    "1066",
    "2.13.0",
    "U.S.",
    "e.g.",
    "Python3教程",
]


@pytest.mark.parametrize("text", NAMES + QUOTES)
def test_names_and_quotes_are_literal(text: str) -> None:
    assert is_literal(text)
    assert dense_weight_of(text, 0.55) == LITERAL_WEIGHT
    assert dense_weight_of(text, 0.1) == 0.1


@pytest.mark.parametrize("text", OTHERS)
def test_anything_else_is_not(text: str) -> None:
    assert not is_literal(text)
    assert dense_weight_of(text, 0.55) == 0.55


@pytest.mark.parametrize("reranker", ["none", "built-in"])
def test_both_looks_weigh_a_quote_by_its_words(tmp_path: Path, reranker: str) -> None:
    found = {}
    for weight in (0.55, LITERAL_WEIGHT):
        home = new_home(tmp_path, str(weight))
        with open_service(home, reranker=reranker, dense_weight=weight) as service:
            upload(service, {"a": "apple fig", "b": "plum fig tart", "c": "pear plum", "d": "melon"})
            found[weight] = [
                {hit.passage.document_id: hit.score for hit in search(service, query).hits}
                for query in ('"plum fig"', "plum fig")
            ]
    usual, literal = found[0.55], found[LITERAL_WEIGHT]
    assert usual[0] == literal[0] == literal[1]
    assert usual[1] != literal[1]
