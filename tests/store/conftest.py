"""Stores on real SQLite files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.store import SqlStore, WriterSettings, open_store

Opener = Callable[..., SqlStore]


class Folder:
    """A folder with one database, opened as often as a test likes; whatever is open at the end is closed. ``busy_s``:
    how long a write waits for another one, however loaded the machine is."""

    def __init__(self, path: Path, busy_s: float = 30.0) -> None:
        self.path, self.busy_s = path, busy_s
        self.db, self.ring = path / "cti.db", path / "keys.json"
        self.spill, self.rejected = path / "cti.db.spill.jsonl", path / "cti.db.rejected.jsonl"
        self._open: list[SqlStore] = []

    def open(self, **options: Any) -> SqlStore:
        options.setdefault("busy_s", self.busy_s)
        quick = WriterSettings(gather_s=0.001, retry_first_s=0.01, retry_most_s=0.02)
        options.setdefault("settings", quick)
        store = open_store(options.pop("url", f"sqlite:///{self.db}"), self.ring, **options)
        self._open.append(store)
        return store

    def close(self) -> None:
        for store in self._open:
            store.close(1.0)

    def forget(self, store: SqlStore) -> None:
        self._open.remove(store)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    found = Folder(tmp_path)
    yield found
    found.close()


@pytest.fixture
def store(folder: Folder) -> SqlStore:
    return folder.open()
