"""What an index folder says about itself: one JSON file, sealed with its own checksum."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ragsvc.errors import IndexDamaged
from ragsvc.fingerprints import canonical_json

FORMAT = 2
FILE_NAME = re.compile(r"[a-z_]+-[0-9]{12}-[0-9a-f]{16}\.npy")
REBUILT = "Nothing is lost: the index is rebuilt from the catalog."


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the index: its name in the folder, size and sha256 hex."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the files hold.

    commit, commit_uid: the commit whose chunks they are. profile: fingerprint of what made them.
    files: by column name.
    """

    commit: int
    commit_uid: str
    profile: str
    dimension: int
    rows: int
    postings: int
    files: Mapping[str, FileEntry]

    def encode(self) -> bytes:
        """The manifest as JSON bytes with its checksum."""
        body = {"format": FORMAT, **asdict(self)}
        sealed = {**body, "checksum": _checksum(body)}
        return json.dumps(sealed, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def decode(cls, raw: bytes, where: str) -> Manifest:
        """Read what `encode` wrote.

        :param where: the path to name in errors.
        :raises IndexDamaged: if it is not a manifest, was altered, or has another format.
        """
        try:
            body = json.loads(raw)
            if not isinstance(body, dict):
                raise TypeError("not an object")
            checksum = body.pop("checksum")
            version = body.pop("format")
            if version != FORMAT:
                raise IndexDamaged(f"{where} has index format {version!r}, not {FORMAT}", hint=REBUILT)
            if checksum != _checksum({"format": version, **body}):
                raise IndexDamaged(f"{where} does not match its own checksum", hint=REBUILT)
            body["files"] = {column: FileEntry(**entry) for column, entry in body["files"].items()}
            manifest = cls(**body)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise IndexDamaged(f"{where} is not an index manifest: {error}", hint=REBUILT) from error
        for entry in manifest.files.values():
            if not FILE_NAME.fullmatch(entry.name):
                raise IndexDamaged(f"{where} names a strange file: {entry.name!r}", hint=REBUILT)
        return manifest


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body).encode("ascii")).hexdigest()
