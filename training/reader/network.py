"""The network as it is trained: an encoder of transformers and a head for each task."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel

HEADS = {"span": 2, "answerable": 1, "relevance": 1, "support": 3}
_UNSUPPORTED = 3


class ReaderNetwork(nn.Module):
    """Hidden states and the heads over them; `span` for every token, the others for the first."""

    def __init__(self, encoder_folder: Path) -> None:
        super().__init__()
        self.encoder = BertModel.from_pretrained(
            str(encoder_folder),
            add_pooling_layer=False,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        # Nearly half of the weights; what words mean changes little, and steps cost half without them.
        self.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
        width = self.encoder.config.hidden_size
        self.heads = nn.ModuleDict({name: nn.Linear(width, size) for name, size in HEADS.items()})
        self.pooled = nn.Linear(width, width)
        for layer in (*self.heads.values(), self.pooled):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """(n, t) int64 both. :return: span (n, t, 2) and the others (n, size), float32."""
        hidden = self.encoder(ids, attention_mask=mask).last_hidden_state.float()
        first = self.dropout(functional.gelu(self.pooled(hidden[:, 0])))
        found = {name: head(first) for name, head in self.heads.items() if name != "span"}
        found["span"] = self.heads["span"](hidden)
        return found

    def load(self, path: Path) -> None:
        """Weights of a file that save wrote; raises RuntimeError when it is of another network."""
        tensors = {
            name if name.startswith(("heads.", "pooled.")) else f"encoder.{name}": tensor.float()
            for name, tensor in load_file(path).items()
        }
        self.load_state_dict(tensors)

    def save(self, path: Path, *, half: bool) -> None:
        """Write one safetensors file, its names as ragsvc reads them."""
        tensors = {}
        for name, tensor in self.state_dict().items():
            tensors[name.removeprefix("encoder.")] = (tensor.half() if half else tensor).contiguous()
        save_file(tensors, path)


def loss_of(found: dict[str, Tensor], batch: dict[str, Tensor], mask: Tensor) -> Tensor:
    """The weighted sum of what each example is labelled with."""
    weight = batch["weight"]
    total = weight.new_zeros(())
    known = batch["start"] >= 0
    if known.any():
        # The first token is the null span; no answer ends or begins in the question.
        allowed = mask.bool() & (batch["places"] >= batch["text_from"][:, None])
        allowed[:, 0] = True
        logits = found["span"].masked_fill(~allowed[:, :, None], -1e4)[known]
        both = [functional.cross_entropy(logits[:, :, at], batch[name][known], reduction="none")
                for at, name in enumerate(("start", "end"))]  # fmt: skip
        total = total + 0.5 * ((both[0] + both[1]) * weight[known]).sum()
    for head, label in (("answerable", "answerable"), ("relevance", "relevant")):
        known = batch[label] >= 0
        if known.any():
            logits, target = found[head][known, 0], batch[label][known].float()
            total = (
                total
                + (
                    functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
                    * weight[known]
                ).sum()
            )
    known = batch["support"] >= 0
    if known.any():
        total = (
            total + (_support_loss(found["support"][known], batch["support"][known]) * weight[known]).sum()
        )
    return total / len(weight)


def _support_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross entropy; where only "not supported" is known, of both ways to be so together."""
    logs = functional.log_softmax(logits, dim=-1)
    either = torch.logsumexp(logs[:, 1:], dim=-1)
    exact = logs.gather(1, label.clamp(max=2)[:, None])[:, 0]
    return -torch.where(label == _UNSUPPORTED, either, exact)
