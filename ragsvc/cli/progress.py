"""Progress of long work, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ragsvc.cli.output import make_console

if TYPE_CHECKING:
    from rich.progress import TaskID

    from ragsvc.domain import Progress


@contextmanager
def show_progress() -> Iterator[Callable[[Progress], None] | None]:
    """One bar a stage on stderr; None when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=make_console(sys.stderr), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(progress: Progress) -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(progress.stage, unit=progress.unit)
            bars.update(tasks[progress.stage], completed=progress.done, total=progress.total or None)

        yield show
