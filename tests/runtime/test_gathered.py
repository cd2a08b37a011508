"""Reads that many ask for at once: few, whole, and none older than the question."""

from __future__ import annotations

from collections.abc import Collection

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.errors import StoreUnavailable
from cti.runtime.gathered import Gathered


class Shelf:
    """Answers when a test lets it."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.open, self.fails = Flag(), False

    def read(self, keys: Collection[str]) -> dict[str, str]:
        self.asked.append(sorted(keys))
        self.open.wait()
        if self.fails:
            raise StoreUnavailable("gone")
        return {key: key.upper() for key in keys if key != "none"}


def ask(gathered: Gathered[str], *keys: str) -> list[gevent.Greenlet[[str], str | None]]:
    found = [gevent.spawn(gathered.get, key) for key in keys]
    gevent.sleep(0)
    gevent.sleep(0)
    return found


def test_what_is_asked_while_one_reads_is_read_together_next() -> None:
    shelf = Shelf()
    gathered = Gathered(shelf.read, most=3)
    asked = ask(gathered, "a")
    asked += ask(gathered, "b", "c", "none", "d", "b", "a")
    shelf.open.set()
    gevent.joinall(asked, timeout=60)
    assert [one.value for one in asked] == ["A", "B", "C", None, "D", "B", "A"]
    assert shelf.asked == [["a"], ["b", "c", "none"], ["a", "d"]]  # the second `a` is not told what was read before it


def test_who_waits_for_a_read_that_fails_is_told_and_the_next_one_is_tried() -> None:
    shelf = Shelf()
    shelf.fails = True
    shelf.open.set()
    gathered = Gathered(shelf.read, most=3)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            gathered.get("a")
    shelf.fails = False
    assert gathered.get("a") == "A"
