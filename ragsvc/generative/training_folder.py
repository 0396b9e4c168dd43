"""The folder of a training: one process at a time works in it; what it was asked for, and where it stands."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ragsvc.errors import ModelDamaged, TrainingUnfinished, WriterBusy
from ragsvc.store.home_files import Home, open_lock_file, written

TRAINING = "training"
CHECKPOINT = "checkpoint.safetensors"
_ORDER = "order.json"
_LOCK = "lock"


class TrainingFolder:
    """A folder whose lock this process holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / CHECKPOINT

    @classmethod
    @contextmanager
    def held(cls, home: Home, name: str) -> Iterator[TrainingFolder]:
        """Make the folder of a training where needed, and keep others out for the length of the block.

        :raises WriterBusy: if another process trains a model of this name.
        :raises HomeNotWritable: if it cannot be made.
        """
        path = home.training(name)
        with written(path):
            path.mkdir(parents=True, exist_ok=True)
            descriptor = open_lock_file(path / _LOCK)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WriterBusy(
                    f"another process trains the model {name}",
                    hint="wait until it is done, or choose another name: --name NAME",
                ) from None
            yield cls(path)
        finally:
            os.close(descriptor)

    @property
    def is_unfinished(self) -> bool:
        """Whether a training was interrupted here and can go on."""
        return self.checkpoint.exists()

    def begin(self, order: Mapping[str, Any], name: str) -> None:
        """Write down what is asked for.

        :raises TrainingUnfinished: if a training was interrupted here.
        """
        if self.is_unfinished:
            raise TrainingUnfinished(
                f"a training of the model {name} was interrupted, and is kept",
                hint=f"go on with it: ragsvc train --name {name} --resume; or throw it away: "
                f"ragsvc models delete {name} --training",
            )
        with written(self.path):
            (self.path / _ORDER).write_text(json.dumps(order, allow_nan=False), encoding="utf-8")

    def order(self, name: str) -> Mapping[str, Any]:
        """What was asked for when it began.

        :raises TrainingUnfinished: if there is nothing to go on with.
        :raises ModelDamaged: if it cannot be read.
        """
        if not self.is_unfinished:
            raise TrainingUnfinished(
                f"there is no interrupted training of the model {name}", hint="leave out --resume"
            )
        try:
            order = json.loads((self.path / _ORDER).read_text(encoding="utf-8"))
            if not isinstance(order, dict):
                raise ValueError("it is no object")
        except (OSError, ValueError) as error:
            raise ModelDamaged(
                f"what the training of the model {name} was asked for cannot be read: {error}",
                hint=f"throw it away: ragsvc models delete {name} --training",
            ) from error
        return order

    def remove(self) -> None:
        """Remove all; the lock goes with the block.

        :raises HomeNotWritable: if the system refuses.
        """
        with written(self.path):
            shutil.rmtree(self.path)
        with suppress(OSError):
            # The name has no model yet.
            self.path.parent.rmdir()


def is_in_work(folder: Path) -> bool:
    """Whether a process holds the folder of a training."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
