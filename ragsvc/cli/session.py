"""What one run of the command line shares: the home folder and how a service is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import typer

from ragsvc.errors import InvalidRequest

if TYPE_CHECKING:
    from ragsvc.domain import Caller
    from ragsvc.service.service import Service
    from ragsvc.settings.settings import Settings

Opener: TypeAlias = "Callable[[Settings], AbstractContextManager[Service]]"


class Session:
    """Opens the service when a command first needs it, and remembers where its home is."""

    def __init__(self, opener: Opener, give_way: Callable[[], None]) -> None:
        self._opener = opener
        self._give_way = give_way
        self.home: Path | None = None

    def settings(self, home: Path | None) -> Settings:
        """Settings from the environment, with `--home` above it.

        :raises InvalidRequest: if a variable does not hold a valid value.
        """
        from pydantic import ValidationError

        from ragsvc.settings.settings import Settings

        try:
            # RAGSVC_HOME="" means no choice, not the folder one happens to be in.
            chosen = Settings(_env_ignore_empty=True)
            settings = chosen if home is None else chosen.model_copy(update={"home": home})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = "RAGSVC_" + "_".join(str(part) for part in first["loc"]).upper()
            raise InvalidRequest(f"setting {name}: {first['msg']}", hint=f"change or unset {name}") from error
        self.home = settings.home
        return settings

    @contextmanager
    def service(self, home: Path | None) -> Iterator[Service]:
        """An open service, closed at the end of the block."""
        with self._opener(self.settings(home)) as service:
            yield service

    def worker(self, home: Path | None) -> AbstractContextManager[Service]:
        """An open service for work that may be long: it gives way to processes that answer questions."""
        self._give_way()
        return self.service(home)


def open_service(settings: Settings) -> AbstractContextManager[Service]:
    """Open the real service; heavy imports happen here and not before."""
    from ragsvc.service.service import Service

    return Service.open(settings)


def session_of(context: typer.Context) -> Session:
    """The session that `main` put into the context."""
    session = context.find_object(Session)
    if session is None:
        raise RuntimeError("a command was run without a session")
    return session


def local_caller() -> Caller:
    """Whoever types at this machine."""
    from ragsvc.domain import Caller

    return Caller()
