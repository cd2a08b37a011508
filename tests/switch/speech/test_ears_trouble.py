"""Listening that does not begin, or goes wrong: each is known in time."""

from __future__ import annotations

from typing import Any

import pytest

from cti.switch.links.errors import LinkLost
from cti.switch.speech.ears import CLOSE_S, GRACE_S
from tests.switch.speech.earkit import MATCH, UUID, Reply, Switch, switch

__all__ = ["switch"]  # the fixture


def test_no_such_engine_is_known_at_once(switch: Switch) -> None:
    switch.listen()
    switch.wait(0.1)
    switch.begun(bug=False)
    assert switch.outcomes() == []
    switch.probed()
    assert switch.outcomes() == [(0.1, "unavailable")]
    assert switch.ears.idle()
    assert switch.orders == ["listen", "stop"]


def test_a_refused_grammar_is_known_at_once(switch: Switch) -> None:
    """As recorded: START, STOP, the completion, closed."""
    switch.listen()
    switch.tell("MEDIA_BUG_START", Media_Bug_Function="detect_speech")
    switch.tell("MEDIA_BUG_STOP", Media_Bug_Function="detect_speech")
    switch.begun(bug=False)
    switch.detected("closed")
    assert switch.outcomes() == [(0.0, "unavailable")]
    switch.wait(CLOSE_S)
    assert switch.ears.idle()


def test_a_session_of_an_earlier_engine_is_stopped_first(switch: Switch) -> None:
    """It would go on with our grammar, and no START is told; what it says is nobody's."""
    switch.listen()
    switch.detected("detected-speech", MATCH)
    switch.begun(bug=False)
    switch.tell("MEDIA_BUG_STOP", Media_Bug_Function="detect_speech")
    switch.probed()
    switch.detected("detected-speech", MATCH)
    assert switch.orders == ["listen", "stop"]
    switch.detected("closed")
    assert switch.orders == ["listen", "stop", "listen"]
    switch.begun()
    assert switch.heard == []
    switch.detected("detected-speech", MATCH)
    assert switch.outcomes() == [(0.0, "heard")]


def test_the_link_is_lost_before_the_probe(switch: Switch) -> None:
    switch.listen()
    switch.up = False
    switch.begun(bug=False)
    switch.wait(60)
    assert switch.outcomes() == [(5.0 + GRACE_S, "unavailable")]


def test_an_engine_that_gives_up(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.tell("MEDIA_BUG_STOP", Media_Bug_Function="detect_speech")
    switch.detected("closed")
    assert switch.outcomes() == [(0.0, "unavailable")]


@pytest.mark.parametrize("told", ["nothing", "refusal", "lost"])
def test_no_word_of_the_beginning(switch: Switch, told: str) -> None:
    switch.listen()
    if told == "refusal":
        switch.replies[0].succeed(Reply("-ERR invalid session handle specified"))
    elif told == "lost":
        switch.up = False
        switch.replies[0].fail(LinkLost("gone"))
    switch.wait(60)
    assert switch.outcomes() == [(0.0 if told == "refusal" else 5.0 + GRACE_S, "unavailable")]


def test_the_link_is_down(switch: Switch) -> None:
    switch.up = False
    switch.listen()
    assert switch.outcomes() == [(0.0, "unavailable")]


@pytest.mark.parametrize(("expects", "language"), [("phone", "fr-FR"), ("duration", "zh-CN")])
def test_what_nobody_understands(expects: str, language: str) -> None:
    switch = Switch(grammar="inline")
    switch.listen(expects=expects, language=language)
    assert (switch.outcomes(), switch.orders) == ([(0.0, "unavailable")], [])


def test_the_link_was_lost_in_between(switch: Switch) -> None:
    """Silence after a gap may have been speech."""
    switch.listen()
    switch.begun()
    switch.up = False
    switch.wait(1)
    switch.up, switch.epoch = True, 2
    switch.wait(60)
    assert switch.outcomes() == [(5.0 + GRACE_S, "unavailable")]


def test_a_result_after_the_gap_counts(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.epoch = 2
    switch.detected("detected-speech", MATCH)
    assert switch.outcomes() == [(0.0, "heard")]


def test_what_could_not_be_stopped_is_stopped_before_the_next(switch: Switch) -> None:
    switch.listen()
    switch.begun()
    switch.up = False
    switch.ears.stop(UUID, 1)
    switch.up, switch.epoch = True, 2
    switch.listen(2)
    assert switch.orders == ["listen", "stop"]
    switch.detected("closed")
    assert switch.orders == ["listen", "stop", "listen"]


def test_a_grammar_that_cannot_be_written_leaves_the_keys(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    switch = Switch(grammar="srgs", folder=tmp_path / "file" / "x")
    switch.listen()
    assert switch.outcomes() == [(0.0, "unavailable")]
    assert "cannot be written" in caplog.text
