"""How far the words of an answer are those of reference answers: the usual figures, best over the references.

Every figure lies in [0, 1], higher is better. On ASCII they equal the programs that made them known: the
script of SQuAD 2.0, rouge-score without its stemmer, and sacrebleu with its defaults, each on texts without
inline Markdown: a reference written without backticks means what an answer says with them. Beyond ASCII exact
match, F1 and ROUGE-L know all letters and signs of Unicode, and take each character of a script without
blanks between words (and of Hangul) for a word. BLEU stays as sacrebleu has it, which takes a whole run of
such a script for one word and says little there.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ragsvc.errors import InvalidRequest
from ragsvc.evaluation.drafts.markup import plain
from ragsvc.evaluation.intervals import SEED, Interval
from ragsvc.text.analyser import MARKS, UNSPACED

MAX_ORDER = 4
_T = TypeVar("_T")
_UNSPACED = re.compile(f"([{UNSPACED}])")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ROUGE_WORD = re.compile(rf"(?:[^\W_]|[{MARKS}])+")
# The rules of mteval-v13a, in the order in which they are applied.
_BLEU_ENTITIES = (("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"))
_BLEU_RULES = (
    (re.compile(r"([{-~\[-` -&(-+:-@/])"), r" \1 "),
    (re.compile(r"([^0-9])([.,])"), r"\1 \2 "),
    (re.compile(r"([.,])([^0-9])"), r" \1 \2"),
    (re.compile(r"([0-9])(-)"), r"\1 \2 "),
)


def normalised(text: str) -> str:
    """A text as SQuAD compares it: lower case, no punctuation, no English articles, single blanks.

    Inline Markdown goes first, of a link all but its words. Compatibility forms become the usual ones;
    characters of scripts without blanks stand alone.
    """
    lowered = unicodedata.normalize("NFKC", plain(text)).lower()
    bare = "".join(char for char in lowered if not _is_punctuation(char))
    return " ".join(_ARTICLES.sub(" ", _UNSPACED.sub(r" \1 ", bare)).split())


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1.0 when the normalised answer is one of the normalised references, else 0.0.

    :raises InvalidRequest: if there are no references.
    """
    return _best(
        lambda one, other: float(one == other), normalised(answer), map(normalised, _some(references))
    )


def token_f1(answer: str, references: Sequence[str]) -> float:
    """F1 of the words that the normalised answer shares with a normalised reference, repeats counted.

    :raises InvalidRequest: if there are no references.
    """
    wanted = [normalised(reference).split() for reference in _some(references)]
    # As in the script: a reference of articles and signs alone counts only when there is no other.
    return _best(_shared_f1, normalised(answer).split(), [words for words in wanted if words] or [[]])


def rouge_l(answer: str, references: Sequence[str]) -> float:
    """F-measure of the longest common subsequence of words.

    :raises InvalidRequest: if there are no references.
    """
    return _best(_subsequence_f1, _rouge_words(answer), map(_rouge_words, _some(references)))


def sentence_bleu(answer: str, references: Sequence[str]) -> float:
    """BLEU of one answer, over the orders of n-grams that the answer is long enough for.

    :raises InvalidRequest: if there are no references.
    """
    return _bleu([_matches(answer, _some(references))], effective_order=True)


def corpus_bleu(answers: Sequence[str], references_of: Sequence[Sequence[str]]) -> float:
    """BLEU of all answers together; not the mean of the BLEU of each.

    :param references_of: for each answer its references, at least one.
    :raises InvalidRequest: if the lengths differ, or there are no answers or references.
    """
    if len(answers) != len(references_of) or not answers:
        raise InvalidRequest(
            f"{len(answers)} answers with references for {len(references_of)}",
            hint="give at least one answer, and references for each",
        )
    pairs = zip(answers, references_of, strict=True)
    return _bleu([_matches(answer, _some(references)) for answer, references in pairs], effective_order=False)


def corpus_bleu_interval(
    answers: Sequence[str], references_of: Sequence[Sequence[str]], resamples: int = 1000, seed: int = SEED
) -> Interval:
    """`corpus_bleu` with its percentile bootstrap interval over the answers.

    :raises InvalidRequest: as `corpus_bleu`.
    """
    value = corpus_bleu(answers, references_of)
    pairs = zip(answers, references_of, strict=True)
    rows = [_matches(answer, references) for answer, references in pairs]
    counts = np.array([(*row.correct, *row.total, row.length, row.reference_length) for row in rows])
    random = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    for number in range(resamples):
        total = counts[random.integers(0, len(rows), size=len(rows))].sum(axis=0).tolist()
        summed = _Matches(
            tuple(total[:MAX_ORDER]), tuple(total[MAX_ORDER : 2 * MAX_ORDER]), total[-2], total[-1]
        )
        drawn[number] = _bleu([summed], effective_order=False)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(value, min(float(low), value), max(float(high), value))


def holds_phrase(answer: str, phrases: Sequence[str]) -> bool:
    """Whether an answer holds one of the phrases, letter case, white space and inline Markdown aside.

    A phrase begins where a word begins, and numbers count only whole: "gradient" is found in "gradients",
    but 64 neither in 1964 nor in 640. A phrase of white space is never found.
    """
    folded = _fold(answer)
    return any(_holds(folded, phrase) for phrase in map(_fold, phrases) if phrase)


def _some(references: Sequence[str]) -> Sequence[str]:
    if not references:
        raise InvalidRequest("there is no reference answer to compare with", hint='fill the field "answers"')
    return references


def _best(score: Callable[[_T, _T], float], answer: _T, references: Iterable[_T]) -> float:
    return max(score(answer, reference) for reference in references)


def _is_punctuation(char: str) -> bool:
    # ASCII has signs such as + and $ that SQuAD removes and Unicode counts as symbols.
    return char in string.punctuation if char.isascii() else unicodedata.category(char).startswith("P")


def _shared_f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    if not answer or not reference:
        return float(answer == reference)
    return _f1((Counter(answer) & Counter(reference)).total(), len(answer), len(reference))


def _rouge_words(text: str) -> list[str]:
    text = plain(text)
    lowered = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower()
    return _ROUGE_WORD.findall(_UNSPACED.sub(r" \1 ", lowered))


def _subsequence_f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    return _f1(_common_subsequence(answer, reference), len(answer), len(reference))


def _f1(shared: int, answer: int, reference: int) -> float:
    return 2.0 * shared / (answer + reference) if shared else 0.0


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, a whole row of the table at a time.

    Bits of an integer stand for the places of `one` (Hyyrö 2004): a 0 marks where the row grows by one.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    every = (1 << len(one)) - 1
    row = every
    for word in other:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & every
    return len(one) - row.bit_count()


@dataclass(frozen=True, slots=True)
class _Matches:
    """N-grams of an answer by order, 1 first: those that a reference has, and all. Lengths in words."""

    correct: tuple[int, ...]
    total: tuple[int, ...]
    length: int
    reference_length: int


def _matches(answer: str, references: Sequence[str]) -> _Matches:
    words = _bleu_words(answer)
    others = [_bleu_words(reference) for reference in references]
    correct, total = [], []
    for order in range(1, MAX_ORDER + 1):
        grams = _grams(words, order)
        allowed: Counter[tuple[str, ...]] = Counter()
        for other in others:
            allowed |= _grams(other, order)
        correct.append((grams & allowed).total())
        total.append(grams.total())
    closest = min((abs(len(words) - len(other)), len(other)) for other in others)[1]
    return _Matches(tuple(correct), tuple(total), len(words), closest)


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[place:] for place in range(order)), strict=False))


def _bleu_words(text: str) -> list[str]:
    line = plain(text).rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, char in _BLEU_ENTITIES:
        line = line.replace(entity, char)
    line = f" {line} "
    for rule, spread in _BLEU_RULES:
        line = rule.sub(spread, line)
    return line.split()


def _bleu(rows: Sequence[_Matches], *, effective_order: bool) -> float:
    """Geometric mean of the precisions, with NIST's smoothing, times the penalty for brevity."""
    length = sum(row.length for row in rows)
    wanted = sum(row.reference_length for row in rows)
    if not any(row.correct[0] for row in rows):
        return 0.0
    logs = []
    halved = 1.0
    for order in range(MAX_ORDER):
        correct = sum(row.correct[order] for row in rows)
        total = sum(row.total[order] for row in rows)
        if total == 0:
            if not effective_order:
                return 0.0
            break
        if correct == 0:
            halved *= 2.0
        logs.append(math.log(correct / total if correct else 1.0 / (halved * total)))
    # The mean of logs may round to just above 0.
    return min(1.0, math.exp(min(0.0, 1.0 - wanted / length) + sum(logs) / len(logs)))


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", plain(text)).casefold().split())


def _holds(text: str, phrase: str) -> bool:
    end = r"(?!\d)" if phrase[-1].isdigit() else ""
    return re.search(rf"(?<!\w){re.escape(phrase)}{end}", text) is not None
