"""The state machine for long, by seeded chance: 50,000 events in every run, a million every night."""

from __future__ import annotations

import pytest

from cti.acd.states import Outcome
from tests.acd.floorchance import drive


def run(seed: int, events: int, every: int) -> None:
    told, books = drive(seed, events, every)
    assert told >= events
    assert set(books.ended) == set(Outcome), "every ending was met"
    assert sum(books.handled.values()) > events / 200, "and talks were had"


@pytest.mark.parametrize("seed", range(5))
def test_ten_thousand_events(seed: int) -> None:
    run(seed, 10_000, every=3)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 120))
def test_a_million_events(seed: int) -> None:
    """In twenty parts."""
    run(seed, 50_000, every=10)
