"""Processes that end with the one that started them, and before it when memory is short."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Of 1000: the kernel takes such a process before any that did not offer itself.
_OFFER = 800


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends; at once if it has.

    Only Linux does; elsewhere the process must notice by itself.

    :param parent: process id of who started this one.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise SystemExit(0)  # it died before the signal was set


def offer_to_die() -> None:
    """Have the kernel end this process, and those that it starts, before others when memory is short."""
    # Other systems have no such file, and some containers forbid to write it.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OFFER))
