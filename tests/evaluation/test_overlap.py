"""Figures of answers equal the programs that made them known, and keep their promises on any text."""

from __future__ import annotations

import random
import re
import string
import time
from collections import Counter

import pytest
import sacrebleu
from hypothesis import example, given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.answer_metrics import (
    corpus_bleu,
    exact_match,
    holds_phrase,
    normalised,
    rouge_l,
    sentence_bleu,
    token_f1,
)
from ragsvc.evaluation.drafts.markup import plain

# Few words, so that answers and references share some; the signs are those that the rules treat apart.
WORDS = st.sampled_from(
    ["the", "a", "an", "The", "cat", "cats", "sat", "on", "mat,", "3.5", "1,000", "U.S.", "x-ray", "10-20"]
)
SIGNS = st.sampled_from(
    ["-\n", "\n", "<skipped>", "a.b", ".", "- ", "\t", "5-", "~", "&quot;", "&", "_", "(yes)", "don't", "$5"]
)
ASCII = st.one_of(
    st.lists(st.one_of(WORDS, SIGNS), max_size=14).map(" ".join),
    st.text(st.characters(max_codepoint=127), max_size=40),
)
SOME_ASCII = st.lists(ASCII, min_size=1, max_size=3)
ANY = st.text(max_size=40)
RATES = (exact_match, token_f1, rouge_l, sentence_bleu)


def squad_words(text: str) -> list[str]:
    """As `normalize_answer` and `get_tokens` of the evaluation script of SQuAD 2.0."""
    bare = "".join(char for char in plain(text).lower() if char not in set(string.punctuation))
    return re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", bare).split()


def squad_f1(answer: str, gold: str) -> float:
    """As `compute_f1` of the same script."""
    wanted, given_words = squad_words(gold), squad_words(answer)
    same = sum((Counter(wanted) & Counter(given_words)).values())
    if not wanted or not given_words:
        return float(wanted == given_words)
    if same == 0:
        return 0.0
    precision, recall = same / len(given_words), same / len(wanted)
    return (2 * precision * recall) / (precision + recall)


@given(ASCII, SOME_ASCII)
def test_exact_match_and_f1_match_the_script_of_squad(answer: str, references: list[str]) -> None:
    gold = [reference for reference in references if squad_words(reference)] or [""]
    assert normalised(answer) == " ".join(squad_words(answer))
    assert token_f1(answer, references) == pytest.approx(max(squad_f1(answer, each) for each in gold))
    assert exact_match(answer, references) == max(
        float(squad_words(answer) == squad_words(each)) for each in references
    )


@given(ASCII, SOME_ASCII)
def test_rouge_l_matches_rouge_score(answer: str, references: list[str]) -> None:
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    best = max(scorer.score(plain(each), plain(answer))["rougeL"].fmeasure for each in references)
    assert rouge_l(answer, references) == pytest.approx(best)


@given(st.one_of(ASCII, ANY), st.lists(st.one_of(ASCII, ANY), min_size=1, max_size=3))
@example("a b c d", ["a b c d"])
@example("", [""])
def test_sentence_bleu_matches_sacrebleu(answer: str, references: list[str]) -> None:
    expected = sacrebleu.sentence_bleu(plain(answer), [plain(each) for each in references]).score / 100
    assert sentence_bleu(answer, references) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(ASCII, SOME_ASCII), min_size=1, max_size=4))
def test_corpus_bleu_matches_sacrebleu(pairs: list[tuple[str, list[str]]]) -> None:
    answers, references_of = [answer for answer, _ in pairs], [references for _, references in pairs]
    streams = [[plain(each[n]) if n < len(each) else None for each in references_of] for n in range(3)]
    used = [stream for stream in streams if any(each is not None for each in stream)]
    expected = sacrebleu.corpus_bleu([plain(each) for each in answers], used).score / 100
    assert corpus_bleu(answers, references_of) == pytest.approx(expected, abs=1e-9)


@given(ANY, st.lists(ANY, min_size=1, max_size=3))
def test_figures_stay_in_range_and_the_order_of_references_is_nothing(
    answer: str, references: list[str]
) -> None:
    for rate in RATES:
        value = rate(answer, references)
        assert 0.0 <= value <= 1.0
        assert rate(answer, references[::-1]) == value
        if rate is not sentence_bleu:
            # The answer itself as a further reference never makes it worse; in BLEU lengths may.
            assert rate(answer, [*references, answer]) >= value
    assert exact_match(answer, references) <= exact_match(answer, [*references, answer]) == 1.0


@given(st.lists(st.sampled_from("abcd"), max_size=12), st.lists(st.sampled_from("abcd"), max_size=12))
def test_rouge_l_follows_the_table_of_common_subsequences(one: list[str], other: list[str]) -> None:
    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for row, word in enumerate(one, start=1):
        for column, wanted in enumerate(other, start=1):
            grown = table[row - 1][column - 1] + 1
            table[row][column] = (
                grown if word == wanted else max(table[row - 1][column], table[row][column - 1])
            )
    length = len(one) + len(other)
    expected = 2 * table[-1][-1] / length if length else 0.0
    assert rouge_l(" ".join(one), [" ".join(other)]) == pytest.approx(expected)


MARKED = "**Note:** an _equivalent_ shortcut through `create_react_agent` is *in* [the guide](https://x.org/a_(b))."
PLAIN = "Note: an equivalent shortcut through create_react_agent is in the guide."


def test_inline_markdown_of_either_side_is_no_difference() -> None:
    assert plain(MARKED) == PLAIN
    assert plain("![a `b`](c.png) and [d][e], **(f)** and __g.__") == "a b and d, (f) and g."
    for rate in RATES:
        assert rate(MARKED, [PLAIN]) == rate(PLAIN, [MARKED]) == pytest.approx(1.0)
    assert corpus_bleu([MARKED], [[PLAIN]]) == pytest.approx(1.0)
    for phrase in ("shortcut through create_react_agent", "an *equivalent* shortcut", "in the guide", "`in`"):
        assert holds_phrase(MARKED, [phrase])
    # A phrase that was cut out of what is emphasised holds one half of the marks.
    assert holds_phrase("It is **very slow here**.", ["**very slow"])
    assert holds_phrase("Call `f(**kwargs)` with `2 * 3`.", ["f(**kwargs)", "2 * 3"])


@pytest.mark.parametrize(
    "text", ["2 * 3 * 4", 'the wildcard "*".', "*.md or **/*.py", "a[i](x)", "x_y", "f(*)"]
)
def test_what_only_looks_like_markdown_stays(text: str) -> None:
    assert plain(text) == text


@given(
    st.lists(WORDS, min_size=1, max_size=8), st.sampled_from(["`{}`", "**{}**", "_{}_", "[{}](u)"]), st.data()
)
def test_marks_around_any_words_change_no_figure(words: list[str], mark: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 1))
    inside = [*words[:start], mark.format(" ".join(words[start:]))]
    if not words[-1][-1].isalnum() and mark == "_{}_":
        return
    for rate in RATES:
        assert rate(" ".join(inside), [" ".join(words)]) == rate(" ".join(words), [" ".join(words)])


def test_scripts_without_blanks_are_compared_by_character() -> None:
    assert normalised("東京タワーは、333メートル。") == "東 京 タ ワ ー は 333 メ ー ト ル"
    assert exact_match("東京 です。", ["東京です"]) == 1.0
    assert token_f1("東京", ["東京都"]) == rouge_l("東京", ["東京都"]) == pytest.approx(0.8)
    assert token_f1("「Café」 ２", ["café 2"]) == rouge_l("“Café” ２", ["café 2"]) == 1.0


def test_long_answers_are_compared_quickly() -> None:
    draw = random.Random(3)
    one, other = (" ".join(str(draw.randrange(500)) for _ in range(2000)) for _ in range(2))
    began = time.process_time()
    assert 0.0 < rouge_l(one, [other]) < 1.0
    assert 0.0 < sentence_bleu(one, [other]) < 1.0
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize(
    ("answer", "phrase", "held"),
    [
        ("It rose in GRADIENTS.", "gradient", True),
        ("the  year\n1964", "Year 1964", True),
        ("in 1964", "64", False),
        ("640 rows", "64", False),
        ("64 rows", "64", True),
        ("regradient", "gradient", False),
        ("a.b", "a+b", False),
        ("ﬁne ２", "fine 2", True),
        ("anything", "  ", False),
    ],
)
def test_phrases_are_found_at_the_beginning_of_a_word(answer: str, phrase: str, held: bool) -> None:
    assert holds_phrase(answer, [phrase]) is held
    assert holds_phrase(answer, ["nowhere to be found", phrase]) is held
    assert not holds_phrase(answer, [])


def test_nothing_to_compare_with_is_refused() -> None:
    for rate in RATES:
        with pytest.raises(InvalidRequest, match="no reference"):
            rate("an answer", [])
    for answers, references_of in (([], []), (["one"], []), (["one"], [[]])):
        with pytest.raises(InvalidRequest):
            corpus_bleu(answers, references_of)
