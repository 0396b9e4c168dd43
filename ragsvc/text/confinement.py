"""What a worker process may still do, once it has given the rest away: read files and answer."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from ragsvc.text import seccomp
from ragsvc.text.limits import MIB

_PR_SET_NO_NEW_PRIVS = 38
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000
_OPEN_FILES = 128
# Threads count too, and those of all processes of this user: a bound on runaways, not a tight one.
_PROCESSES = 4096
# A parser unpacks a library of tens of megabytes into its scratch folder.
_WRITTEN_BYTES = 512 * MIB
_NICENESS = 10
# What a program needs to run and to find Tesseract's languages. Nothing else passes: no key, no proxy.
_PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TESSDATA_PREFIX", "LD_LIBRARY_PATH")
_SINGLE_THREAD = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TOKIO_WORKER_THREADS": "1",
}


class Isolation(StrEnum):
    """How a worker is kept from the network."""

    SYSTEM_CALLS = "seccomp"
    NAMESPACE = "netns"
    NONE = "none"


def environment(given: Mapping[str, str], scratch: str) -> dict[str, str]:
    """The environment of a worker: a few variables by name, and nothing that could be a secret.

    :param scratch: a private folder, its home and temporary folder.
    """
    passed = {name: given[name] for name in _PASSED if name in given}
    places = {"HOME": scratch, "TMPDIR": scratch, "XDG_CACHE_HOME": scratch, "HF_HUB_OFFLINE": "1"}
    path = os.pathsep.join(str(Path(part or ".").absolute()) for part in sys.path)
    return {**passed, **places, **_SINGLE_THREAD, "PYTHONPATH": path}


def confine() -> Isolation:
    """Give up new privileges, the network, other programs and most of the resources, for good."""
    # Not on top of what its parent gives way already: it would starve.
    os.nice(max(0, _NICENESS - os.nice(0)))
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _WRITTEN_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, _PROCESSES),
    ):
        _, most = resource.getrlimit(limit)
        lowered = value if most == resource.RLIM_INFINITY else min(value, most)
        with suppress(ValueError, OSError):  # a system that does not know it
            resource.setrlimit(limit, (lowered, lowered))
    if not sys.platform.startswith("linux"):
        return Isolation.NONE
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if seccomp.install():
        return Isolation.SYSTEM_CALLS
    if library.unshare(_NEW_NETWORK) == 0 or library.unshare(_NEW_USER | _NEW_NETWORK) == 0:
        return Isolation.NAMESPACE
    return Isolation.NONE


class MemoryBound:
    """A cap on the address space: what the process has when idle, plus what one document may take."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes

    def set(self) -> None:
        """Count from what there is now."""
        size = address_space()
        if size:
            most = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (size + self._memory_bytes, most))

    def load(self, loader: Callable[[], object]) -> None:
        """Load a library or a model outside of the cap, and count from then."""
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        loader()
        self.set()


def address_space() -> int:
    """Bytes of address space of this process; 0 where only the system knows."""
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[0]) * resource.getpagesize() if status.exists() else 0
