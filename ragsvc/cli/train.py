"""`ragsvc train`: train a generative model."""

from __future__ import annotations

import signal
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragsvc.cli.options import HomeOption, JsonOption
from ragsvc.cli.output import make_console, one_line, safe, write_error, write_json, write_line
from ragsvc.cli.session import local_caller, session_of
from ragsvc.errors import Cancelled, InvalidRequest, SourceNotFound

if TYPE_CHECKING:
    from ragsvc.domain import TrainedModel
    from ragsvc.generative.trainer import Listener, TrainingProgress

_INTERRUPTED = 130
_SHOWN_EVERY_S = 0.2
_LOSSES_SHOWN = 3


class KindChoice(StrEnum):
    """What can be trained; the kinds of the domain, without the import of it."""

    AUTOENCODER = "autoencoder"
    VAE = "vae"
    GAN = "gan"
    TRANSFORMER = "transformer"


_KINDS = ", ".join(KindChoice)


def train(
    context: typer.Context,
    kind: Annotated[
        KindChoice | None,
        typer.Argument(metavar="KIND", help=f"What to train: {_KINDS}.", show_default=False),
    ] = None,
    data: Annotated[
        str,
        typer.Option("--data", metavar="DATA", help="digits, digits28, a corpus, or a folder of files."),
    ] = "",
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the model. [default: KIND-DATA]")
    ] = "",
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML file of hyperparameters.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One hyperparameter; may be given several times."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Decides weights, order and noise.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="Passes over the data at most.")
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="Minutes of training at most.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Train a generative model of digits, of the vectors or texts of a corpus, or of files.

    Ctrl-C stops it and keeps what it learned; --resume goes on as if it had never stopped.
    """
    from ragsvc.domain import NetworkKind, TrainingRequest

    given = {
        **_read_config(config),
        **dict(_pair(each) for each in values or ()),
        **{
            key: value
            for key, value in (("seed", seed), ("epochs", epochs), ("minutes", minutes))
            if value is not None
        },
    }
    if resume and (kind is not None or data or set(given) - {"minutes"}):
        raise InvalidRequest(
            "an interrupted training goes on with what it began with",
            hint="give only its name, and --minutes if you like: ragsvc train --name NAME --resume",
        )
    asked = None if kind is None else NetworkKind(kind)
    request = TrainingRequest(kind=asked, data=data, name=name, values=given, resume=resume)
    session = session_of(context)
    with session.worker(home, create=True) as service:
        try:
            with _stoppable() as stopped, _progress() as listener:
                model = service.models.train(local_caller(), request, listener=listener, cancelled=stopped)
        except Cancelled as error:
            write_error(error, as_json=as_json, home=session.given)
            return _INTERRUPTED
        folder = service.settings.home / "models" / model.name / str(model.version)
    _show(model, folder, as_json=as_json)
    return 0


def _show(model: TrainedModel, folder: Path, *, as_json: bool) -> None:
    from ragsvc.service.views.generative import TrainedModelView

    if as_json:
        write_json({**TrainedModelView.of(model).json_object(), "report": str(folder / "report.html")})
        return
    write_line(f"trained {model.name} version {model.version} on {one_line(model.data)}", sys.stdout)
    for measure, value in model.metrics.items():
        write_line(f"  {measure}: {value:.4g}", sys.stdout)
    write_line(f"report: {safe(str(folder / 'report.html'))}", sys.stdout)


def _read_config(path: Path | None) -> dict[str, Any]:
    """Hyperparameters of a TOML file.

    :raises SourceNotFound: if there is none. :raises InvalidRequest: if it is not TOML.
    """
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceNotFound(f"{path} cannot be read: {error.strerror}", hint="name a TOML file") from error
    except ValueError as error:
        raise InvalidRequest(f"{path} is not TOML: {error}", hint="write lines such as: code = 16") from error


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InvalidRequest(f"--set {text[:80]!r} is no KEY=VALUE", hint="such as --set code=16")
    return key.strip(), value.strip()


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Whether ctrl-C was pressed; a second time stops at once, and the last checkpoint is what is kept."""
    pressed = False

    def stop(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            signal.default_int_handler(number, frame)
        pressed = True

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:
        # Only the main thread of a process gets signals.
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress() -> Iterator[Listener | None]:
    """A bar with the losses on stderr; None when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=make_console(sys.stderr), transient=True) as bars:
        task = bars.add_task("train", epoch="-", losses="")
        last_shown = 0.0

        def show(progress: TrainingProgress) -> None:
            nonlocal last_shown
            now = time.monotonic()
            if now - last_shown < _SHOWN_EVERY_S and progress.step < progress.steps:
                return
            last_shown = now
            shown = list(progress.losses.items())[:_LOSSES_SHOWN]
            bars.update(
                task,
                completed=progress.step,
                total=progress.steps,
                epoch=f"{progress.epoch}/{progress.epochs}",
                losses="  ".join(f"{name} {value:.4g}" for name, value in shown),
            )

        yield show
