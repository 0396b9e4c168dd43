"""One at a time, in the order of coming, and only so many in line."""

from __future__ import annotations

import threading
from collections import deque

from ragsvc.errors import Overloaded


class FairQueue:
    """Lets one holder through at a time; the others stand in line."""

    def __init__(self, waiting: int) -> None:
        """Open, with nobody in line.

        :param waiting: how many may stand in line behind the one who is through; at least 0.
        """
        self._waiting = waiting
        self._changed = threading.Condition()
        # The first is through, the others wait.
        self._line: deque[object] = deque()

    def enter(self) -> object:
        """Get in line.

        :return: a ticket for `through` and `leave`.
        :raises Overloaded: if the line is full.
        """
        with self._changed:
            if len(self._line) > self._waiting:
                raise Overloaded(
                    f"{len(self._line)} answers are being written or wait for the model already",
                    hint="ask again in a moment, or raise RAGSVC_GENERATOR_WAITING",
                )
            ticket = object()
            self._line.append(ticket)
            return ticket

    def through(self, ticket: object, timeout_s: float) -> bool:
        """Wait until it is the ticket's turn, but no longer than so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._line[0] is ticket, timeout_s)

    def leave(self, ticket: object) -> None:
        """Make way, whether it was the ticket's turn or not; leaving twice does nothing."""
        with self._changed:
            if ticket in self._line:
                self._line.remove(ticket)
                self._changed.notify_all()
