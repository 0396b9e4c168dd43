"""`ragsvc`, with the event loop of its server watched.

    LAG_FILE=prefix python -m benchmarks.lag serve --home DIR ...

Runs the very command, and writes how late each tick of its event loop was: lines of `<monotonic s> <lag s>`
in `prefix.<process id>`. A tick that came while the loop was held counts by itself, so a long stall is
as many late ticks as it lasted, not one.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

TICK_S = 0.01
_WRITE_EVERY = 100
_startup = uvicorn.Server.startup


async def _startup_watched(self: uvicorn.Server, *given: Any, **named: Any) -> None:
    self.watcher = asyncio.create_task(_watch())  # type: ignore[attr-defined]
    await _startup(self, *given, **named)


async def _watch() -> None:
    path = Path(f"{os.environ['LAG_FILE']}.{os.getpid()}")
    with path.open("a", encoding="ascii", buffering=1 << 20) as out:
        due, lines = time.monotonic(), 0
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            while due <= now:
                out.write(f"{due:.4f} {now - due:.5f}\n")
                due += TICK_S
                lines += 1
            if lines >= _WRITE_EVERY:
                out.flush()
                lines = 0


def lags(prefix: Path, begin: float, end: float) -> list[float]:
    """Seconds by which the ticks due in [begin, end] of the monotonic clock were late, of all processes."""
    found = []
    for path in sorted(prefix.parent.glob(prefix.name + ".*")):
        for line in path.read_text(encoding="ascii").splitlines():
            due, _, late = line.partition(" ")
            if late and begin <= float(due) <= end:
                found.append(float(late))
    return found


# At import, so that it also holds in worker processes that are spawned.
if "LAG_FILE" in os.environ:
    uvicorn.Server.startup = _startup_watched  # type: ignore[method-assign]


def main() -> int:
    """Be the command, or one of the processes that `serve --workers` starts."""
    from ragsvc.__main__ import main as ragsvc
    from ragsvc.api import supervisor, worker

    supervisor.MODULE = "benchmarks.lag"
    return worker.main() if sys.argv[1].isdigit() else ragsvc()


if __name__ == "__main__":
    sys.exit(main())
