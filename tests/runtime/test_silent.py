"""A caller of whom nothing comes, and who hears a long announcement."""

from __future__ import annotations

from cti.core import commands as cmd
from cti.core import events as ev
from cti.runtime.silent import ANSWER_S, MOST, SilentStay


def test_a_long_announcement_is_heard_to_its_end_and_may_be_answered() -> None:
    stay = SilentStay(100.0, 0.0)
    stay.did(cmd.Play(1, ()), 10.0)
    assert stay.left_s(99.0) == 1.0
    assert stay.left_s(150.0) == ANSWER_S, "it is looked at again"
    stay.heard(ev.PlayEnded(1), 200.0)
    assert stay.left_s(200.0) == ANSWER_S
    assert stay.left_s(200.0 + ANSWER_S) == 0.0
    stay.heard(ev.DigitPressed("1"), 220.0)
    assert stay.left_s(220.0) == 100.0


def test_announcements_one_after_the_other_are_no_way_to_stay() -> None:
    stay = SilentStay(100.0, 0.0)
    for ref in range(1, 5):
        stay.did(cmd.Play(ref, ()), 30.0 * ref)
        stay.heard(ev.PlayEnded(ref), 30.0 * ref + 25.0)
    assert stay.left_s(145.0) == 115.0 + ANSWER_S - 145.0, "after the third, in which the time was over"


def test_one_that_never_ends_is_no_way_either() -> None:
    stay = SilentStay(100.0, 0.0)
    stay.did(cmd.Play(1, ()), 10.0)
    assert stay.left_s(MOST * 100.0 - 5.0) == 5.0
    assert stay.left_s(MOST * 100.0) == 0.0
