"""What an exported folder says about itself: manifest.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from ragsvc import __version__
from ragsvc.domain import ChunkerSpec, EmbedderSpec, ProfileSpec
from ragsvc.errors import ExportDamaged
from ragsvc.fingerprints import profile_fingerprint

FORMAT = 3
MANIFEST = "manifest.json"
COPY_AGAIN = "copy the folder again, or export again"
_MOST_BYTES = 16 * 2**20
_MOST = 2**31 - 1
_MOST_DIMENSION = 2**16

T = TypeVar("T", EmbedderSpec, ChunkerSpec)


class Table(StrEnum):
    """The files of an export beside the manifest."""

    DOCUMENTS = "documents.parquet"
    VERSIONS = "versions.parquet"
    CHUNKS = "chunks.parquet"
    VECTORS = "vectors.parquet"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file: sha256 hex of its bytes, their number, and its rows."""

    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """What an export holds. It has no time of its own: the same commit gives the same bytes.

    commit, created_at: of the commit. roots: what root names stood for. version: of the format.
    """

    corpus: str
    commit: int
    created_at: str
    spec: ProfileSpec
    roots: Mapping[str, str]
    files: Mapping[Table, FileFacts]
    version: int = FORMAT

    def encode(self) -> bytes:
        """As JSON."""
        body = {
            "format": self.version,
            "ragsvc": __version__,
            "corpus": self.corpus,
            "commit": self.commit,
            "commit_created_at": self.created_at,
            "profile": asdict(self.spec),
            "profile_fingerprint": profile_fingerprint(self.spec),
            "counts": _counts(self.files),
            "roots": dict(self.roots),
            "files": {
                table.value: {"sha256": facts.sha256, "bytes": facts.size_bytes, "rows": facts.rows}
                for table, facts in self.files.items()
            },
        }
        return (json.dumps(body, indent=1, sort_keys=True) + "\n").encode("ascii")

    @classmethod
    def read(cls, folder: Path) -> ExportManifest:
        """Read what `encode` wrote.

        :raises ExportDamaged: if there is none, it was altered, or a newer ragsvc wrote it.
        """
        path = folder / MANIFEST
        try:
            with path.open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise ExportDamaged(
                f"{folder} is no exported corpus: {MANIFEST} cannot be read ({error.strerror})",
                hint="name the folder that ragsvc export made",
            ) from error
        try:
            if len(raw) > _MOST_BYTES:
                raise ValueError("it is too large")
            return _decoded(json.loads(raw, parse_constant=_refuse), path)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise ExportDamaged(
                f"{path} is not the manifest of an export: {reason}", hint=COPY_AGAIN
            ) from error


def _counts(files: Mapping[Table, FileFacts]) -> dict[str, int]:
    return {table.value.removesuffix(".parquet"): facts.rows for table, facts in files.items()}


def _decoded(body: Any, path: Path) -> ExportManifest:
    body = _typed(body, dict, "it")
    version = _typed(body["format"], int, "format")
    if version > FORMAT:
        raise ExportDamaged(
            f"{path} has export format {version}, this ragsvc knows up to {FORMAT}",
            hint="upgrade ragsvc",
        )
    if version < 1:
        raise ValueError(f"format is {version}, not 1 to {FORMAT}")
    profile = _typed(body["profile"], dict, "profile")
    spec = ProfileSpec(
        embedder=_record(EmbedderSpec, profile["embedder"]),
        chunker=_record(ChunkerSpec, profile["chunker"]),
        analyser=_typed(profile["analyser"], str, "analyser"),
    )
    if not 1 <= spec.embedder.dimension <= _MOST_DIMENSION:
        raise ValueError(f"dimension is {spec.embedder.dimension}")
    if profile_fingerprint(spec) != body["profile_fingerprint"]:
        raise ValueError("profile_fingerprint is not that of the profile")
    roots = _typed(body["roots"], dict, "roots")
    files = _typed(body["files"], dict, "files")
    if set(files) != {table.value for table in Table}:
        # Names are only compared: nothing outside the folder is ever opened.
        raise ValueError(f"files must be {', '.join(table.value for table in Table)}")
    facts = {table: _facts(files[table.value]) for table in Table}
    if body["counts"] != _counts(facts):
        raise ValueError("counts are not the rows of the files")
    return ExportManifest(
        corpus=_typed(body["corpus"], str, "corpus"),
        commit=_number(body["commit"], "commit"),
        created_at=_typed(body["commit_created_at"], str, "commit_created_at"),
        spec=spec,
        roots={name: _typed(path, str, "roots") for name, path in roots.items()},
        files=facts,
        version=version,
    )


def _facts(entry: Any) -> FileFacts:
    entry = _typed(entry, dict, "files")
    return FileFacts(
        _typed(entry["sha256"], str, "sha256"),
        _number(entry["bytes"], "bytes", 2**62),
        _number(entry["rows"], "rows"),
    )


def _record(kind: type[T], value: Any) -> T:
    value = _typed(value, dict, kind.__name__)
    if set(value) != {field.name for field in fields(kind)}:
        raise ValueError(f"the fields of {kind.__name__} are others")
    for field in fields(kind):
        # With postponed annotations a field's type is its name.
        if field.type == "int":
            _number(value[field.name], field.name)
        else:
            _typed(value[field.name], str, field.name)
    return kind(**value)


def _number(value: Any, name: str, most: int = _MOST) -> int:
    number: int = _typed(value, int, name)
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {number}")
    return number


def _typed(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is not {kind.__name__}")
    if isinstance(value, str):
        value.encode("utf-8")  # lone surrogates cannot be stored
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
