"""Any bytes beside two good files: the good ones are committed, the third is read or listed by its code.

RAGSVC_TORTURE: the long run, of ten generated files for each of its kills, 2,000 in all.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import ME, ingest, new_home, open_service, search
from hostile_files import KNOWN, Hostile, hostile
from hypothesis import HealthCheck, Phase, given, settings

from ragsvc import errors
from ragsvc.domain import IngestReport, Mode
from ragsvc.service.service import Service
from ragsvc.text.sources import SkipCode

EXAMPLES = 60
FILES_PER_KILL = 10
FATES: Counter[str] = Counter()
STABLE = {
    value.code
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.DocumentError)
}


class Folder:
    """A corpus over two good files and one more, new each time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._number = 0
        self.slowest_s = 0.0

    def check(self, bad: Hostile) -> str:
        """Ingest it beside the good ones; gives what became of it."""
        self._number += 1
        corpus = f"c{self._number}"
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "docs"
            folder.mkdir()
            (folder / "good.md").write_text("# Apples\n\nAn apple a day.\n")
            (folder / "good.txt").write_text("Pears are green.")
            (folder / bad.name).write_bytes(bad.data)
            started = time.perf_counter()
            report = ingest(self._service, folder, corpus=corpus)
            self.slowest_s = max(self.slowest_s, time.perf_counter() - started)
        for word, document in (("apple", "docs/good.md"), ("pear", "docs/good.txt")):
            hits = search(self._service, word, Mode.LEXICAL, corpora=(corpus,), k=200).hits
            assert document in {hit.passage.document_id for hit in hits}, (bad, report)
        self._service.delete_corpus(ME, corpus)
        return self.fate_of(bad, report)

    def fate_of(self, bad: Hostile, report: IngestReport) -> str:
        counts = report.documents
        about = [item.code for item in (*report.failures, *report.skipped)]
        assert counts.failed == len(report.failures) and counts.skipped == len(report.skipped)
        assert set(about) <= STABLE | set(SkipCode), (bad, report)
        assert counts.added >= 2 and counts.added + len(about) >= 3, (bad, report)
        return about[0] if about else "read"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, say: list[str]) -> Iterator[Folder]:
    home = new_home(tmp_path_factory.mktemp("files"))
    with open_service(home, parse_workers=1, parse_timeout_s=4.0, parse_memory_bytes=512 << 20) as service:
        made = Folder(service)
        yield made
    shutil.rmtree(home)
    counted = ", ".join(f"{count} {fate}" for fate, count in FATES.most_common())
    say.append(
        f"torture: {FATES.total()} hostile files: {counted}; the slowest ingest {made.slowest_s:.1f} s"
    )


@pytest.mark.parametrize("name", KNOWN)
def test_files_that_once_cost_more_than_themselves(folder: Folder, name: str) -> None:
    FATES[folder.check(KNOWN[name])] += 1


def test_any_bytes_cost_themselves_at_most(folder: Folder, kills_wanted: int) -> None:
    @settings(
        max_examples=kills_wanted * FILES_PER_KILL or EXAMPLES,
        deadline=None,
        database=None,
        derandomize=not kills_wanted,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(hostile())
    def check(bad: Hostile) -> None:
        FATES[folder.check(bad)] += 1

    check()
