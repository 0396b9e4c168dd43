"""`ragsvc models list | show | delete` and `ragsvc generate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragsvc.cli.options import HomeOption, JsonOption
from ragsvc.cli.output import make_console, one_line, safe, write_json, write_line
from ragsvc.cli.session import local_caller, session_of
from ragsvc.errors import InvalidRequest

if TYPE_CHECKING:
    from ragsvc.domain import Sample

app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=False, help="List, show and delete generative models."
)

ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Name of the model, as list shows it.")]
VersionOption = Annotated[
    int | None,
    typer.Option("--version", min=1, help="Which version. [default: the newest]", show_default=False),
]
_SHADES = " .:-=+*#%@"


@app.command("list")
def list_models(context: typer.Context, as_json: JsonOption = False, home: HomeOption = None) -> int:
    """List models that were trained here, with the data that they were trained on."""
    from ragsvc.cli.render import render_table
    from ragsvc.service.views.generative import TrainedModelsView

    with session_of(context).service(home) as service:
        view = TrainedModelsView.of(service.models.all(local_caller()))
    if as_json:
        write_json(view)
    elif view.models:
        columns = ("name", "version", "kind", "data", "commit", "size_bytes", "created_at")
        render_table(make_console(sys.stdout), view.json_object()["models"], columns)
    else:
        write_line("no model", sys.stderr)
    return 0


@app.command("show")
def show_model(
    context: typer.Context,
    model: ModelArgument,
    version: VersionOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Show a model with its measures and hyperparameters, and where its report is."""
    from ragsvc.service.views.generative import TrainedModelView

    with session_of(context).service(home) as service:
        found = service.models.get(local_caller(), model, version)
        report = service.settings.home / "models" / found.name / str(found.version) / "report.html"
    shape = {**TrainedModelView.of(found).json_object(), "report": str(report)}
    if as_json:
        write_json(shape)
        return 0
    for name, value in shape.items():
        if isinstance(value, dict):
            write_line(f"{name}:", sys.stdout)
            for inner, each in value.items():
                write_line(
                    f"  {inner}: {each:.6g}" if isinstance(each, float) else f"  {inner}: {each}", sys.stdout
                )
        else:
            write_line(f"{name}: {one_line(str(value))}", sys.stdout)
    return 0


@app.command("delete")
def delete_model(
    context: typer.Context,
    model: ModelArgument,
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="Only this version. [default: all]", show_default=False),
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="Throw the interrupted training of this name away instead.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete all versions without a question.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Delete a model with its files: one version, or all of them."""
    with session_of(context).service(home) as service:
        if training:
            service.models.delete_training(local_caller(), model)
            gone: list[int] = []
        else:
            if version is None and not yes:
                service.models.get(local_caller(), model)
                raise InvalidRequest(
                    f"deleting all versions of the model {model!r} needs a confirmation",
                    hint="add --yes, or --version N for one of them",
                )
            gone = [each.version for each in service.models.delete(local_caller(), model, version)]
    if as_json:
        write_json({"model": model, "deleted": gone, "training": training})
    elif training:
        write_line(f"threw the interrupted training of {safe(model)} away", sys.stdout)
    else:
        write_line(f"deleted {safe(model)}: version {', '.join(map(str, gone))}", sys.stdout)
    return 0


def generate(
    context: typer.Context,
    model: ModelArgument,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many to make.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed makes the same.")] = 0,
    label: Annotated[int | None, typer.Option("--label", help="Of which class, such as a digit.")] = None,
    prompt: Annotated[str, typer.Option("--prompt", help="Text that a transformer goes on from.")] = "",
    temperature: Annotated[float, typer.Option("--temperature", help="0: always the likeliest token.")] = 1.0,
    top_k: Annotated[int, typer.Option("--top-k", help="Only the k likeliest tokens; 0: all.")] = 0,
    top_p: Annotated[float, typer.Option("--top-p", help="Only the likeliest that have this share.")] = 1.0,
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="Length of a text at most.")] = 256,
    stop: Annotated[list[str] | None, typer.Option("--stop", help="Text before which a text ends.")] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option("--between", metavar="DOCUMENT DOCUMENT", help="What lies between two documents."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=2, max=1000, help="Steps between the two.")] = 8,
    nearest: Annotated[int, typer.Option("--nearest", min=0, max=20, help="Passages to show a vector.")] = 1,
    version: VersionOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> int:
    """Make something new with a trained model, or walk from one document to another."""
    from ragsvc.domain import SampleRequest
    from ragsvc.service.json_values import encodable
    from ragsvc.service.views.generative import SamplesView

    request = SampleRequest(
        count=count,
        seed=seed,
        version=version,
        label=label,
        nearest=nearest,
        between=between,
        steps=steps,
        prompt=encodable(prompt),
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        max_tokens=max_tokens,
        stop=tuple(encodable(text) for text in stop or ()),
    )
    with session_of(context).service(home) as service:
        found, samples = service.models.generate(local_caller(), model, request)
    if as_json:
        write_json(SamplesView.of(found, samples))
        return 0
    for place, sample in enumerate(samples):
        if place:
            write_line("", sys.stdout)
        write_line(_words(sample), sys.stdout)
    return 0


def _words(sample: Sample) -> str:
    if sample.text is not None:
        return safe(sample.text)
    row = sample.row or ()
    if sample.nearest:
        return "\n".join(
            f"{near.similarity:.3f}  {safe(near.passage.document_id)}\n{safe(near.passage.text)}"
            for near in sample.nearest
        )
    side = int(len(row) ** 0.5)
    if side * side == len(row) and all(0 <= value <= 1 for value in row):
        lines = (row[start : start + side] for start in range(0, len(row), side))
        return "\n".join("".join(_shade(value) * 2 for value in line) for line in lines)
    return " ".join(f"{value:.6g}" for value in row)


def _shade(value: float) -> str:
    return _SHADES[min(len(_SHADES) - 1, int(value * len(_SHADES)))]
