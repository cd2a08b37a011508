"""One small platform on the embedded switch, for all of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.faults.house import House, Plan, house


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    plan = Plan(calls=5, switch="embedded", database="sqlite", disk=False)
    with house(tmp_path_factory.mktemp("chaos"), plan) as running:
        yield running
        pids = [running.engine.pid]
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
