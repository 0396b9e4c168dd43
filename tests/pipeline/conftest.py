from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import HashEmbedder, new_home, open_service

from ragsvc.service.service import Service


@pytest.fixture
def embedder() -> HashEmbedder:
    return HashEmbedder()


@pytest.fixture
def service(tmp_path: Path, embedder: HashEmbedder) -> Iterator[Service]:
    with open_service(new_home(tmp_path), lambda _: embedder) as opened:
        yield opened


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Three files and three lines."""
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text(
        "---\nlang: en\n---\n# Apples\n\nAn apple a day.\n\n## Colours\n\nRed and green.\n"
    )
    (folder / "b.txt").write_text("Pears are green. " * 12)
    (folder / "sub" / "c.txt").write_text("Figs grow on trees.")
    (folder / "l.jsonl").write_text(
        '{"id": "one", "title": "One", "text": "plums are blue", "metadata": {"lang": "en"}}\n'
        '{"id": "two", "text": "kiwis are brown"}\n'
        '{"text": "lemons are yellow"}\n'
    )
    return folder
