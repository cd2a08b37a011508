"""A copy of the database while an engine writes: SQLite by its online backup, PostgreSQL by its own programs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from typing import TYPE_CHECKING

from cti.core.errors import ConfigError, StoreUnavailable
from cti.store.database import file_of, parse_url

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import URL

#: Where the database is in a backup, by its kind.
NAMES = {"sqlite": "data/cti.db", "postgresql": "database.dump"}
_DUMP_S = 3600


def kind_of(url: str) -> str:
    """sqlite or postgresql. Raises ConfigError."""
    return parse_url(url).get_backend_name()


def base_name(url: str) -> str:
    """Of the file that the spill file is named after, in what is restored."""
    return "cti.db" if kind_of(url) == "sqlite" else "keys.json"


def copy_database(url: str, target: Path) -> None:
    """As it is at one moment. Raises StoreUnavailable, ConfigError (pg-dump-missing)."""
    parsed = parse_url(url)
    file = file_of(parsed)
    if file is None:
        _run("pg_dump", parsed, ["--format=custom", "--no-owner", f"--file={target}"])
        target.chmod(0o600)
        return
    if not file.exists():
        raise StoreUnavailable(f"there is no database {file}", remedy="start the engine once, it makes one")
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.close(handle)
    source, copy = sqlite3.connect(file, timeout=30.0), sqlite3.connect(target)
    try:
        # In one step: readers of a WAL hold up no writer, and a copy in several would begin anew at every write.
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file
        found = copy.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the database {file} cannot be copied: {error}") from error
    finally:
        source.close()
        copy.close()
    if found != "ok":
        raise StoreUnavailable(f"the database {file} is damaged: {found}", remedy="restore the backup before this one")


def fill_database(url: str, dump: Path, *, force: bool) -> None:
    """Put a dump into an empty PostgreSQL database; ``force``: in the place of what is there. Raises ConfigError
    (database-not-empty, engine-running, pg-dump-missing), StoreUnavailable."""
    import psycopg

    parsed = parse_url(url)
    dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
            others = connection.execute(
                "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
                " and backend_type = 'client backend'"
            ).fetchone()
    except psycopg.Error as error:
        message = f"the database cannot be reached: {str(error).splitlines()[0]}"
        raise StoreUnavailable(message, remedy="make it with `createdb`, and start its server") from error
    where = parsed.render_as_string(hide_password=True)
    if others and others[0]:
        message = f"somebody is connected to {where}"
        raise ConfigError(message, code="engine-running", remedy="stop all engines that use it")
    if tables and tables[0] and not force:
        message = f"the database {where} is not empty"
        raise ConfigError(message, code="database-not-empty", remedy="name an empty one, or say --force")
    _run("pg_restore", parsed, ["--no-owner", "--clean", "--if-exists", "--exit-on-error", "--single-transaction",
                                f"--dbname={parsed.database}", str(dump)])  # fmt: skip


def _run(program: str, url: URL, options: list[str]) -> None:
    """The password goes by the environment: others see the arguments of a process."""
    found = shutil.which(program)
    if found is None:
        raise ConfigError(
            f"{program} is not installed, and a PostgreSQL database cannot be copied without it",
            code="pg-dump-missing",
            remedy="install PostgreSQL's client programs of the server's version (Debian: postgresql-client-15)",
        )
    told = {"PGHOST": url.host or url.query.get("host"), "PGPORT": url.port, "PGUSER": url.username,
            "PGPASSWORD": url.password, "PGDATABASE": url.database, "PGCONNECT_TIMEOUT": 5}  # fmt: skip
    environment = {**os.environ, **{name: str(value) for name, value in told.items() if value}}
    try:
        subprocess.run([found, *options], env=environment, check=True, capture_output=True, timeout=_DUMP_S)
    except subprocess.CalledProcessError as error:
        says = error.stderr.decode(errors="replace").strip().splitlines()
        raise StoreUnavailable(f"{program}: {says[-1] if says else f'exit status {error.returncode}'}") from error
    except subprocess.TimeoutExpired as error:
        raise StoreUnavailable(f"{program} did not end within {_DUMP_S} s") from error
