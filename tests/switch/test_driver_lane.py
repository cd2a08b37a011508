"""One application at a time: the lane, without a switch (the whole over a switch is tested in tests/runtime)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import gevent
import pytest
from gevent.event import Event as Flag

from cti import esl
from cti.core.errors import CtiError
from cti.esl import Frame
from cti.switch import lane as lanes
from cti.switch.driver import FreeSwitch
from cti.switch.lane import Lane
from cti.switch.links.errors import LinkLost
from cti.switch.links.pending import Pending
from cti.switch.orders import End, Facts, Kind, Order

UUID = "4e6b1d6e-0000-0000-0000-000000000001"
DONE = {"Application-Response": "FILE PLAYED"}


@dataclass
class Told:
    """An event as a mapping."""

    headers: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, /) -> str | None:
        return self.headers.get(name)

    def variable(self, name: str) -> str | None:
        return self.headers.get(f"variable_{name}")


@dataclass
class ScriptedWire:
    """Takes what a lane says, and says nothing by itself."""

    epoch: int = 1
    up: bool = True
    said: list[str] = field(default_factory=list)
    ended: list[tuple[str, int, End]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    replies: list[Pending[Frame]] = field(default_factory=list)
    refuse: CtiError | None = None
    breaks: bool = False  # the link is found to be lost with the next command
    changed: Flag = field(default_factory=Flag)

    def start(self, lane: Lane, order: Order) -> Pending[Frame]:
        if self.breaks:
            self.up = False
            raise LinkLost("gone")
        if self.refuse is not None:
            raise self.refuse
        order.token = f"{order.kind.value}.{len(self.said)}"
        self._say(f"{order.application} {order.argument}")
        self.replies.append(Pending())
        return self.replies[-1]

    def api(self, command: str, *args: str) -> None:
        self._say(" ".join((command, *args)).replace(UUID, "uuid"))

    def cut(self, lane: Lane, order: Order) -> None:
        self._say(f"cut {order.application}")

    def over(self, lane: Lane, order: Order, end: End, told: Facts | None) -> None:
        self.ended.append((order.kind.value, order.ref, end))
        self.changed.set()

    def vanished(self, lane: Lane) -> None:
        self.lost.append(lane.uuid)
        self.changed.set()

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.changed.set()

    def until(self, count: int) -> None:
        """That many commands were said."""
        with gevent.Timeout(3):
            while len(self.said) < count:
                self.changed.clear()
                self.changed.wait()

    def happens(self, attribute: str) -> None:
        with gevent.Timeout(3):
            while not getattr(self, attribute):
                self.changed.clear()
                self.changed.wait()


def play(ref: int) -> Order:
    return Order(Kind.PLAY, ref, "playback", f"prompt{ref}")


def reply(text: str) -> Frame:
    parser = esl.FrameParser()
    (frame,) = parser.feed(f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode())
    return frame


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> ScriptedWire:
    monkeypatch.setattr(lanes, "RETRY_S", 0.03)
    monkeypatch.setattr(lanes, "VANISHED_S", 0.03)
    monkeypatch.setattr(lanes, "PARK_S", 0.03)
    return ScriptedWire()


@pytest.fixture
def lane(wire: ScriptedWire) -> Iterator[Lane]:
    made = Lane(UUID, wire)
    yield made
    made.close()


def complete(lane: Lane, **headers: str) -> bool:
    assert lane.running is not None
    return lane.completed(lane.running.token, Told({**DONE, **headers}))


def test_the_second_begins_when_the_first_has_ended(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    assert wire.said == ["playback prompt1"]
    assert complete(lane)
    assert wire.said == ["playback prompt1", "playback prompt2"]
    assert wire.ended == [("play", 1, End.COMPLETED)]


def test_an_interrupted_prompt_followed_at_once_by_another(lane: Lane, wire: ScriptedWire) -> None:
    """The break may come before the first prompt has begun, and is then forgotten by the switch: it is said again,
    and the second prompt waits, so that no break can hit it."""
    lane.put(play(1))
    lane.stop(Kind.PLAY, 1)
    lane.put(play(2))
    wire.until(4)
    assert wire.said[:4] == ["playback prompt1", "uuid_break uuid", "uuid_break uuid", "uuid_break uuid"]
    assert complete(lane)
    assert wire.said[-1] == "playback prompt2"
    said = list(wire.said)
    with gevent.Timeout(0.1, False):
        Flag().wait()
    assert wire.said == said  # not broken any more


def test_an_end_that_is_never_told_is_taken_for_granted(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    lane.stop(Kind.PLAY, 1)
    wire.happens("ended")
    assert wire.ended == [("play", 1, End.OVERDUE)]
    assert wire.said.count("uuid_break uuid") == lanes.RETRIES
    assert wire.said[-1] == "playback prompt2"


def test_what_has_not_begun_is_taken_back(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    lane.stop(Kind.PLAY, 2)
    assert wire.ended == [("play", 2, End.CANCELLED)]
    complete(lane)
    assert wire.said == ["playback prompt1"]


@pytest.mark.parametrize("token", ["", "play.9", "bridge.1", "x"])
def test_an_end_of_something_else_is_not_ours(lane: Lane, wire: ScriptedWire, token: str) -> None:
    lane.put(play(1))
    assert not lane.completed(token, Told(DONE))
    assert wire.ended == []


def test_music_fills_the_pauses(lane: Lane, wire: ScriptedWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "SHORTEST_MUSIC_S", 0.0)
    lane.set_music("tune")
    complete(lane)
    lane.put(play(1))  # an announcement
    assert wire.said == ["playback tune", "playback tune", "uuid_break uuid"]
    complete(lane)
    assert wire.said[-1] == "playback prompt1"
    complete(lane)
    assert wire.said[-1] == "playback tune"
    lane.set_music(None)
    complete(lane)
    assert wire.said[-1] == "uuid_break uuid"
    assert lane.running is None


def test_music_that_cannot_be_played_is_not_tried_for_ever(lane: Lane, wire: ScriptedWire) -> None:
    lane.set_music("missing")
    complete(lane)
    assert wire.said == ["playback missing"]


def test_a_bridge_is_over_when_the_channel_parks_again(lane: Lane, wire: ScriptedWire) -> None:
    order = Order(Kind.BRIDGE, 3, "bridge", "user/1001")
    lane.put(order)
    order.joined = True
    lane.put(play(4))
    complete(lane)
    assert wire.ended == []
    lane.parked(Told())
    assert wire.ended == [("bridge", 3, End.COMPLETED)]
    assert wire.said[-1] == "playback prompt4"


def test_a_park_that_is_not_told_is_waited_for_only_so_long(lane: Lane, wire: ScriptedWire) -> None:
    order = Order(Kind.BRIDGE, 3, "bridge", "user/1001")
    lane.put(order)
    order.joined = True
    complete(lane)
    wire.happens("ended")
    assert wire.ended == [("bridge", 3, End.COMPLETED)]


def test_ringing_is_stopped_at_the_other_leg(lane: Lane, wire: ScriptedWire) -> None:
    order = Order(Kind.BRIDGE, 3, "bridge", "user/1001", other="b-leg")
    lane.put(order)
    lane.stop(Kind.BRIDGE, 3)
    wire.until(3)
    assert wire.said[:3] == [
        "bridge user/1001",
        "uuid_kill b-leg ORIGINATOR_CANCEL",
        "uuid_kill b-leg ORIGINATOR_CANCEL",
    ]


def test_while_the_link_is_down_orders_wait(lane: Lane, wire: ScriptedWire) -> None:
    wire.up = False
    lane.put(play(1))
    assert wire.said == []
    wire.up = True
    lane.settle(Told())
    assert wire.said == ["playback prompt1"]


def test_a_link_lost_while_it_is_said(lane: Lane, wire: ScriptedWire) -> None:
    wire.breaks = True
    lane.put(play(1))
    assert (wire.said, wire.ended, wire.up) == ([], [], False)
    wire.breaks, wire.up = False, True
    lane.settle(Told())
    assert wire.said == ["playback prompt1"]


ARGUMENT = {"variable_current_application": "playback", "variable_current_application_data": "prompt1"}
GAPS = {
    "it still plays": (ARGUMENT, True, [], ["playback prompt1"]),
    "it has ended": (
        {**ARGUMENT, "variable_current_application_response": "FILE PLAYED"},
        True,
        [("play", 1, End.COMPLETED)],
        ["playback prompt1"],
    ),
    "it never came through": ({"variable_current_application": "park"}, False, [], ["playback prompt1"] * 2),
    "it came through, and has not begun": ({"variable_current_application": "park"}, True, [], ["playback prompt1"]),
}


@pytest.mark.parametrize(("dump", "acknowledged", "ended", "said"), GAPS.values(), ids=list(GAPS))
def test_what_became_of_it_in_a_gap(
    lane: Lane,
    wire: ScriptedWire,
    dump: dict[str, str],
    acknowledged: bool,
    ended: list[tuple[str, int, End]],
    said: list[str],
) -> None:
    lane.put(play(1))
    if acknowledged:
        wire.replies[0].succeed(reply("+OK"))
    wire.epoch += 1
    lane.settle(Told(dump))
    assert (wire.ended, wire.said) == (ended, said)


def test_a_refused_command_has_failed(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    wire.replies[0].succeed(reply("-ERR no"))
    assert wire.ended == [("play", 1, End.FAILED)]


def test_text_that_cannot_be_said_has_failed(lane: Lane, wire: ScriptedWire) -> None:
    wire.refuse = CtiError("no", code="unsafe-text")
    lane.put(play(1))
    assert wire.ended == [("play", 1, End.FAILED)]


def test_a_channel_that_the_switch_does_not_know(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    wire.replies[0].succeed(reply(f"-ERR invalid session id [{UUID}]"))
    assert wire.ended == []
    wire.happens("lost")
    assert wire.lost == [UUID]


def test_after_the_end_nothing_is_said(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.stop(Kind.PLAY, 1)
    lane.close()
    lane.put(play(2))
    lane.set_music("tune")
    said = list(wire.said)
    with gevent.Timeout(0.1, False):
        Flag().wait()
    assert wire.said == said
    assert wire.ended == []


@pytest.mark.parametrize("told", [True, False], ids=["it has ended", "it plays on"])
def test_a_prompt_that_keys_stop_is_broken_only_if_its_end_is_not_told(
    lane: Lane, wire: ScriptedWire, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digit comes first, then the end that the switch made of it."""
    monkeypatch.setattr(lanes, "ENDS_ITSELF_S", 0.01)
    lane.put(replace(play(1), keys="12"))
    lane.stop(Kind.PLAY, 1)
    lane.put(play(2))
    assert wire.said == ["playback prompt1"]
    if told:
        complete(lane)
        assert wire.said[1:] == ["playback prompt2"]
    else:
        wire.until(2)
        assert wire.said[1:] == ["uuid_break uuid"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [(("12", "12"), ["12"]), (("12", ""), ["12", "none"]), (("", ""), ["none"])],
    ids=["the same", "none again", "none"],
)
def test_the_switch_is_told_the_keys_that_stop_what_begins(lane: Lane, keys: tuple[str, ...], said: list[str]) -> None:
    told: list[str] = []
    links = SimpleNamespace(submit_api=lambda *order: told.append(order[-1]))
    driver = SimpleNamespace(links=links, epoch=1)
    for one in keys:
        FreeSwitch._set_terminators(driver, lane, replace(play(1), keys=one))  # type: ignore[arg-type]
    assert told == said
    driver.epoch = 2  # what became of the last one in the gap is not known
    FreeSwitch._set_terminators(driver, lane, replace(play(1), keys=keys[-1]))  # type: ignore[arg-type]
    assert told == [*said, said[-1]]


# ---- taken by `uuid_bridge` ------------------------------------------------------------------------------------------


def meet() -> Order:
    return Order(Kind.MEET, 0, "uuid_bridge", "", other="agent", leg=True)


def test_a_talk_takes_the_channel_at_once(lane: Lane, wire: ScriptedWire) -> None:
    lane.set_music("music")
    talk = meet()
    lane.meet(talk)
    assert wire.said == ["playback music"]  # nothing is broken: the switch does it
    talk.joined = True
    lane.met(talk)
    lane.set_music(None)
    assert lane.running is talk
    lane.parked(Told())
    assert lane.running is None
    assert wire.ended == [("meet", 0, End.COMPLETED)]


def test_what_ran_and_what_waited_is_over_when_they_have_met(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    talk = meet()
    lane.meet(talk)
    assert wire.ended == []
    lane.met(talk)
    assert wire.ended == [("play", 1, End.OVERDUE), ("play", 2, End.CANCELLED)]


def test_what_ran_is_told_as_it_ended(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    token = lane.running.token if lane.running is not None else ""
    talk = meet()
    lane.meet(talk)
    assert lane.completed(token, Told(DONE))
    assert lane.running is talk
    lane.met(talk)
    assert wire.ended == [("play", 1, End.COMPLETED)]


def test_nothing_changes_when_the_switch_refuses(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    talk = meet()
    lane.meet(talk)
    lane.back(talk)
    assert lane.running is not None
    assert lane.running.ref == 1
    assert complete(lane)
    assert wire.said == ["playback prompt1", "playback prompt2"]


def test_a_refusal_after_the_end_of_what_ran(lane: Lane, wire: ScriptedWire) -> None:
    lane.put(play(1))
    lane.put(play(2))
    token = lane.running.token if lane.running is not None else ""
    talk = meet()
    lane.meet(talk)
    lane.completed(token, Told(DONE))
    lane.back(talk)
    assert wire.said == ["playback prompt1", "playback prompt2"]


def test_music_comes_back_after_a_talk_that_never_was(lane: Lane, wire: ScriptedWire) -> None:
    lane.set_music("music")
    talk = meet()
    lane.meet(talk)
    lane.part(talk)
    assert wire.said == ["playback music"]
    lane.parked(Told())
    assert wire.said == ["playback music", "playback music"]


def test_a_channel_that_parked_before_is_free_at_once(lane: Lane, wire: ScriptedWire) -> None:
    talk = meet()
    lane.meet(talk)
    lane.parked(Told())
    assert lane.running is talk
    lane.part(talk)
    assert lane.running is None


def test_a_park_that_is_never_told_is_taken_for_granted(lane: Lane, wire: ScriptedWire) -> None:
    talk = meet()
    lane.meet(talk)
    lane.part(talk)
    wire.happens("ended")
    assert wire.ended == [("meet", 0, End.OVERDUE)]
    assert lane.running is None


@pytest.mark.parametrize("kind", [Kind.ROOM, Kind.SPY])
def test_what_no_break_ends_is_cut(lane: Lane, wire: ScriptedWire, kind: Kind) -> None:
    lane.put(Order(kind, 0, "conference", "room", leg=True))
    lane.stop(kind, 0)
    wire.until(3)
    assert wire.said[1:3] == ["cut conference", "cut conference"]
    assert complete(lane)
