"""Figures of a reader on examples that it was not trained on."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from training.reader.batches import batch_of
from training.reader.features import Features
from training.reader.network import ReaderNetwork

MOST_ANSWER_TOKENS = 40
MOST_EXAMPLES = 700
_BATCH = 32


@torch.inference_mode()
def evaluate(network: ReaderNetwork, dev: Features, device: torch.device) -> dict[str, float]:
    """Token F1 of answers, and areas under the curve of the other heads, also on human near misses."""
    network.eval()
    rows: dict[str, list[float]] = {name: [] for name in ("f1", "null", "answerable", "relevance", "support")}
    order = np.random.default_rng(7).permutation(len(dev))[:MOST_EXAMPLES]
    order = order[np.argsort(np.diff(dev.bounds)[order], kind="stable")]
    for first in range(0, len(order), _BATCH):
        numbers = order[first : first + _BATCH]
        ids, mask, labels = batch_of(dev, numbers)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            found = network(ids.to(device), mask.to(device))
        spans = found["span"].float().cpu()
        allowed = mask.bool() & (labels["places"] >= labels["text_from"][:, None])
        for row in range(len(numbers)):
            start, end, null = best_span(spans[row], allowed[row])
            rows["null"].append(null)
            gold = (int(labels["start"][row]), int(labels["end"][row]))
            shared = max(0, min(end, gold[1]) - max(start, gold[0]) + 1)
            rows["f1"].append(2.0 * shared / (end - start + gold[1] - gold[0] + 2) if gold[0] > 0 else np.nan)
        for name in ("answerable", "relevance"):
            rows[name] += found[name][:, 0].float().tolist()
        rows["support"] += torch.softmax(found["support"].float(), -1)[:, 0].tolist()
    values = {name: np.asarray(column) for name, column in rows.items()}
    source, known = dev.source[order], dev.answerable[order] >= 0
    human = known & np.isin(source, ("squad2-dev-half", "subjqa"))
    near = known & np.isin(source, ("squad2-dev-half", "near miss"))
    claims = dev.support[order] >= 0
    right = dev.support[order] == 0
    ranked = dev.relevant[order] >= 0
    answerable = dev.answerable[order]
    found_ = {
        "f1": float(np.nanmean(values["f1"])),
        "auc_answerable": _auc(answerable[known], values["answerable"][known]),
        "auc_answerable_human": _auc(answerable[human], values["answerable"][human]),
        "auc_null_human": _auc(answerable[human], -values["null"][human]),
        "auc_near": _auc(answerable[near], values["answerable"][near]),
        "auc_relevance": _auc(dev.relevant[order][ranked], values["relevance"][ranked]),
        "auc_support": _auc(right[claims], values["support"][claims]),
    }
    return {name: round(value, 4) for name, value in found_.items()}


def best_span(logits: torch.Tensor, allowed: torch.Tensor) -> tuple[int, int, float]:
    """The best answer, and how much better none is: logits (t, 2), allowed (t,)."""
    masked = np.where(allowed.numpy()[:, None], logits.numpy(), -1e4)
    pairs = masked[:, None, 0] + masked[None, :, 1]
    length = np.arange(len(masked))[None, :] - np.arange(len(masked))[:, None]
    pairs = np.where((length >= 0) & (length < MOST_ANSWER_TOKENS), pairs, -1e9)
    first, last = divmod(int(pairs.argmax()), len(masked))
    null = float(logits[0, 0] + logits[0, 1])
    return first, last, null - float(pairs[first, last])


def _auc(label: np.ndarray, score: np.ndarray) -> float:
    return float(roc_auc_score(label, score)) if 0 < label.sum() < len(label) else float("nan")
