"""Tensors and JSON in one file: safetensors, whose header holds the JSON. Reading it runs nothing."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ragsvc.errors import ModelDamaged
from ragsvc.store.home_files import written

_KEY = "ragsvc"
_HINT = "train the model again, or take its folder from a backup"


@dataclass(frozen=True, slots=True)
class TensorFile:
    """What a file holds. sha256: hex of all its bytes."""

    tensors: Mapping[str, Tensor]
    content: Mapping[str, Any]
    sha256: str
    size_bytes: int


def write(path: Path, tensors: Mapping[str, Tensor], content: Mapping[str, Any]) -> TensorFile:
    """Write a file whole or not at all.

    :param content: JSON values; all numbers finite.
    :raises DiskFull: if there is no room. :raises HomeNotWritable: if the system refuses otherwise.
    """
    ready = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    data = save(ready, {_KEY: json.dumps(content, allow_nan=False)})
    write_whole(path, data)
    return TensorFile(ready, content, hashlib.sha256(data).hexdigest(), len(data))


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes so that after any crash the file has either the old ones or these.

    :raises DiskFull: if there is no room. :raises HomeNotWritable: if the system refuses otherwise.
    """
    beside = path.with_name(path.name + ".part")
    with written(path):
        with beside.open("wb") as target:
            target.write(data)
            target.flush()
            os.fsync(target.fileno())
        beside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path: Path, sha256: str | None = None) -> TensorFile:
    """Read a file.

    :param sha256: what its bytes must hash to; None: whatever.
    :raises ModelDamaged: if it is missing, none of ours or not these bytes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelDamaged(f"{path} cannot be read: {error.strerror}", hint=_HINT) from error
    digest = hashlib.sha256(data).hexdigest()
    # Before anything looks into it.
    if sha256 is not None and digest != sha256:
        raise ModelDamaged(
            f"{path} is not the file that was written: its sha256 is {digest[:12]}..., not {sha256[:12]}...",
            hint=_HINT,
        )
    try:
        tensors = load(data)
        (length,) = struct.unpack("<Q", data[:8])
        content = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError, struct.error) as error:
        raise ModelDamaged(f"{path} is no file of a model: {error}", hint=_HINT) from error
    if not isinstance(content, dict):
        raise ModelDamaged(f"{path} is no file of a model: it says nothing of its tensors", hint=_HINT)
    return TensorFile(tensors, content, digest, len(data))
