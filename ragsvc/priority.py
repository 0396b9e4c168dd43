"""Long work leaves the processor to whoever waits for an answer."""

from __future__ import annotations

import os

# Ten to one against a search. Not more, nor SCHED_IDLE: beside other busy programs an ingest
# must still get on, and it holds the writer lock for a moment.
NICENESS = 10


def give_way() -> None:
    """Lower the priority of this process and of what it starts, once and for good.

    Where the system has no priorities nothing happens.
    """
    if hasattr(os, "nice"):
        os.nice(max(0, NICENESS - os.nice(0)))
