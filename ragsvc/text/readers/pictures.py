"""Text in pictures and scans, by RapidOCR (the extra ragsvc[ocr]); its models lie in its package, offline."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageOps, ImageSequence

from ragsvc.domain import Caveat, F64Vector, PageArea
from ragsvc.errors import BrokenDocument
from ragsvc.text.placed_text import PlacedText
from ragsvc.text.readers.hyphens import MARK, mend_placed

_MAX_PIXELS = 80_000_000
_MAX_FRAMES = 100
_MAX_SIDE = 2000
_LEAST_SCORE = 0.5
# A page that is read less surely may be upside down.
_SURE = 0.85
_PROSE_CHARS = 20
_COLUMN_BOXES = 4
_ACROSS_SHARE = 0.2
# Wider than that many heights is a line; more askew than that, in radians, is no scan that slipped.
_LINE_SHAPE = 3
_MOST_ASKEW = 0.35
# Unlike the text of a PDF, a picture does not tell a hyphen of the line from one of the word.
_LINE_END = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_SHOWN_PAGES = 12


@dataclass(frozen=True, slots=True)
class PictureText:
    """Text of one picture. confidence: mean of its lines by length, [0, 1]; 0 without text."""

    placed: PlacedText
    confidence: float


@dataclass(frozen=True, slots=True)
class _Box:
    """A piece of text. left, top, right, bottom: with its lines level, in pixels. area: as the page is."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    area: PageArea


def read_picture(data: bytes, name: str, deadline: float) -> tuple[list[PlacedText], tuple[Caveat, ...]]:
    """Read the frames of a picture file.

    :param deadline: of time.monotonic(); frames that are not begun by then are left, and that is said.
    :raises BrokenDocument: if it is no picture, or one of more pixels than anybody needs.
    """
    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    try:
        with Image.open(io.BytesIO(data)) as image:
            return read_frames(_frames(image), getattr(image, "n_frames", 1), deadline)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise BrokenDocument(
            f"{name} is no picture that can be opened", hint="Open it and save it again."
        ) from error


def see_picture(data: bytes) -> PictureText | None:
    """Read one picture, the first of several; None for what cannot be opened."""
    Image.MAX_IMAGE_PIXELS = _MAX_PIXELS
    try:
        with Image.open(io.BytesIO(data)) as image:
            seen = _see(next(_frames(image)), 1)
    except (OSError, ValueError, SyntaxError, EOFError, StopIteration, Image.DecompressionBombError):
        return None
    (text,) = mend_placed([_marked(seen.placed)])
    return PictureText(text, seen.confidence)


def read_frames(
    frames: Iterator[Any], total: int, deadline: float, numbers: Sequence[int] | None = None
) -> tuple[list[PlacedText], tuple[Caveat, ...]]:
    """Read pictures of pages.

    :param frames: (height, width, 3) uint8 each, blue first.
    :param total: how many pages the file has. numbers: of the pages that the frames show; None: all.
    :return: a text a frame, and what was read how surely.
    """
    texts: list[PlacedText] = []
    told: list[str] = []
    left = 0
    for place, frame in enumerate(frames):
        number = numbers[place] if numbers else place + 1
        if time.monotonic() > deadline or place >= _MAX_FRAMES:
            texts.append(PlacedText(""))
            left += 1
            continue
        seen = _see(frame, number)
        texts.append(_marked(seen.placed))
        if seen.placed.text:
            told.append(f"page {number}: {seen.confidence:.2f}")
    caveats: list[Caveat] = []
    if told:
        more = f" and {len(told) - _SHOWN_PAGES} more" if len(told) > _SHOWN_PAGES else ""
        words = (
            f"{len(told)} of {total} pages read from pictures, confidence {', '.join(told[:_SHOWN_PAGES])}"
        )
        caveats.append(Caveat("read_from_picture", words + more))
    if left:
        words = f"{left} of {total} pages were left for want of time: raise RAGSVC_PARSE_TIMEOUT_S"
        caveats.append(Caveat("scan_partly_read", words))
    return mend_placed(texts), tuple(caveats)


def _marked(page: PlacedText) -> PlacedText:
    return page.edited((found.start(), found.end(), MARK) for found in _LINE_END.finditer(page.text))


def _frames(image: Image.Image) -> Iterator[Any]:
    for frame in ImageSequence.Iterator(image):
        turned = ImageOps.exif_transpose(frame).convert("RGB")
        turned.thumbnail((_MAX_SIDE * 2, _MAX_SIDE * 2))
        yield np.ascontiguousarray(np.asarray(turned)[:, :, ::-1])


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    one = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    # Its second model, which says of each line whether it is upside down, is wrong about many long ones.
    others = {"Global.log_level": "critical", "Global.max_side_len": _MAX_SIDE, "Global.use_cls": False}
    return RapidOCR(params={**others, **one})


def _see(frame: Any, page: int) -> PictureText:
    seen = _read(frame, page)
    if seen is not None and seen.confidence < _SURE:
        turned = _read(np.ascontiguousarray(frame[::-1, ::-1]), page, upside_down=True)
        seen = max(seen, turned or seen, key=lambda each: each.confidence)
    return seen or PictureText(PlacedText(""), 0.0)


def _read(frame: Any, page: int, *, upside_down: bool = False) -> PictureText | None:
    """Read a frame as it is; None where no text is seen.

    :param upside_down: the page is that, and the frame is not.
    """
    found = _engine()(frame)
    if found.txts is None or found.boxes is None:
        return None
    boxes: list[_Box] = []
    weighed = size = 0.0
    corners = np.asarray(found.boxes, dtype=np.float64)
    level = corners @ _rotation(corners)
    for points, flat, text, score in zip(corners, level, found.txts, found.scores, strict=True):
        text = " ".join(text.split())
        if float(score) < _LEAST_SCORE or not text:
            continue
        (left, top), (right, bottom) = flat.min(axis=0).tolist(), flat.max(axis=0).tolist()
        shares = np.clip(points / (frame.shape[1], frame.shape[0]), 0.0, 1.0)
        boxes.append(_Box(left, top, right, bottom, text, _area(1 - shares if upside_down else shares, page)))
        weighed += float(score) * len(text)
        size += len(text)
    lines = [
        PlacedText.joined((PlacedText.at(box.text, box.area) for box in line), " ")
        for line in _ordered(boxes)
    ]
    return PictureText(PlacedText.joined(lines, "\n"), weighed / size if size else 0.0)


def _rotation(corners: F64Vector) -> F64Vector:
    """What levels the lines of a page that lies askew, such as (2, 2); most lines say how far it does.

    Each line is read upright anyway: only what stands beside and below what is to be seen thereby.

    :param corners: (n, 4, 2) pixels of n boxes, each from its top left clockwise.
    """
    along = corners[:, 1] - corners[:, 0]
    down = corners[:, 3] - corners[:, 0]
    lines = np.linalg.norm(along, axis=1) > _LINE_SHAPE * np.linalg.norm(down, axis=1)
    angle = float(np.median(np.arctan2(along[lines, 1], along[lines, 0]))) if lines.any() else 0.0
    if abs(angle) > _MOST_ASKEW:
        angle = 0.0
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _area(shares: F64Vector, page: int) -> PageArea:
    (left, top), (right, bottom) = shares.min(axis=0).tolist(), shares.max(axis=0).tolist()
    return PageArea(page=page, left=left, top=top, right=right, bottom=bottom)


def _ordered(boxes: list[_Box]) -> list[list[_Box]]:
    """Lines in reading order: columns of prose one after the other, everything else row by row."""
    cut = _column_cut(boxes)
    if cut is None:
        return _rows(boxes)
    lines: list[list[_Box]] = []
    rest = boxes
    # What lies across the gap, such as a headline, ends the columns above it.
    for across in sorted((box for box in boxes if _crosses(box, cut)), key=lambda box: box.top):
        lines += _columns(
            [box for box in rest if box.bottom <= across.bottom and not _crosses(box, cut)], cut
        )
        lines.append([across])
        rest = [box for box in rest if box.bottom > across.bottom]
    return lines + _columns([box for box in rest if not _crosses(box, cut)], cut)


def _columns(boxes: list[_Box], cut: float) -> list[list[_Box]]:
    left = [box for box in boxes if box.right <= cut]
    return (_ordered(left) if left else []) + _ordered([box for box in boxes if box.right > cut])


def _crosses(box: _Box, cut: float) -> bool:
    return box.left < cut < box.right


def _rows(boxes: list[_Box]) -> list[list[_Box]]:
    lines: list[list[_Box]] = []
    row: list[_Box] = []
    for box in sorted(boxes, key=lambda box: (box.top + box.bottom) / 2):
        if row and (box.top + box.bottom) / 2 > (row[0].top + row[0].bottom) / 2 + _height(row) / 2:
            lines.append(_left_to_right(row))
            row = []
        row.append(box)
    return [*lines, _left_to_right(row)] if row else lines


def _column_cut(boxes: list[_Box]) -> float | None:
    """Where a gap runs from top to bottom between boxes of prose; cells of a table are too short for that.

    A few boxes may lie across it.
    """
    best: tuple[int, float, float] | None = None
    for edge in sorted({box.right for box in boxes})[:-1]:
        right = [box for box in boxes if box.left >= edge]
        left = [box for box in boxes if box.right <= edge]
        across = len(boxes) - len(left) - len(right)
        if across > len(boxes) * _ACROSS_SHARE or min(len(left), len(right)) < _COLUMN_BOXES:
            continue
        if any(sum(len(box.text) for box in side) < _PROSE_CHARS * len(side) for side in (left, right)):
            continue
        gap = min(box.left for box in right) - edge
        if best is None or (-across, gap) > best[:2]:
            best = (-across, gap, edge)
    return best[2] if best else None


def _height(row: list[_Box]) -> float:
    return max(box.bottom - box.top for box in row)


def _left_to_right(row: list[_Box]) -> list[_Box]:
    return sorted(row, key=lambda box: box.left)
