"""MinHash signatures: how alike two texts are, told from 256 bytes of each."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ragsvc.domain import SIGNATURE_VALUES, F64Vector, U16Matrix, U16Vector
from ragsvc.text.analyser import MARKS, UNSPACED

SIGNATURE_VERSION = 1
"""Seeds the permutations, so that signatures of different versions never look alike. Raise it with
any change of what is hashed; stored ones then count as unlike everything until they are made anew."""

# Of a chunk of 150 words five may be replaced, wherever they stand, before it falls below: each takes
# three shingles away, (148 - 15) / (148 + 15) = .82. Texts of different origin on one subject share
# hardly any three words in a row, so nothing near .8 is met by chance: the standard error is .035.
NEAR = 0.8
"""Similarity from which two texts count as near-duplicates."""

_SHINGLE_WORDS = 3
_BLOCK = 4096
# Of a script without blanks every character is a word, so that three of them are a shingle there too.
_WORD = re.compile(f"[{UNSPACED}]|(?:(?![{UNSPACED}])[\\w{MARKS}])+")
_ASCII_WORD = re.compile(r"\w+", re.ASCII)


def signature(text: str, known: dict[bytes, bytes] | None = None) -> bytes:
    """Sketch the set of runs of three words in a text; case and punctuation make no difference.

    The same on every machine and for ever. Of fewer than three words each word counts by itself.

    :param known: hashes of runs that were met before; those of this text are added.
    :return: 128 uint16, little endian; b"" for a text without a word, which is like no other.
    """
    shingles = _shingles(text)
    if not shingles:
        return b""
    factors, terms = _permutations()
    values = np.full(SIGNATURE_VALUES, 0xFFFFFFFF, dtype=np.uint32)
    # In blocks, so that a book does not need a matrix of all its shingles times 128.
    for start in range(0, len(shingles), _BLOCK):
        hashed = _hashes(shingles[start : start + _BLOCK], {} if known is None else known)[:, None]
        np.minimum(values, (hashed * factors + terms).min(axis=0), out=values)
    return (values & 0xFFFF).astype("<u2").tobytes()


def similarities(one: U16Vector | U16Matrix, many: U16Matrix) -> F64Vector:
    """Estimate the Jaccard similarity of shingle sets.

    :param one: (128,) uint16; zeros: unknown. Or (m, 128), none unknown: compared row by row.
    :param many: (m, 128) uint16; rows of zeros: unknown.
    :return: (m,) float64 in [0, 1], standard error at most .045; 0 where either is unknown.
    """
    if not one.any():
        return np.zeros(len(many), dtype=np.float64)
    # Of a known signature a value in 65536 is 0 by chance, so unknown rows need no mask.
    # einsum adds bytes in place: a third of the time of count_nonzero. 128 fits into a byte.
    equal: NDArray[np.uint8] = np.einsum("ij->i", (many == one).view(np.uint8))
    return equal / np.float64(SIGNATURE_VALUES)


def _shingles(text: str) -> list[bytes]:
    if text.isascii():
        words = _ASCII_WORD.findall(text.lower())
    else:
        words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    if len(words) < _SHINGLE_WORDS:
        runs = set(words)
    else:
        runs = set(map(" ".join, zip(words, words[1:], words[2:], strict=False)))
    return [run.encode("utf-8", "surrogatepass") for run in runs]


def _hashes(shingles: list[bytes], known: dict[bytes, bytes]) -> NDArray[np.uint32]:
    """(n,) uint32: the first four bytes of each SHA-1, mixed by MurmurHash3's finaliser."""
    sha1 = hashlib.sha1
    heads = b"".join([known.get(run) or known.setdefault(run, sha1(run).digest()[:4]) for run in shingles])
    mixed = np.frombuffer(heads, dtype="<u4").astype(np.uint32)
    mixed ^= mixed >> np.uint32(16)
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed


@cache
def _permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Factors, all odd, and terms of h -> factor * h + term mod 2^32, (128,) uint32 each.

    Those of datasketch's scheme affine32, with which a test compares; its import takes half a second,
    which every new worker process would pay.
    """
    generator = np.random.RandomState(SIGNATURE_VERSION)
    factors = generator.randint(0, 1 << 31, SIGNATURE_VALUES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, generator.randint(0, 1 << 32, SIGNATURE_VALUES, dtype=np.uint32)
