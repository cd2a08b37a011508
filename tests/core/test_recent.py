"""What is remembered for a while, on a clock of the test's own."""

from __future__ import annotations

from cti.core.recent import Recent


class Now:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_an_entry_is_forgotten_when_its_time_is_over_and_the_next_one_comes() -> None:
    now = Now()
    recent: Recent[str, int] = Recent(10.0, now)
    recent.put("a", 1)
    now.at = 9.0
    recent.put("b", 2)
    assert recent.get("a") == 1
    now.at = 10.0
    recent.put("c", 3)
    assert ("a" in recent, recent.get("a"), recent.get("b"), recent.forgotten) == (False, None, 2, 1)


def test_an_entry_that_is_put_again_begins_anew() -> None:
    now = Now()
    recent: Recent[str, int] = Recent(10.0, now)
    recent.put("a", 1)
    now.at = 8.0
    recent.put("a", 2)
    now.at = 17.0
    recent.put("b", 0)
    assert recent.get("a") == 2


def test_what_is_still_wanted_stays_for_as_long_again() -> None:
    now, wanted = Now(), {"a"}
    recent: Recent[str, int] = Recent(10.0, now, keeps=lambda key: key in wanted)
    recent.put("a", 1)
    now.at = 11.0
    recent.put("b", 0)
    assert recent.get("a") == 1
    wanted.clear()
    now.at = 20.0
    recent.put("c", 0)
    assert recent.get("a") == 1, "asked again only after as long"
    now.at = 21.0
    recent.put("d", 0)
    assert ("a" in recent, "b" in recent) == (False, False)


def test_there_are_at_most_so_many() -> None:
    recent: Recent[int, int] = Recent(10.0, Now(), most=3)
    for number in range(5):
        recent.put(number, number)
    assert (len(recent), [number for number in range(5) if number in recent]) == (3, [2, 3, 4])
