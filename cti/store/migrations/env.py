"""Alembic's entry: runs on the connection and in the transaction that `cti.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from cti.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, once BEGIN is ours (see database.py)
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
