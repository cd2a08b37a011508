"""Listening on one switch, in virtual time: every wait ends, and nothing that comes late is taken for the next."""

from __future__ import annotations

import pytest

from cti.core.events import Heard
from cti.switch.speech.ears import CLOSE_S, GRACE_S
from tests.switch.speech.earkit import MATCH, UUID, Switch, switch

__all__ = ["switch"]  # the fixture


def test_a_result(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.wait(2)
    switch.detected("begin-speaking")
    switch.wait(7)  # longer than silence may last
    switch.detected("detected-speech", MATCH)
    assert switch.heard == [(9.0, Heard(1, "heard", "一 三 八", 0.9))]
    assert switch.orders == ["listen", "stop"]
    switch.detected("closed")
    switch.wait(60)
    assert len(switch.heard) == 1
    assert switch.ears.idle()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("Completion-Cause: 001", "heard"),
        ("Completion-Cause: 002", "silence"),
        ("Completion-Cause: 006", "unavailable"),
        ("rubbish", "unavailable"),
    ],
)
def test_other_results(switch: Switch, body: str, outcome: str) -> None:
    switch.listen()
    switch.begun()
    switch.detected("detected-speech", body)
    assert switch.heard == [(0.0, Heard(1, outcome))]


def test_silence_that_the_engine_does_not_tell(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.wait(60)
    assert switch.outcomes() == [(5.0 + GRACE_S, "silence")]
    assert switch.ears.idle()


def test_an_engine_that_does_not_announce_speech_has_its_whole_time() -> None:
    switch = Switch(announces=False)
    switch.listen()
    switch.begun()
    switch.wait(60)
    assert switch.outcomes() == [(15.0, "silence")]


def test_speech_without_a_result_is_no_match(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.detected("begin-speaking")
    switch.wait(60)
    assert switch.heard == [(15.0, Heard(1, "heard"))]


def test_recordings_have_bugs_too(switch: Switch) -> None:
    switch.listen()
    switch.tell("MEDIA_BUG_START", Media_Bug_Function="session_record")
    switch.begun(bug=False)
    switch.probed()
    assert switch.outcomes() == [(0.0, "unavailable")]


def test_a_key_stops_it_and_what_comes_then_is_nobodys(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.ears.stop(UUID, 7)  # another's number
    assert switch.orders == ["listen"]
    switch.ears.stop(UUID, 1)
    assert switch.orders == ["listen", "stop"]
    switch.detected("detected-speech", MATCH)
    switch.wait(60)
    assert switch.heard == []
    assert switch.ears.idle()


def test_the_next_begins_after_the_last_word_of_the_one_before(switch: Switch) -> None:
    """Recorded: `closed` comes after the beginning of the next, where both are sent together."""
    switch.listen()
    switch.begun()
    switch.ears.stop(UUID, 1)
    switch.listen(2)
    assert switch.orders == ["listen", "stop"]
    switch.detected("detected-speech", MATCH)
    switch.detected("closed")
    assert switch.orders == ["listen", "stop", "listen"]
    switch.begun()
    assert switch.heard == []
    switch.detected("detected-speech", MATCH)
    assert [heard.ref for _, heard in switch.heard] == [2]


def test_the_last_word_is_not_waited_for_without_end(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.ears.stop(UUID, 1)
    switch.listen(2)
    switch.wait(CLOSE_S)
    assert switch.orders == ["listen", "stop", "listen"]


def test_stopped_before_it_began(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.ears.stop(UUID, 1)
    switch.listen(2)
    switch.ears.stop(UUID, 2)
    switch.wait(60)
    assert switch.orders == ["listen", "stop"]
    assert switch.ears.idle()


def test_a_second_listener_takes_the_place_of_the_first(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.listen(2)
    switch.detected("closed")
    switch.begun()
    switch.detected("detected-speech", MATCH)
    assert [heard.ref for _, heard in switch.heard] == [2]


@pytest.mark.parametrize("when", ["begun", "stopped", "next"])
def test_the_caller_hangs_up(switch: Switch, when: str) -> None:
    switch.listen()
    switch.begun()
    if when != "begun":
        switch.ears.stop(UUID, 1)
    if when == "next":
        switch.listen(2)
    sent = len(switch.sent)
    switch.ears.forget(UUID)
    assert switch.ears.idle()
    switch.detected("detected-speech", MATCH)
    switch.wait(60)
    assert (switch.heard, len(switch.sent)) == ([], sent)
