"""One handler's queue: order, gaps, holding back, ending."""

from __future__ import annotations

import gevent

from cti.switch.links.mailbox import Mailbox, breathe
from tests.switch.links.scripted import LIMIT_S, eventually


def test_in_order_and_one_at_a_time() -> None:
    seen: list[str] = []

    def handle(item: int) -> None:
        seen.append(f"<{item}")
        gevent.sleep(0)
        seen.append(f"{item}>")

    box = Mailbox(handle, limit=100)
    for number in range(20):
        box.put(number)
        if number % 3 == 0:
            gevent.sleep(0)
    box.close()
    assert box.join(LIMIT_S)
    assert seen == [mark for number in range(20) for mark in (f"<{number}", f"{number}>")]


def test_after_the_first_drop_everything_is_dropped_until_the_gap_was_told() -> None:
    seen: list[str] = []

    def handle(item: str) -> None:
        seen.append(item)
        if item == "second":
            box.put("too early")

    box = Mailbox(handle, limit=2, on_overflow=lambda missing: seen.append(f"gap of {missing}"))
    for item in ("first", "second", "dropped"):
        box.put(item)
    box.close()
    assert box.join(LIMIT_S)
    assert seen == ["first", "second", "gap of 2"]


def test_hold_takes_effect_between_two_items() -> None:
    seen: list[int] = []

    def handle(item: int) -> None:
        seen.append(item)
        if item == 1:
            box.hold()

    box = Mailbox(handle, limit=100)
    for number in range(5):
        box.put(number)
    eventually(lambda: seen == [0, 1])
    box.put(5)
    breathe()
    assert (seen, len(box)) == ([0, 1], 4)
    box.close()  # a held one keeps what it has
    assert not box.join(0.01)
    box.release()
    assert box.join(LIMIT_S)
    assert seen == [0, 1, 2, 3, 4, 5]


def test_closed_it_takes_nothing_and_killed_it_forgets() -> None:
    seen: list[int] = []
    box = Mailbox(seen.append, limit=10)
    box.put(1)
    box.close()
    box.put(2)
    assert box.join(LIMIT_S)
    killed = Mailbox(seen.append, limit=10)
    killed.hold()
    killed.put(3)
    killed.kill()
    assert killed.join(LIMIT_S)
    assert seen == [1]
    assert Mailbox(seen.append, limit=1).join(0)  # never used


def test_failures_are_counted_and_do_not_stop_it() -> None:
    def handle(item: int) -> None:
        if item % 2:
            raise ValueError("a bug")

    box = Mailbox(handle, limit=10, on_overflow=lambda missing: 1 / 0)
    for number in range(12):
        box.put(number)
    box.close()
    assert box.join(LIMIT_S)
    assert (box.failed, box.dropped) == (5, 2)


def test_breathe_lets_due_timers_run() -> None:
    ticks: list[int] = []
    gevent.spawn_later(0, ticks.append, 1)
    breathe()
    breathe()
    assert ticks == [1]
