"""An ingest beside what is measured: a real `ragsvc ingest` in the same home, again and again."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ragsvc.store.catalog import Catalog

FILES = 400
WORDS = 300
SYLLABLES = ("ba", "ko", "ri", "ten", "mul", "sa", "vor", "ne", "li", "dor", "quin", "pe")
_STARTED_S = 120.0


class BesideIngest:
    """Ingests made files, new ones each time, as long as the block lasts.

    finished: how many runs came to their end.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._ended = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run)
        self.finished = 0

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + _STARTED_S
        while time.monotonic() < deadline and not self._writes():
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._child is not None:
            self._child.terminate()
        self._thread.join()

    def _writes(self) -> bool:
        """Whether the first run has written anything, and not only begun to import."""
        with Catalog.open(self._home) as catalog, catalog._db.read() as connection:
            rows = connection.exec_driver_sql(
                "SELECT count(*) FROM document_version WHERE text LIKE 'made %'"
            )
            return bool(rows.scalar_one())

    def _run(self) -> None:
        number = 0
        while not self._ended.is_set():
            number += 1
            with tempfile.TemporaryDirectory(prefix="ragsvc-beside-") as folder:
                _make(Path(folder), number)
                command = [
                    sys.executable,
                    "-m",
                    "ragsvc",
                    "ingest",
                    "beside",
                    folder,
                    "--home",
                    str(self._home),
                ]
                self._child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                if self._ended.is_set():
                    self._child.terminate()
                self.finished += self._child.wait() == 0


def _make(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(FILES):
        words = ("".join(chance.choices(SYLLABLES, k=chance.randrange(1, 4))) for _ in range(WORDS))
        (folder / f"{seed}-{number}.md").write_text("made " + " ".join(words) + "\n", encoding="utf-8")
