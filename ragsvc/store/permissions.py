"""Who may read what: the one place where permissions will go."""

from __future__ import annotations

from sqlalchemy import BindParameter, ColumnElement, and_, or_, true

from ragsvc.domain import Caller, CommitId
from ragsvc.store.tables import membership


def readable(caller: Caller) -> ColumnElement[bool]:  # noqa: ARG001
    """Condition on `membership` rows that this caller may read; today all of them."""
    return true()


def live_at(commit: CommitId | BindParameter[int]) -> ColumnElement[bool]:
    """Condition on `membership` rows that are live at a commit, or at one that is told on execution."""
    at = commit if isinstance(commit, BindParameter) else int(commit)
    return and_(
        membership.c.born <= at,
        or_(membership.c.died.is_(None), membership.c.died > at),
    )
