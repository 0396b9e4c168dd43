"""Arrays, ids and the small values that every room shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NewType, TypeAlias

import numpy as np
from numpy.typing import NDArray

F32Matrix: TypeAlias = NDArray[np.float32]

F32Vector: TypeAlias = NDArray[np.float32]

F64Matrix: TypeAlias = NDArray[np.float64]

F64Vector: TypeAlias = NDArray[np.float64]

I32Vector: TypeAlias = NDArray[np.int32]

I64Vector: TypeAlias = NDArray[np.int64]

I32Matrix: TypeAlias = NDArray[np.int32]

I64Matrix: TypeAlias = NDArray[np.int64]

BoolVector: TypeAlias = NDArray[np.bool_]

U16Matrix: TypeAlias = NDArray[np.uint16]

U16Vector: TypeAlias = NDArray[np.uint16]

Metadata: TypeAlias = Mapping[str, Any]
CorpusId = NewType("CorpusId", int)
CommitId = NewType("CommitId", int)
ProfileId = NewType("ProfileId", int)
VersionId = NewType("VersionId", int)
ChunkId = NewType("ChunkId", int)
SIGNATURE_VALUES = 128
"""Numbers of 16 bits in the signature of a text, see `text.signature`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something is read or written. Today everybody is allowed everything."""

    principal: str = "local"
    groups: frozenset[str] = frozenset()
    tenant: str = "default"


@dataclass(frozen=True, slots=True)
class Span:
    """Code point offsets, half open."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far long work is; total 0 while unknown."""

    stage: str
    done: int
    total: int
    unit: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether questions can be answered now, and why not."""

    ready: bool
    reason: str
    embedder: str
    commit: CommitId
