"""The report of a training: one HTML file without script, to look at what was learned and how."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from torch import Tensor

from ragsvc.domain import TrainedModel
from ragsvc.generative.exhibits import Exhibit, PassageRow, PictureRow, TextRow
from ragsvc.generative.loss_chart import HEIGHT, WIDTH, LossChart, charts_of
from ragsvc.generative.measures import MEANINGS
from ragsvc.generative.trainer import TrainingOutcome

_PIXEL = {8: 5, 28: 2}
_REASONS = {
    "epochs": "all epochs were done",
    "patience": "validation had not become better for long enough",
    "minutes": "the time was over",
}
# What HTML forbids, and what would reorder the words around it.
_UNSAFE = {
    ordinal: "\ufffd"
    for ordinal in (
        *range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x200E, 0x200F,
        *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What a report tells. rows: of training and of validation."""

    model: TrainedModel
    outcome: TrainingOutcome
    rows: tuple[int, int]
    exhibits: tuple[Exhibit, ...]


def render(facts: ReportFacts) -> str:
    """One HTML page that needs no other file, no network and no script."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "page"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    outcome = facts.outcome
    return environment.get_template("report.html").render(
        model=facts.model,
        outcome=outcome,
        rows=facts.rows,
        reason=_REASONS[outcome.reason],
        metrics=_metrics(facts.model.metrics),
        charts=_charts(outcome.history, outcome.best_epoch),
        exhibits=[_exhibit(each) for each in facts.exhibits],
        width=WIDTH,
        height=HEIGHT,
    )


def figure(value: float) -> str:
    """A number with as many digits as say something."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _metrics(metrics: Mapping[str, float]) -> list[tuple[str, float, str]]:
    return [(name.replace("_", " "), value, MEANINGS.get(name, "")) for name, value in metrics.items()]


def _charts(history: Sequence[Mapping[str, Any]], best_epoch: int) -> list[LossChart]:
    return charts_of(history, best_epoch, MEANINGS)


def _exhibit(shown: Exhibit) -> dict[str, Any]:
    common = {"title": shown.title, "words": shown.words, "picture": "", "passages": (), "texts": ()}
    if isinstance(shown, PictureRow):
        picture = _grid(shown.pixels, shown.side, shown.columns)
        width = picture.shape[1] * _PIXEL.get(shown.side, 3)
        return {**common, "picture": Markup(_data_uri(picture)), "width": width}  # noqa: S704  our own base64
    if isinstance(shown, PassageRow):
        return {**common, "passages": shown.passages}
    assert isinstance(shown, TextRow)
    return {**common, "texts": shown.texts}


def _grid(pixels: Tensor, side: int, columns: int) -> Tensor:
    """Pictures beside and below each other with a margin: (n, side * side) -> (h, w) uint8, ink dark."""
    rows = -(-len(pixels) // columns)
    step = side + 1
    sheet = pixels.new_zeros(rows * step + 1, columns * step + 1)
    for place, picture in enumerate(pixels):
        top, left = 1 + place // columns * step, 1 + place % columns * step
        sheet[top : top + side, left : left + side] = picture.view(side, side).clamp(0, 1)
    return (255 * (1 - sheet)).round().byte()


def _data_uri(picture: Tensor) -> str:
    """A PNG of (h, w) uint8, as the address of an image."""
    height, width = picture.shape
    lines = b"".join(b"\0" + bytes(line.tolist()) for line in picture)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    )
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _clean(value: Any) -> Any:
    """Make a text safe to show; escaping comes after this."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(_UNSAFE)
    return value
