"""The analyser: what must match does, in every script."""

from __future__ import annotations

import importlib.util
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pumping import Pump, growth

from ragsvc.text.analyser import MAX_TERM_CHARS, StandardAnalyser

ANALYSER = StandardAnalyser()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The runners were running", ["runner", "run"]),
        ("user's don't O'Neil it’s", ["user", "neil", "oneil"]),
        ("foo_bar __init__", ["foo", "bar", "foobar", "init"]),
        ("HTTPServer DocumentStore", ["http", "server", "httpserver", "document", "store", "documentstor"]),
        ("v2.13.0 3.14 10,000", ["2.13.0", "2.13", "3.14", "10000"]),
        ("e-mail U.S. i.e.", ["mail", "email", "us", "ie"]),
        ("C++ and C# or F#, a C", ["c++", "c#", "f#", "c"]),
        ("Café naïve Ｆｕｌｌ ﬁne", ["cafe", "naiv", "full", "fine"]),
        ("今日は", ["今日", "日は", "今", "日", "は"]),
        ("Python语言", ["python", "语言", "语", "言"]),
        ("_ - ' ... ,", []),
        ("to be or not to be", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert ANALYSER.terms(text) == expected


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("email", "send an e-mail"),
        ("document store", "DocumentStore"),
        ("2.13", "torch v2.13.0"),
        ("10000", "10,000"),
        ("猫", "我的猫很好"),
        ("ÅNGSTRÖM", "angstrom"),
        ("ЁЛКА", "елка"),
        ("हिन्दी", "हिन्दी भाषा"),
        ("café", unicodedata.normalize("NFD", "café")),
        ("c++", "the C++ language"),
    ],
)
def test_a_question_finds_what_it_means(question: str, document: str) -> None:
    assert set(ANALYSER.terms(question)) & set(ANALYSER.terms(document))


@given(st.text(max_size=200))
def test_terms_are_stable_bounded_and_never_empty(text: str) -> None:
    terms = ANALYSER.terms(text)
    assert terms == StandardAnalyser().terms(text) == ANALYSER.terms(text)
    assert all(0 < len(term) <= MAX_TERM_CHARS and not term.isspace() for term in terms)


@given(st.text(alphabet=st.characters(codec="latin-1", categories=("L", "N", "Zs", "Po")), max_size=80))
def test_white_space_separates(text: str) -> None:
    assert ANALYSER.terms(f"{text} \n {text}") == ANALYSER.terms(text) * 2


def test_threads_agree() -> None:
    texts = [f"running{number} swimmers{number % 7} überall" for number in range(500)]
    alone = [StandardAnalyser().terms(text) for text in texts]
    shared = StandardAnalyser()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(shared.terms, texts)) == alone


@pytest.mark.parametrize("part", ["a", "a.", "aB", "世", "_", "1,"])
def test_long_tokens_take_linear_time(part: str) -> None:
    assert growth(ANALYSER.terms, Pump("", part, "").text, 250_000) is None


def benchmark() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "analyser.py"
    spec = importlib.util.spec_from_file_location("analyser_benchmark", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "least"), [("xquad/beir-zh", 0.95), ("cranfield", 0.343), ("product-docs", 0.628)]
)
def test_ndcg_on_public_sets(name: str, least: float) -> None:
    folder = Path(os.environ.get("RAGSVC_TEST_DATA", "/nowhere")) / name
    if not folder.is_dir():
        pytest.skip(f"RAGSVC_TEST_DATA holds no {name}")
    assert float(benchmark().measure(folder)[1]) >= least
