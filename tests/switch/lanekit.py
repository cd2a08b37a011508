"""A lane over a wire that keeps what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import gevent
import pytest
from gevent.event import Event as Flag

from cti import esl
from cti.core.errors import CtiError
from cti.esl import Frame
from cti.switch import lane as lanes
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
        with gevent.Timeout(3, AssertionError("not in time")):
            while len(self.said) < count:
                self.changed.clear()
                self.changed.wait()

    def happens(self, attribute: str) -> None:
        with gevent.Timeout(3, AssertionError("not in time")):
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
