"""Brings a database to the schema of this code, or says why it cannot be used."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL

from cti.core.errors import ConfigError
from cti.store.database import lock_for_migration
from cti.store.schema import HEAD

MIGRATIONS = Path(__file__).parent / "migrations"


def revision_of(connection: Connection) -> str | None:
    """The schema's revision; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: Engine, url: URL) -> None:
    """Run the migrations that are missing, in one transaction. Raises ConfigError (newer schema), StoreUnavailable."""
    with engine.connect() as connection:
        if revision_of(connection) == HEAD:
            return
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        lock_for_migration(connection)
        _run(connection, url)


def require_head(connection: Connection, url: URL) -> None:
    """For readers, who change nothing. Raises ConfigError."""
    found = revision_of(connection)
    if found != HEAD:
        raise ConfigError(
            f"the database {_name(url)} has schema {found or 'none'}, this program reads {HEAD}",
            remedy="start the engine once on it (it upgrades the schema), or use the program that made it",
        )


def _run(connection: Connection, url: URL) -> None:
    # Imported here: only a database that needs it pays for loading Alembic.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = revision_of(connection)
    if found is not None and found not in known:
        raise ConfigError(
            f"the database {_name(url)} has schema {found}, newer than this program knows ({HEAD})",
            remedy="run the newer program, or restore the backup made before its upgrade",
        )
    if found is None and (foreign := set(inspect(connection).get_table_names()) & {"calls", "legs", "call_records"}):
        raise ConfigError(
            f"the database {_name(url)} belongs to another program (tables {', '.join(sorted(foreign))})",
            remedy="name another database",
        )
    command.upgrade(config, "head")


def _name(url: URL) -> str:
    return url.render_as_string(hide_password=True)
