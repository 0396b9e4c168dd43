"""Forks a process for every crash: imports once, then syncs and dies where it is told to.

Reads lines of JSON [home, folder, point, seconds] on stdin; dies at the crash point, or after the seconds.
Answers with the signal or exit code of each, a line.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from doubles import ingest, open_service

from ragsvc import crashpoints


def sync(home: str, folder: str, point: str, seconds: float) -> None:
    def die(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    crashpoints.install(die)
    if seconds:
        # The default action of SIGALRM ends the process at once, and as rudely as SIGKILL.
        signal.setitimer(signal.ITIMER_REAL, seconds)
    with open_service(Path(home)) as service:
        ingest(service, folder)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sync(*json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
