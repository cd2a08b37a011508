"""A wall clock that is set while time passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cti.store import SqlStore
from tests.runtime.accountkit import Office
from tests.store.template import copy_database

HOUR_S = 3600.0
both = pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])


@dataclass
class SetClock:
    wall: float = 1_800_000_000.0
    since_boot: float = 5_000.0

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.since_boot

    def pass_s(self, seconds: float, jump_s: float = 0.0) -> None:
        self.wall += seconds + jump_s
        self.since_boot += seconds


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    copy_database(tmp_path)
    office = Office(tmp_path)
    yield office.store
    office.close()
