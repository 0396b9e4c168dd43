"""Texts to measure speed on: public ones when they are there, else made from the handbook."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

HANDBOOK = Path(__file__).resolve().parents[1] / "corpora" / "handbook"
_WORD = re.compile(r"[a-z]{5,}")


def paragraphs() -> Iterator[str]:
    """Different paragraphs of prose: MedQuAD's answers when there are any, then made ones, for ever."""
    folder = os.environ.get("RAGSVC_TEST_DATA", "")
    source = Path(folder) / "medquad" / "medquad.jsonl"
    if folder and source.is_file():
        seen: set[str] = set()
        with source.open(encoding="utf-8") as lines:
            for line in lines:
                answer = str(json.loads(line)["answer"] or "").strip()
                if len(answer) >= 200 and answer not in seen:
                    seen.add(answer)
                    yield answer
    yield from _varied()


def questions() -> list[str]:
    """At least 300 different questions about those texts."""
    folder = os.environ.get("RAGSVC_TEST_DATA", "")
    source = Path(folder) / "medquad" / "medquad.jsonl"
    if folder and source.is_file():
        with source.open(encoding="utf-8") as lines:
            asked = [str(json.loads(line)["question"]).strip() for line in lines]
    else:
        asked = [" ".join(text.split()[:9]) + "?" for text, _ in zip(_varied(), range(2000), strict=False)]
    distinct = sorted(set(asked))
    random.Random(11).shuffle(distinct)
    return distinct


def _varied() -> Iterator[str]:
    """The handbook's paragraphs over and over, each time with other words in some places."""
    pages = [page.read_text(encoding="utf-8") for page in sorted(HANDBOOK.rglob("*.md"))]
    blocks = [block.strip() for page in pages for block in page.split("\n\n") if len(block) >= 200]
    words = sorted({word for page in pages for word in _WORD.findall(page)})
    chance = random.Random(5)
    while True:
        for block in blocks:
            yield _WORD.sub(lambda found: chance.choice((found.group(), chance.choice(words))), block)
