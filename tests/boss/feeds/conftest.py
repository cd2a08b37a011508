"""A store of a day, and folders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.store import SqlStore
from tests.boss.feeds import day
from tests.store.conftest import Folder
from tests.store.template import copy_database


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    copy_database(tmp_path)
    (tmp_path / "out").mkdir()
    found = Folder(tmp_path)
    yield found
    found.close()


@pytest.fixture
def store(folder: Folder) -> SqlStore:
    return folder.open()


@pytest.fixture
def calls(store: SqlStore) -> SqlStore:
    """With `day.a_day_of_calls`: 10 records of 2 March."""
    day.a_day_of_calls(store)
    return store
