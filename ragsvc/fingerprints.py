"""Fingerprints of specs: equal exactly when the same input gives the same output. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ragsvc.domain import EmbedderSpec, ProfileSpec


def embedder_fingerprint(spec: EmbedderSpec) -> str:
    """Hash all that decides a vector, as 64 hex digits.

    The name is left out: the same weights under another name or in another folder give the
    same vectors, so nothing needs to be embedded again.
    """
    fields = asdict(spec)
    del fields["name"]
    return _sha256(fields)


def profile_fingerprint(spec: ProfileSpec) -> str:
    """Hash a whole profile, the embedder's name included, as 64 hex digits."""
    return _sha256(asdict(spec))


def canonical_json(value: Any) -> str:
    """ASCII JSON that is equal exactly when the values are; 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _sha256(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(fields).encode("ascii")).hexdigest()
