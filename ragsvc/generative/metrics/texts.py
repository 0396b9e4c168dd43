"""BLEU, ROUGE and self-BLEU as the programs have them that made the figures comparable.

They come with the extra `text-metrics`; nothing but measurements needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ragsvc.errors import MissingExtra

ROUGE = ("rouge1", "rouge2", "rougeL")


def corpus_bleu(texts: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of all texts together by sacrebleu with its defaults, 0 to 100.

    :param references: one of each text, in the same order.
    :raises MissingExtra: without sacrebleu. :raises ValueError: if the numbers differ.
    """
    if len(texts) != len(references):
        raise ValueError(f"{len(texts)} texts and {len(references)} references")
    return float(_library("sacrebleu").corpus_bleu(list(texts), [list(references)]).score)


def rouge(texts: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """Mean F1 of ROUGE-1, ROUGE-2 and ROUGE-L by rouge-score without its stemmer, each [0, 1].

    :param references: one of each text, in the same order.
    :raises MissingExtra: without rouge-score. :raises ValueError: if the numbers differ or are 0.
    """
    if not texts or len(texts) != len(references):
        raise ValueError(f"{len(texts)} texts and {len(references)} references")
    scorer = _library("rouge_score.rouge_scorer").RougeScorer(list(ROUGE), use_stemmer=False)
    scores = [scorer.score(real, text) for text, real in zip(texts, references, strict=True)]
    return {name: float(np.mean([each[name].fmeasure for each in scores])) for name in ROUGE}


def self_bleu(texts: Sequence[str], *, most: int = 200) -> float:
    """Mean BLEU of each text against all others, 0 to 100: the higher, the more alike (Zhu et al., 2018).

    :param texts: at least 2. most: only so many of them, the first, for each is compared with all others.
    :raises MissingExtra: without sacrebleu. :raises ValueError: if there are fewer than two.
    """
    some = list(texts[:most])
    if len(some) < 2:
        raise ValueError("one text alone is like no other")
    bleu = _library("sacrebleu").BLEU(effective_order=True)
    scores = [bleu.sentence_score(text, some[:at] + some[at + 1 :]).score for at, text in enumerate(some)]
    return float(np.mean(scores))


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(
            f"{name.partition('.')[0]} is not installed", hint="pip install 'ragsvc[text-metrics]'"
        ) from error
