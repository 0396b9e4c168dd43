"""A model folder in the sentence-transformers layout: where it lies and what its files say.

Nothing here imports torch, so that a profile can be compared without loading a model.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragsvc.errors import ModelMismatch, ModelNotFound

# Exports of the same weights for other runtimes; they are not what is loaded.
FOREIGN_FOLDERS = frozenset({"onnx", "openvino"})
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.bin", "*.jinja")

_hash_lock = threading.Lock()
_hashes: dict[tuple[str, int, int], str] = {}


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A resolved model.

    name: as the setting gave it.
    path: the folder with modules.json or config.json.
    weights: sha256 hex of the weights file, or of the sorted list of hashes if there are several.
    """

    name: str
    path: Path
    weights: str

    def read(self, file: str) -> Mapping[str, Any]:
        """Read one of the folder's JSON files; {} when it is absent.

        :raises ModelMismatch: if the file is damaged.
        """
        content = _read_json(self.path / file)
        return content if isinstance(content, dict) else {}

    def modules(self) -> list[Mapping[str, Any]]:
        """List the parts of the pipeline in order; [] for a plain transformers folder."""
        listed = _read_json(self.path / "modules.json")
        return listed if isinstance(listed, list) else []


def read_folder(name: str, path: Path) -> ModelFolder:
    """Take a folder as the model of a name.

    :raises ModelNotFound: if it holds no weights, or they cannot be read.
    """
    return ModelFolder(name=name, path=path, weights=_weights_hash(name, path))


def locate(name: str) -> Path:
    """Find a model's folder without reading its weights.

    :param name: a folder, or a hub name.
    :raises ModelNotFound: if it is not here and cannot be fetched.
    """
    return model_folder(name) or hub_folder(name, _WANTED, _weight_files).resolve()


def model_folder(name: str) -> Path | None:
    """The folder that a model's name is the path of, resolved; None when it is none."""
    try:
        path = Path(name).expanduser()
        return path.resolve() if name and path.is_dir() else None
    except (OSError, RuntimeError):
        # Too long for a path, or ~ of a user who is not here.
        return None


def hub_folder(name: str, wanted: Sequence[str], weights: Callable[[Path], object]) -> Path:
    """Find a hub model in the local cache; fetch it only when the hub library may go online.

    :param wanted: patterns of its files. weights: what is true of a folder that holds the weights.
    :raises ModelNotFound: if it is not here and cannot be fetched.
    """
    hint = f"download it once with: hf download {name} -- or name a folder that holds the model"
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or not name:
        raise ModelNotFound(f"no model folder at {name!r}", hint="name an existing folder or a hub model")
    import huggingface_hub
    from huggingface_hub import constants

    offline = bool(constants.HF_HUB_OFFLINE)
    unwanted = [f"{folder}/*" for folder in FOREIGN_FOLDERS]
    repository = name if "/" in name else f"sentence-transformers/{name}"
    # The cache is asked first, so a model that was fetched once never needs the network again.
    for local_only in (True,) if offline else (True, False):
        try:
            found = huggingface_hub.snapshot_download(
                repository, allow_patterns=list(wanted), ignore_patterns=unwanted, local_files_only=local_only
            )
        except (OSError, ValueError, RuntimeError) as error:
            # Hub errors derive from OSError (network, missing) or ValueError (malformed name).
            failure: Exception = error
            continue
        if weights(Path(found)):
            return Path(found)
        failure = FileNotFoundError("its weights are not in the local cache")
    raise ModelNotFound(f"the model {name!r} is not to be had: {failure}", hint=hint) from failure


def _weights_hash(name: str, path: Path) -> str:
    files = _weight_files(path)
    if not files:
        raise ModelNotFound(
            f"the folder {path} of model {name!r} holds no weights",
            hint="it needs model.safetensors or pytorch_model.bin, as sentence-transformers saves them",
        )
    hashes = [(file.relative_to(path).as_posix(), _file_hash(file)) for file in files]
    if len(hashes) == 1:
        return hashes[0][1]
    return hashlib.sha256("".join(f"{file} {digest}\n" for file, digest in hashes).encode()).hexdigest()


def _weight_files(path: Path) -> list[Path]:
    for pattern in ("*.safetensors", "pytorch_model*.bin"):
        files = [
            file
            for file in sorted(path.rglob(pattern))
            if not FOREIGN_FOLDERS.intersection(file.relative_to(path).parts)
        ]
        if files:
            return files
    return []


def _file_hash(file: Path) -> str:
    """Hash a file once a process; size and mtime tell whether it is still the same."""
    try:
        stat = file.stat()
        key = (str(file), stat.st_size, stat.st_mtime_ns)
        with _hash_lock:
            if key not in _hashes:
                with file.open("rb") as stream:
                    _hashes[key] = hashlib.file_digest(stream, "sha256").hexdigest()
            return _hashes[key]
    except OSError as error:
        raise ModelNotFound(f"cannot read {file}: {error}", hint="check the permissions") from error


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelMismatch(f"{file} cannot be read: {error}", hint="fetch the model again") from error
