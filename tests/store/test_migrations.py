"""The migrations make the schema of the code, whoever starts first."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError
from sqlalchemy.schema import CreateTable

from cti.core.errors import StoreUnavailable
from cti.store.database import parse_url, unavailable
from cti.store.migrate import MIGRATIONS
from cti.store.schema import HEAD, metadata
from tests.store.conftest import Folder


def test_the_last_migration_is_the_one_that_the_code_works_on() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_migrations_and_tables_in_code_are_the_same(folder: Folder) -> None:
    assert folder.open().close(1.0)
    engine = create_engine(f"sqlite:///{folder.db}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_same_tables_can_be_made_on_postgresql() -> None:
    for table in metadata.sorted_tables:
        assert f"CREATE TABLE {table.name}" in str(CreateTable(table).compile(dialect=postgresql.dialect()))


def test_the_file_is_written_ahead_and_keys_are_held(folder: Folder) -> None:
    assert folder.open().close(1.0)
    with closing(sqlite3.connect(folder.db)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


OPEN = """
import sys
from pathlib import Path
from cti.store import open_store
folder = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
store = open_store(f"sqlite:///{folder}/cti.db", folder / "keys.json", busy_s=20.0)
print(store.close(5.0))
"""


def test_engines_that_start_together_on_nothing_all_come_up(folder: Folder) -> None:
    engines = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, str(folder.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    for engine in engines:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "ready\n"
    ended = [engine.communicate("go\n", timeout=60) for engine in engines]
    assert [out for out, _ in ended] == ["True\n"] * 4, ended


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (sqlite3.SQLITE_BUSY, "locked by another process"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked by another process"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read-only"),
        (sqlite3.SQLITE_FULL, "disk is full"),
        (sqlite3.SQLITE_IOERR_WRITE, "disk error"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_NOTADB, "not a database"),
    ],
)
def test_sqlites_codes_are_told_in_words_with_a_remedy(code: int, says: str) -> None:
    origin = sqlite3.OperationalError("whatever")
    origin.sqlite_errorcode = code
    told = unavailable(
        OperationalError("SELECT secret", {"caller": "138"}, origin), parse_url("sqlite:////data/cti.db")
    )
    assert isinstance(told, StoreUnavailable)
    assert says in told.message
    assert "/data/cti.db" in told.message
    assert told.remedy
    assert "secret" not in str(told)


def test_a_password_never_shows_in_an_error() -> None:
    told = unavailable(OSError("refused"), parse_url("postgresql+psycopg://user:hunter2@db/cti"))
    assert "hunter2" not in str(told)
    assert "db/cti" in str(told)
