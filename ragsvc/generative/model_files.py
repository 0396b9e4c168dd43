"""The files of a trained model: weights with all that makes the network again, a readable copy, a report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragsvc.domain import NetworkKind
from ragsvc.errors import ModelDamaged
from ragsvc.generative import tensor_file
from ragsvc.generative.model_upkeep import CONFIG, REPORT, WEIGHTS
from ragsvc.generative.networks.network import GenerativeNetwork
from ragsvc.generative.networks.registry import network_from
from ragsvc.store.home_files import written

FORMAT = 1
_BROKEN = "train it again, or take its folder from a backup"


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network ready to use, and what its file says: "data", "commit", "side", "plan", "metrics" ..."""

    network: GenerativeNetwork
    about: Mapping[str, Any]


def write_model(folder: Path, network: GenerativeNetwork, about: Mapping[str, Any]) -> tensor_file.TensorFile:
    """Write the weights and, for people, the configuration; into a folder that is made anew.

    The weights' file says all by itself, so that one hash covers it.

    :param about: JSON values: the data, the plan, the metrics.
    :raises DiskFull: if there is no room. :raises HomeNotWritable: if the system refuses otherwise.
    """
    content = {"format": FORMAT, "kind": str(network.kind), "config": network.config(), **about}
    with written(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    made = tensor_file.write(folder / WEIGHTS, network.state_dict(), content)
    readable = json.dumps({**content, "weights_sha256": made.sha256}, indent=2, ensure_ascii=False)
    tensor_file.write_whole(folder / CONFIG, (readable + "\n").encode("utf-8", "replace"))
    return made


def write_report(folder: Path, html: str) -> None:
    """Write the report beside the weights; errors as in `write_model`."""
    tensor_file.write_whole(folder / REPORT, html.encode("utf-8", "replace"))


def read_model(folder: Path, sha256: str | None) -> LoadedModel:
    """Read a model; nothing but tensors and JSON is read, and nothing is run.

    :param sha256: of the weights' file as the catalog has it; None: whatever.
    :raises ModelDamaged: if the file is missing, another or none of a model.
    """
    found = tensor_file.read(folder / WEIGHTS, sha256)
    content = found.content
    try:
        if content["format"] != FORMAT:
            raise ModelDamaged(f"{folder} has the format {content['format']!r}", hint=_BROKEN)
        network = network_from(NetworkKind(content["kind"]), content["config"])
        network.load_state_dict(dict(found.tensors))
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise ModelDamaged(f"{folder / WEIGHTS} is no model: {error}", hint=_BROKEN) from error
    return LoadedModel(network.eval(), content)
