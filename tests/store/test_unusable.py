"""A database that cannot be used at all is named, with the remedy, and left as it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from cti.core.errors import ConfigError, CtiError, StoreUnavailable
from tests.store.conftest import Folder
from tests.store.test_trouble import folder
from tests.store.troublekit import expected, ids, locked, put_calls

__all__ = ["folder"]  # the fixture


def refused(folder: Folder, kind: type[CtiError], match: str, **options: Any) -> None:
    with pytest.raises(kind, match=match) as error:
        folder.open(**options)
    assert error.value.remedy


def test_urls_and_folders_that_cannot_work_are_named_with_the_remedy(folder: Folder) -> None:
    refused(
        folder, ConfigError, "folder .*/none of the database does not exist", url=f"sqlite:///{folder.path}/none/x.db"
    )
    for url in ("sqlite://", "sqlite:///:memory:", "mysql://x/y", "nonsense", ""):
        refused(folder, ConfigError, "store", url=url) if "sqlite" not in url else refused(
            folder, ConfigError, "in memory", url=url
        )
    refused(folder, ConfigError, "no driver", url="postgresql+nosuchdriver://host/db")
    assert list(folder.path.iterdir()) == []


def test_a_file_that_is_no_database_is_left_as_it_is(folder: Folder) -> None:
    folder.db.write_bytes(b"these are my notes, not a database. " * 100)
    before = folder.db.read_bytes()
    refused(folder, StoreUnavailable, "is not a database")
    assert folder.db.read_bytes() == before


def test_a_damaged_database_is_named(folder: Folder) -> None:
    store = folder.open()
    put_calls(store, range(50))
    assert store.close(5.0)
    content = bytearray(folder.db.read_bytes())
    content[4096 : len(content)] = b"\xa5" * (len(content) - 4096)
    folder.db.write_bytes(content)
    refused(folder, StoreUnavailable, "is damaged")


def test_a_read_only_database_is_refused_at_start_and_readable(folder: Folder) -> None:
    store = folder.open()
    put_calls(store, range(3))
    assert store.close(5.0)
    url = f"sqlite:///file:{folder.db}?mode=ro&uri=true"
    with pytest.raises(StoreUnavailable, match="is read-only"):
        folder.open(url=url).flush(1.0)
    assert ids(folder.open(url=url, read_only=True)) == expected(range(3))


def test_a_folder_in_place_of_the_file_cannot_be_opened(folder: Folder) -> None:
    folder.db.mkdir()
    refused(folder, StoreUnavailable, "cannot be opened")


def test_a_locked_database_at_start_is_named(folder: Folder) -> None:
    assert folder.open().close(5.0)
    with closing(sqlite3.connect(folder.db)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE")
    with locked(folder.db):
        refused(folder, StoreUnavailable, "is locked by another process")


def test_a_newer_schema_and_a_foreign_database_are_not_touched(folder: Folder) -> None:
    assert folder.open().close(5.0)
    with closing(sqlite3.connect(folder.db)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(folder, ConfigError, "schema 9999, newer than this program knows")
    refused(folder, ConfigError, "schema 9999, this program reads", read_only=True)
    foreign = folder.path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as connection, connection:
        connection.execute("CREATE TABLE calls (x)")
    refused(folder, ConfigError, "belongs to another program", url=f"sqlite:///{foreign}")
    with closing(sqlite3.connect(foreign)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("calls",)]


def test_reading_a_database_that_went_away_is_an_error_in_time(folder: Folder) -> None:
    store = folder.open()
    folder.db.unlink()
    folder.db.mkdir()
    with pytest.raises(StoreUnavailable):
        store.list_calls(limit=1)
