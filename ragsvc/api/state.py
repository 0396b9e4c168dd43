"""What the routes share: the service, its settings and the gates to its threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request

from ragsvc.api.limits import WorkGate
from ragsvc.api.redaction import Redactor
from ragsvc.domain import Turn
from ragsvc.service.request_limits import check_history, check_question
from ragsvc.settings.settings import Settings

if TYPE_CHECKING:
    from ragsvc.service.service import Service

CATALOG_THREADS = 8
CATALOG_CAPACITY = 512
REPORTS_WAITING = 8
PARSER_CAPACITY = 1024
WRITER_THREADS = 4
WRITER_CAPACITY = 64


@dataclass(frozen=True, slots=True)
class AppState:
    """What every route may use.

    queries: gate of searches and answers. catalog: gate of all else: a busy model delays no listing.
    writers: gate of what waits for the writer lock: as long as somebody holds it, all else goes on.
    reports: gate of what reads a whole corpus and takes a core for seconds: one at a time.
    parser: gate of what reads bodies: one at a time, since each of them keeps the interpreter to itself.
    redactor: takes out what clients are not shown.
    """

    service: Service
    settings: Settings
    queries: WorkGate
    catalog: WorkGate
    writers: WorkGate
    reports: WorkGate
    parser: WorkGate
    redactor: Redactor

    @classmethod
    def of_service(cls, service: Service) -> AppState:
        """Size the gates by the service's settings."""
        settings = service.settings
        return cls(
            service,
            settings,
            WorkGate.for_queries(settings.max_concurrent_queries),
            WorkGate(CATALOG_THREADS, CATALOG_CAPACITY),
            WorkGate(WRITER_THREADS, WRITER_CAPACITY),
            WorkGate(1, 1 + REPORTS_WAITING),
            WorkGate(1, PARSER_CAPACITY),
            Redactor.of_settings(settings),
        )

    def check_question(self, name: str, text: str) -> None:
        """Refuse a blank or overlong question.

        :raises InvalidRequest: if it is blank.
        :raises TooLarge: if it is over `max_question_chars`.
        """
        check_question(name, text, self.settings.max_question_chars)

    def check_history(self, turns: Sequence[Turn]) -> None:
        """Refuse a conversation that is too long.

        :raises TooLarge: if it has too many turns, or one is over `max_question_chars`.
        """
        check_history(turns, self.settings.max_question_chars)


def state_of(request: Request) -> AppState:
    """Give a route the shared state."""
    state: AppState = request.app.state.ragsvc
    return state


StateOf = Annotated[AppState, Depends(state_of)]
