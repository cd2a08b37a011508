"""Listening on one switch, in virtual time: every wait ends, and nothing that comes late is taken for the next."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cti.core.commands import Listen
from cti.core.events import Heard
from cti.switch.links.errors import LinkLost
from cti.switch.links.pending import Pending
from cti.switch.speech import Engine
from cti.switch.speech.ears import CLOSE_S, GRACE_S, Ears

UUID = "11111111-2222-3333-4444-555555555555"
MATCH = '{"text": "一 三 八", "confidence": 90}'


class Event(dict[str, str]):
    """As `cti.esl.Event`."""

    def __init__(self, name: str, body: str = "", **headers: str) -> None:
        super().__init__({key.replace("_", "-"): value for key, value in headers.items()})
        self.name, self.body = name, body


class Reply:
    def __init__(self, reply: str) -> None:
        self.reply = reply


class Timer:
    def __init__(self, work: Callable[[], Any]) -> None:
        self.work, self.dead = work, False

    def kill(self, *, block: bool = True) -> None:
        self.dead = True


class Switch:
    """Plays both the wire and the clock."""

    def __init__(self, **engine: Any) -> None:
        self.up, self.epoch, self.now = True, 1, 0.0
        self.sent: list[tuple[str, str]] = []
        self.replies: list[Pending[Any]] = []
        self.heard: list[tuple[float, Heard]] = []
        self._agenda: list[tuple[float, int, Timer]] = []
        params: Mapping[str, Any] = {"grammar": "builtin", **engine}
        self.ears = Ears(self, Engine("test", **params), later=self.later)  # type: ignore[arg-type]

    def later(self, seconds: float, work: Callable[..., Any], *arguments: Any) -> Timer:
        timer = Timer(lambda: work(*arguments))
        heapq.heappush(self._agenda, (self.now + seconds, len(self._agenda), timer))
        return timer

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._agenda)
            if not timer.dead:
                timer.work()
        self.now = until

    def run(self, uuid: str, application: str, argument: str) -> tuple[str, Pending[Any]]:
        if not self.up:
            raise LinkLost("the link is down")
        assert (uuid, application) == (UUID, "detect_speech")
        token = f"t.{len(self.sent)}"
        self.sent.append((token, argument))
        self.replies.append(Pending())
        return token, self.replies[-1]

    # ---- the caller's and the engine's part ----

    def listen(self, ref: int = 1, expects: str = "phone", language: str = "zh-CN") -> None:
        wanted = Listen(ref, expects, language, (), 5.0, 10.0)
        self.ears.listen(UUID, wanted, lambda heard: self.heard.append((self.now, heard)))

    def tell(self, name: str, body: str = "", **headers: str) -> None:
        self.ears.on_event(Event(name, body, Unique_ID=UUID, **headers))  # type: ignore[arg-type]

    def begun(self, *, bug: bool = True) -> None:
        """The last order to listen is carried out."""
        token = [token for token, argument in self.sent if argument != "stop"][-1]
        if bug:
            self.tell("MEDIA_BUG_START", Media_Bug_Function="detect_speech")
        self.tell("CHANNEL_EXECUTE_COMPLETE", Application_UUID=token)

    def probed(self) -> None:
        """The stop that shows whether another session is there is carried out."""
        assert self.sent[-1][1] == "stop"
        self.tell("CHANNEL_EXECUTE_COMPLETE", Application_UUID=self.sent[-1][0])

    def detected(self, kind: str, body: str = "", **headers: str) -> None:
        self.tell("DETECTED_SPEECH", body, Speech_Type=kind, **headers)

    @property
    def orders(self) -> list[str]:
        return ["stop" if argument == "stop" else "listen" for _, argument in self.sent]

    def outcomes(self) -> list[tuple[float, str]]:
        return [(at, heard.outcome) for at, heard in self.heard]


@pytest.fixture
def switch() -> Switch:
    return Switch()


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


def test_recordings_have_bugs_too(switch: Switch) -> None:
    switch.listen()
    switch.tell("MEDIA_BUG_START", Media_Bug_Function="session_record")
    switch.begun(bug=False)
    switch.probed()
    assert switch.outcomes() == [(0.0, "unavailable")]


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


def test_a_grammar_that_cannot_be_written_leaves_the_keys(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    switch = Switch(grammar="srgs", folder=tmp_path / "file" / "x")
    switch.listen()
    assert switch.outcomes() == [(0.0, "unavailable")]
    assert "cannot be written" in caplog.text
