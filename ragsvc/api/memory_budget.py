"""A budget of memory for bodies: their cost is counted in objects, before they are parsed."""

from __future__ import annotations

import re
import threading
from types import TracebackType

from starlette.types import Scope

from ragsvc.errors import Overloaded

KEY = "ragsvc.memory"
# What a parsed value takes, averaged over an object and its member, which is the worst.
VALUE_BYTES = 120
_OPENERS = (b",", b"[", b"{")
_CONTINUED = bytes(range(0x80, 0xC0))
_FOUR = range(0xF0, 0xF5)
_PAIR = re.compile(rb"\\u[dD][89abAB]")


class MemoryBudget:
    """Counts what all requests together hold, and refuses the one that goes over it."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self.held_bytes = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Hold some more bytes.

        :raises Overloaded: if that is more than there is.
        """
        with self._lock:
            if self.held_bytes + count > self.total_bytes:
                raise Overloaded(
                    "the bodies of the requests in work take all the memory that there is for them",
                    hint="try again in a second, send smaller bodies, or raise RAGSVC_MAX_BODY_MEMORY_BYTES",
                )
            self.held_bytes += count

    def give_back(self, count: int) -> None:
        """Hold fewer bytes."""
        with self._lock:
            self.held_bytes -= count


class Lease:
    """What one request holds of the memory; all of it goes back when the block ends."""

    def __init__(self, memory: MemoryBudget) -> None:
        self._memory = memory
        self._held = 0

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.set(0)

    def set(self, count: int) -> None:
        """Hold so many bytes, instead of what was held.

        :raises Overloaded: if that is more than there is; what was held stays held.
        """
        more = count - self._held
        if more > 0:
            self._memory.take(more)
        else:
            self._memory.give_back(-more)
        self._held = count


def lease_of(scope: Scope) -> Lease:
    """The lease of a request."""
    lease: Lease = scope[KEY]
    return lease


def json_cost(raw: bytes, values: int | None = None) -> int:
    """Bytes that it takes to parse JSON, at most, the raw bytes included; found without parsing it.

    :param values: how many values it holds; None: estimated, and too high for text full of commas.
    """
    if values is None:
        values = sum(map(raw.count, _OPENERS))
    chars = len(raw) if raw.isascii() else len(raw.translate(None, delete=_CONTINUED))
    decoded = _width(raw)
    parsed = 4 if _PAIR.search(raw) else max(decoded, 2 if b"\\u" in raw else 1)
    return 2 * len(raw) + chars * (decoded + parsed) + values * VALUE_BYTES


def _width(raw: bytes) -> int:
    """Bytes that a character takes in memory: the widest one decides for all."""
    if raw.isascii():
        return 1
    return 4 if any(bytes((lead,)) in raw for lead in _FOUR) else 2
