"""Whose record is not asked for: calls that an engine met while the store was away, which died with what it kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from .witness import Witness


def event(name: str, uuid: str) -> Any:
    return SimpleNamespace(name=name, get={"Unique-ID": uuid}.get)


@pytest.mark.parametrize(("since", "served"), [(90.0, 0.0), (70.0, 10.0), (40.0, 40.0), (20.0, 50.0), (0.0, 70.0)])
def test_how_long_an_engine_has_had_its_links(since: float, served: float) -> None:
    time: Any = SimpleNamespace(now=100.0)
    witness = Witness(time)
    witness._served = [(0.0, 30.0), (40.0, 80.0)]
    assert witness.served_s(since) == served


@pytest.mark.parametrize(
    ("came", "served", "asked_for"),
    [
        (40.0, [(0.0, 80.0)], True),
        (55.0, [(0.0, 80.0)], False),
        (40.0, [(0.0, 30.0), (54.0, 80.0)], False),  # the network was silent, and the engine met it late
        (40.0, [(0.0, 30.0), (45.0, 80.0)], True),
        (40.0, [(0.0, 30.0), (45.0, 48.0), (54.0, 80.0)], True),
    ],
)
def test_when_an_engine_met_a_call_decides(came: float, served: list[tuple[float, float]], asked_for: bool) -> None:
    time: Any = SimpleNamespace(now=came)
    witness = Witness(time)
    witness.deliver(event("CHANNEL_PARK", "c1"))
    time.now = 60.0
    witness.deliver(event("CHANNEL_DESTROY", "c1"))
    witness._served = served
    witness.excuse(50.0)
    assert witness.met == ({"c1"} if asked_for else set())
