"""Trained generative models: what the catalog knows of them."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from ragsvc.domain import Caller, NetworkKind, TrainedModel
from ragsvc.errors import InvalidName, TrainedModelNotFound
from ragsvc.store.engine import Repository, now
from ragsvc.store.tables import model

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# Its paths would be those of the models that clients of the OpenAI API ask for.
_TAKEN = "ragsvc"


class Models(Repository):
    """Trained models by name and version."""

    def add(self, caller: Caller, made: TrainedModel) -> TrainedModel:
        """Keep a model; gives it with its number and time."""
        with self._db.write("store.add_model") as connection:
            complete = replace(made, version=_next(connection, made.name), created_at=now())
            row: dict[str, Any] = asdict(complete)
            row["data_commit"] = row.pop("commit")
            row |= {"owner": caller.principal, "tenant": caller.tenant, "kind": str(made.kind)}
            connection.execute(insert(model), row)
        return complete

    def next_version(self, name: str) -> int:
        """The number that the next model of a name has, unless another is added before."""
        with self._db.read() as connection:
            return _next(connection, name)

    def all(self, caller: Caller) -> list[TrainedModel]:  # noqa: ARG002
        """All of them, by name, newest versions first."""
        statement = select(model).order_by(model.c.name, model.c.version.desc())
        with self._db.read() as connection:
            return [_model_of(row) for row in connection.execute(statement)]

    def of_data(self, caller: Caller, data: str) -> list[TrainedModel]:  # noqa: ARG002
        """Those that were trained on a corpus, which still hold what they took from it."""
        statement = select(model).where(model.c.data == data, model.c.data_commit.is_not(None))
        with self._db.read() as connection:
            return [_model_of(row) for row in connection.execute(statement.order_by(model.c.number))]

    def get(self, caller: Caller, name: str, version: int | None = None) -> TrainedModel:  # noqa: ARG002
        """One model.

        :param version: None: the newest.
        :raises TrainedModelNotFound: if there is none.
        """
        statement = select(model).where(model.c.name == name).order_by(model.c.version.desc()).limit(1)
        if version is not None:
            statement = statement.where(model.c.version == version)
        with self._db.read() as connection:
            row = connection.execute(statement).one_or_none()
        if row is None:
            raise _not_found(name, version)
        return _model_of(row)

    def delete(self, caller: Caller, name: str, version: int | None = None) -> list[TrainedModel]:  # noqa: ARG002
        """Forget a version, or all of a name; gives what was forgotten.

        :raises TrainedModelNotFound: if there is none.
        """
        chosen = model.c.name == name
        if version is not None:
            chosen &= model.c.version == version
        with self._db.write("store.delete_model") as connection:
            gone = [_model_of(row) for row in connection.execute(select(model).where(chosen))]
            connection.execute(delete(model).where(chosen))
        if not gone:
            raise _not_found(name, version)
        return gone


def check_model_name(name: str) -> None:
    """Refuse a name that no model can have.

    :raises InvalidName: unless it is [a-z0-9][a-z0-9._-]{0,63}, and not "ragsvc".
    """
    if not _NAME.fullmatch(name) or name == _TAKEN:
        raise InvalidName(
            f"{name[:80]!r} cannot be the name of a model",
            hint="use up to 64 of a-z 0-9 . _ - and begin with a letter or digit: --name vae-digits",
        )


def _next(connection: Connection, name: str) -> int:
    last = connection.execute(select(func.max(model.c.version)).where(model.c.name == name)).scalar()
    return int(last or 0) + 1


def _not_found(name: str, version: int | None) -> TrainedModelNotFound:
    which = f"model {name[:80]!r}" if version is None else f"version {version} of model {name[:80]!r}"
    return TrainedModelNotFound(
        f"there is no {which}", hint="ragsvc models list shows what there is, ragsvc train makes one"
    )


def _model_of(row: Row[Any]) -> TrainedModel:
    return TrainedModel(
        name=row.name,
        version=row.version,
        kind=NetworkKind(row.kind),
        weights_sha256=row.weights_sha256,
        data=row.data,
        commit=row.data_commit,
        hyperparameters=row.hyperparameters,
        metrics=row.metrics,
        size_bytes=row.size_bytes,
        created_at=row.created_at,
    )
