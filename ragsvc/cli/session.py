"""What one run of the command line shares: the home folder and how a service is opened."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from ragsvc.errors import HomeNotFound, InvalidRequest

if TYPE_CHECKING:
    from ragsvc.domain import Caller
    from ragsvc.service.service import Service
    from ragsvc.settings.settings import Settings


class Opener(Protocol):
    """Opens the service of a home."""

    def __call__(self, settings: Settings, *, create: bool) -> AbstractContextManager[Service]:
        """Open it; where there is no home, `create` says whether one is made.

        :raises HomeNotFound: if there is none and none may be made.
        """
        ...


class Session:
    """Opens the service when a command first needs it, and remembers where its home is.

    given: what was typed after `--home`, if anything was.
    """

    def __init__(self, opener: Opener, give_way: Callable[[], None]) -> None:
        self._opener = opener
        self._give_way = give_way
        self.home: Path | None = None
        self.given: Path | None = None

    def settings(self, home: Path | None) -> Settings:
        """Settings from the environment, with `--home` above it.

        :raises InvalidRequest: if a variable does not hold a valid value.
        """
        from pydantic import ValidationError

        from ragsvc.settings.settings import Settings

        self.given = home
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
    def service(self, home: Path | None, *, create: bool = False) -> Iterator[Service]:
        """An open service, closed at the end of the block.

        create: whether a home is made where there is none.
        :raises HomeNotFound: if there is none and none may be made.
        """
        with self._opener(self.settings(home), create=create) as service:
            yield service

    def worker(self, home: Path | None, *, create: bool = False) -> AbstractContextManager[Service]:
        """An open service for work that may be long: it gives way to processes that answer questions."""
        self._give_way()
        return self.service(home, create=create)

    @contextmanager
    def rehearsal(self, home: Path | None) -> Iterator[Service]:
        """An open service for a dry run; where there is no home, over an empty one that is not kept."""
        self._give_way()
        settings = self.settings(home)
        with ExitStack() as stack:
            try:
                service = stack.enter_context(self._opener(settings, create=False))
            except HomeNotFound:
                blank = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ragsvc-")))
                elsewhere = settings.model_copy(update={"home": blank})
                service = stack.enter_context(self._opener(elsewhere, create=True))
            yield service

    def typed(self, command: str) -> str:
        """A command to type next, such that it means the home of this run."""
        return command if self.given is None else f"{command} --home {shlex.quote(str(self.given))}"


def open_service(settings: Settings, *, create: bool) -> AbstractContextManager[Service]:
    """Open the real service; heavy imports happen here and not before."""
    from ragsvc.service.service import Service

    return Service.open(settings, create=create)


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
