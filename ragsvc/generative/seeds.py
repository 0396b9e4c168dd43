"""Random numbers of a training: each step has its own, so that nothing drawn before has to be remembered.

A training that goes on after it was killed thus draws what the unbroken one would have drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

WEIGHTS = "weights"
ORDER = "order"
PICTURES = "pictures"
NOISE = "noise"
VALIDATION = "validation"
_MAX = 2**63


def seed_of(seed: int, purpose: str, number: int = 0) -> int:
    """A seed that no other purpose or number shares, [0, 2**63)."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _MAX


def generator_of(seed: int, purpose: str, number: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed_of(seed, purpose, number))


@contextmanager
def drawn_apart() -> Iterator[None]:
    """Leave torch's own random numbers as they were at the end of the block."""
    with torch.random.fork_rng():
        yield


def begin_step(seed: int, purpose: str, number: int = 0) -> None:
    """Seed torch's own random numbers, which dropout draws from."""
    torch.manual_seed(seed_of(seed, purpose, number))
