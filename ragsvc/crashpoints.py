"""Named places at which a test may kill the process; nothing happens unless a handler is installed."""

from __future__ import annotations

from collections.abc import Callable

Handler = Callable[[str], None]

_handler: Handler | None = None


def crash_point(name: str) -> None:
    """Tell the installed handler that `name` was reached.

    :param name: stable and dotted: room, module, place ("index.files.before_rename").
    """
    if _handler is not None:
        _handler(name)


def install(handler: Handler | None) -> None:
    """Install what is called at every crash point of this process; None removes it.

    :param handler: may kill the process, or raise what the system would raise there (an
        OSError with ENOSPC), so that both kinds of interruption can be tested.
    """
    global _handler
    _handler = handler
