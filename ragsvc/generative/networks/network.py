"""What the four networks share: batches, the shape of rows, and the few verbs of a generative model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import wraps
from itertools import pairwise
from typing import Any, ClassVar, ParamSpec, TypeVar

import torch
from torch import Tensor, nn

from ragsvc.domain import NetworkKind
from ragsvc.errors import InvalidRequest, UnsupportedOperation
from ragsvc.generative.networks.hyperparameters import Hyperparameters

P = ParamSpec("P")
T = TypeVar("T")

ALL = "network"
MAX_SEED = 2**63 - 1


def without_gradients(call: Callable[P, T]) -> Callable[P, T]:
    """Decorate a function that needs no gradients; with its types, which torch's own decorator loses."""

    @wraps(call)
    def run(*arguments: P.args, **named: P.kwargs) -> T:
        with torch.no_grad():
            return call(*arguments, **named)

    return run


@dataclass(frozen=True, slots=True)
class RowShape:
    """What rows are like. width: numbers in a row. classes: of labels, 0 without. bounded: all in [0, 1]."""

    width: int
    classes: int = 0
    bounded: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows. rows: (n, width) float32; for text (n, t) int64 tokens. labels: (n,) int64, or None."""

    rows: Tensor
    labels: Tensor | None = None


class GenerativeNetwork(nn.Module):  # type: ignore[misc]
    """A network that is trained by gradient descent and then makes new rows.

    Rows go in and come out as the data has them: the network itself shifts and scales them. It is made
    with weights drawn from torch's random numbers: seed those first.
    """

    kind: ClassVar[NetworkKind]
    # Which loss tells on validation rows how good the network is; lower is better.
    criterion: ClassVar[str] = "loss"
    # Rows of validation that are looked at together.
    rows_at_once: ClassVar[int] = 512
    # Of Adam.
    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    hyperparameters: Hyperparameters

    @abstractmethod
    def loss(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses of a batch, scalars by name; "loss" is the one to step down, for the player of the step.

        :param step: counts batches from 0; what is drawn comes from torch's random numbers.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """All but the tensors that makes this network again, such as JSON holds."""

    def validation(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of validation rows, scalars by name, the criterion among them."""
        return self.loss(batch, 0)

    def players(self) -> dict[str, list[Tensor]]:
        """Parameters by the optimiser that moves them."""
        return {ALL: list(self.parameters())}

    def player(self, step: int) -> str:  # noqa: ARG002
        """Whose parameters a step moves."""
        return ALL

    def fit_data(self, rows: Tensor) -> None:
        """Take from the training rows what is no weight, such as their scale; once, before the first step."""

    def stepped(self, player: str) -> None:
        """Follow a step of an optimiser, of whose parameters is said."""

    def finish(self, rows: Tensor) -> None:
        """Take from the training rows what needs the trained weights; once, after the last step."""

    @abstractmethod
    def generate(self, count: int, *, seed: int = 0, label: int | None = None) -> Any:
        """Make new rows.

        :param count: at least 1. seed: the same gives the same rows.
        :param label: of which class; None: of all in turn, where the network knows classes.
        :return: (count, width) float32; a network of texts gives them as a list.
        :raises InvalidRequest: if it knows no such class.
        """

    def encode(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Codes of rows: (n, width) -> (n, code) float32.

        :raises UnsupportedOperation: if the network has none.
        """
        raise self.cannot("encode")

    def interpolate(self, ends: Tensor, steps: int, label: int | None = None) -> Tensor:  # noqa: ARG002
        """Rows on the straight way between the codes of two rows: (2, width) -> (steps, width) float32.

        :param steps: at least 2; the first and the last are the two rows as the network sees them.
        :raises UnsupportedOperation: if the network has no codes.
        """
        raise self.cannot("interpolate")

    def score(self, rows: Tensor, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """How well rows fit what was learned, (n,) float32; higher is better. Each network says in what unit.

        :raises UnsupportedOperation: if the network cannot tell.
        """
        raise self.cannot("score")

    def cannot(self, verb: str) -> UnsupportedOperation:
        """The error of a verb that a kind of network does not have."""
        reason = _REASONS.get((self.kind, verb), "")
        return UnsupportedOperation(f"a model of kind {self.kind} cannot {verb}{reason}", hint=_OTHERS[verb])


_REASONS = {
    (NetworkKind.GAN, "interpolate"): ": it has no codes of rows",
    (NetworkKind.TRANSFORMER, "interpolate"): ": it has no codes of rows",
    (NetworkKind.GAN, "encode"): ": its generator leads from noise to rows and never back",
    (NetworkKind.TRANSFORMER, "encode"): ": it predicts tokens and has no code of a row",
}
_OTHERS = {
    "encode": "use an autoencoder or a vae: ragsvc train vae --data DATA",
    "score": "use a vae or a transformer",
    "score texts": "train one on texts: ragsvc train transformer --data CORPUS",
    "interpolate": "use an autoencoder or a vae: ragsvc train vae --data DATA",
}


def multilayer_perceptron(widths: Sequence[int], activation: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    """Dense layers with an activation between them and none at the end."""
    layers: list[nn.Module] = []
    for into, out in pairwise(widths):
        layers += [nn.Linear(into, out), activation()]
    return nn.Sequential(*layers[:-1])


class Standardisation(nn.Module):  # type: ignore[misc]
    """Shift by the mean and divide by one scale for all columns, so that directions keep their lengths.

    Bounded rows stay as they are.
    """

    def __init__(self, shape: RowShape) -> None:
        super().__init__()
        self._fixed = shape.bounded
        self.register_buffer("shift", torch.zeros(shape.width))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, rows: Tensor) -> None:
        """Take mean and scale from (n, width) rows."""
        if not self._fixed:
            self.shift.copy_(rows.mean(0))
            self.scale.copy_((rows - self.shift).square().mean().sqrt().clamp(min=1e-6))

    def inward(self, rows: Tensor) -> Tensor:
        """From the data's units to the network's."""
        return (rows - self.shift) / self.scale

    def outward(self, rows: Tensor) -> Tensor:
        """From the network's units to the data's."""
        return rows * self.scale + self.shift


def row_config(shape: RowShape, hyperparameters: Hyperparameters) -> dict[str, Any]:
    """The configuration of a network of rows."""
    return {"shape": asdict(shape), "hyperparameters": hyperparameters.as_dict()}


def one_hot(labels: Tensor | None, classes: int, rows: Tensor) -> Tensor:
    """Labels as (n, classes) in the type of some rows; (n, 0) where there are no classes.

    :raises InvalidRequest: if labels are needed and absent.
    """
    if not classes:
        return rows.new_zeros(len(rows), 0)
    if labels is None:
        raise InvalidRequest("this model was trained with classes: say of which each row is", param="labels")
    return nn.functional.one_hot(labels, classes).to(rows.dtype)


def labels_of(count: int, label: int | None, classes: int, device: torch.device) -> Tensor | None:
    """Labels of new rows: the one that is asked for, or all in turn; None where there are no classes.

    :raises InvalidRequest: if there is no such class.
    """
    if label is not None and not 0 <= label < classes:
        wanted = f"0 to {classes - 1}" if classes else "none: the model was trained without classes"
        raise InvalidRequest(f"there is no class {label}; there are {wanted}", param="label")
    if not classes:
        return None
    if label is not None:
        return torch.full((count,), label, device=device)
    return torch.arange(count, device=device) % classes


def walk(ends: Tensor, steps: int) -> Tensor:
    """Evenly spaced points from the first of two codes to the second: (2, code) -> (steps, code)."""
    along = torch.linspace(0, 1, steps, device=ends.device)[:, None]
    return ends[:1] * (1 - along) + ends[1:] * along


def noise_of(seed: int, size: Sequence[int], device: torch.device) -> Tensor:
    """Standard normal numbers of a seed, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tuple(size), generator=generator).to(device)


def device_of(network: nn.Module) -> torch.device:
    """Where a network's parameters are."""
    device: torch.device = next(network.parameters()).device
    return device


def pieces(rows: Tensor, labels: Tensor | None, size: int) -> Iterator[Batch]:
    """Rows in batches."""
    for start in range(0, len(rows), size):
        some = slice(start, start + size)
        yield Batch(rows[some], None if labels is None else labels[some])


def floats(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Scalars out of tensors."""
    return {name: float(value.detach()) for name, value in losses.items()}
