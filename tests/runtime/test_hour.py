"""A small centre's hour in seconds, over the whole engine: every contact is in the counts, once, and as it ended.

The large one is `scripts/bench hour`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.hour import Hour


@pytest.fixture
def hour(tmp_path: Path) -> Iterator[Hour]:
    """400 times as fast: nine seconds; a talk lasts 0.45 s, and the work after it one."""
    running = Hour(tmp_path, agents=50, contacts=150, factor=400)
    yield running
    running.close()


def test_an_hour_with_a_change_of_shift_reconciles(hour: Hour) -> None:
    found = hour.run()
    assert found.wrong == [], found
    # How many of each depends on the machine: on a slow one more callers lose patience. Some of both there must be.
    assert found.counts["answered"] > 5
    assert found.counts["abandoned"] > 5
