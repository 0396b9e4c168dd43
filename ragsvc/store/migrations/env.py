"""What Alembic runs: migrations on the connection and in the transaction that the caller began."""

from __future__ import annotations

from alembic import context

from ragsvc.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
context.run_migrations()
