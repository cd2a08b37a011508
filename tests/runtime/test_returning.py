"""Who comes back to a queue after the end of an engine is let in by rank, however each was read."""

from __future__ import annotations

from typing import Any

import pytest

from cti.core.commands import EnterQueue
from cti.runtime.floor.returning import Returning
from cti.runtime.floor.stays import Stay
from cti.runtime.queues import Entrant

SWITCH: Any = None  # music is not this one's


def came_back(returning: Returning, *ranks: float) -> None:
    for rank in ranks:
        add(returning, Stay(f"c{rank:g}", "service", 0.0, rank, 0))


def add(returning: Returning, stay: Stay) -> None:
    returning.add(Entrant(stay.contact, SWITCH, EnterQueue(1, "service"), lambda _: None, True, stay), stay)


def test_the_one_who_waits_longest_is_let_in_first() -> None:
    entered: list[str] = []
    returning = Returning(lambda who: entered.append(who.uuid))
    returning.settling = lambda: True
    came_back(returning, 20.0, 10.0, 30.0)
    assert entered == []
    returning.let_in()
    assert entered == ["c10", "c20", "c30"]


@pytest.mark.parametrize("read", [(1, 2, 3), (3, 1, 2)])
def test_who_came_in_the_same_instant_keeps_the_order(read: tuple[int, ...]) -> None:
    """A process that was stopped hears of several callers in one."""
    entered: list[str] = []
    returning = Returning(lambda who: entered.append(who.uuid))
    returning.settling = lambda: True
    for number in read:
        kept = Stay(f"c{number}", "service", 0.0, 10.0, 0, number=number).state(20.0 + number)
        add(returning, Stay.of(kept, 20.0 + number))
    returning.let_in()
    assert entered == ["c1", "c2", "c3"]


def test_where_nobody_else_is_to_come_each_is_let_in_at_once() -> None:
    entered: list[str] = []
    came_back(Returning(lambda who: entered.append(who.uuid)), 20.0, 10.0)
    assert entered == ["c20", "c10"]


def test_who_has_left_meanwhile_is_not_let_in() -> None:
    entered: list[str] = []
    returning = Returning(lambda who: entered.append(who.uuid))
    returning.settling = lambda: True
    came_back(returning, 20.0, 10.0)
    returning.forget("c10")
    returning.let_in()
    assert (entered, returning.find("c20")) == (["c20"], None)
