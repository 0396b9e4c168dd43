"""Real files at their worst: every one has exactly one outcome and none hurts another."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from ragsvc.domain import Failure, SourceFile
from ragsvc.errors import NoText
from ragsvc.text.file_types import is_archive
from ragsvc.text.members import unpack
from ragsvc.text.ocr import has_rapidocr
from ragsvc.text.sources import discover, resolve_root
from ragsvc.text.worker_pool import TRANSIENT_CODES, ParseLimits, ParserPool

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def data() -> Path:
    named = os.environ.get("RAGSVC_TEST_DATA")
    if not named or not Path(named, "doc-samples").is_dir():
        pytest.skip("RAGSVC_TEST_DATA names no folder with doc-samples")
    return Path(named)


def unpacked(file: SourceFile, folder: Path) -> list[SourceFile]:
    return [found for found in unpack(file, folder, ParseLimits()) if isinstance(found, SourceFile)]


def test_every_sample_has_one_outcome(data: Path, tmp_path: Path) -> None:
    fates: dict[str, str] = {}
    files = []
    for folder in sorted(path for path in (data / "doc-samples").iterdir() if path.is_dir()):
        for item in discover(resolve_root(str(folder))):
            if isinstance(item, SourceFile) and is_archive(item.path):
                fates[item.document_id] = "ok" if unpacked(item, tmp_path) else NoText.code
            elif isinstance(item, SourceFile):
                files.append((item.document_id, item.path))
            else:
                assert item.source not in fates
                fates[item.source] = item.code
    # A page is read from its picture in seconds, on a busy machine in minutes.
    with ParserPool(2, ParseLimits(timeout_s=1200)) as pool:
        for document_id, outcome in pool.parse(files):
            assert document_id not in fates
            if isinstance(outcome, Failure):
                assert outcome.error
                fates[document_id] = outcome.code
                continue
            fates[document_id] = "ok"
            assert outcome.text.strip() and "\r" not in outcome.text and "\x00" not in outcome.text
            outcome.text.encode("utf-8")
            assert list(outcome.pages) == sorted(outcome.pages)
            assert all(0 <= page <= len(outcome.text) for page in outcome.pages)
    counts = Counter(fates.values())
    assert len(fates) == 279, counts
    # Pictures and scans are those that only the extra ragsvc[ocr] reads.
    assert counts["ok"] >= (260 if has_rapidocr() else 244), counts
    assert not TRANSIENT_CODES & counts.keys(), counts


def test_a_documentation_folder_is_read(data: Path) -> None:
    root = resolve_root(str(data / "docs-haystack" / "current"))
    files = [(f.document_id, f.path) for f in discover(root) if isinstance(f, SourceFile)]
    with ParserPool(2, ParseLimits()) as pool:
        outcomes = dict(pool.parse(files))
    assert len(outcomes) == 578
    assert not [key for key, outcome in outcomes.items() if isinstance(outcome, Failure)]
    assert sum(bool(getattr(outcome, "title", "")) for outcome in outcomes.values()) > 500
