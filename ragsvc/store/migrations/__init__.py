"""Schema migrations: Alembic scripts, append-only, run when a catalog is opened."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text

from ragsvc.errors import InternalError
from ragsvc.store.engine import newer


def configuration(connection: Connection | None = None) -> Config:
    """Make Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, path: Path) -> None:
    """Bring the schema up to date inside the transaction that `connection` has begun.

    :param path: the database file that an error names.
    :raises CatalogNewer: if the recorded revision is not among the scripts.
    """
    config = configuration(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if connection.dialect.has_table(connection, "alembic_version"):
        for revision in connection.execute(text("SELECT version_num FROM alembic_version")).scalars():
            if revision not in known:
                raise newer(path, revision)
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise InternalError(f"the migration of {path} cannot run: {error}") from error
