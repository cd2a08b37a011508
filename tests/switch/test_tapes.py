"""Recordings of a call as states: what the switch is told, again after a gap. On switches: tests/contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from cti import esl
from cti.esl import Frame
from cti.switch import orders
from cti.switch.hearing import Leg
from cti.switch.links.errors import LinkLost
from cti.switch.links.pending import Pending
from cti.switch.tapes import Tapes

UUID, PATH = "4e6b1d6e-0000-0000-0000-000000000001", "/recordings/one.wav"


@dataclass
class ScriptedLinks:
    """Answers +OK while ``connected``, or what ``answers`` has for an action; ``mute``: the answer is lost."""

    connected: bool = True
    mute: bool = False
    said: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    def submit_api(self, command: str, uuid: str, action: str, path: str) -> Pending[Frame]:
        assert (command, uuid, path) == ("uuid_record", UUID, PATH)
        if not self.connected:
            raise LinkLost("down")
        self.said.append(action)
        reply: Pending[Frame] = Pending()
        if not self.mute:
            text = self.answers.get(action, "+OK Success\n")
            head = f"Content-Type: api/response\nContent-Length: {len(text)}\n\n"
            (frame,) = esl.FrameParser().feed(f"{head}{text}".encode())
            reply.succeed(frame)
        return reply


@dataclass
class Failures:
    actions: list[str] = field(default_factory=list)

    def recording_failed(self, uuid: str, action: str) -> None:
        self.actions.append(action)


class Machine(Tapes):
    def __init__(self) -> None:
        self.leg = Leg(UUID, None)  # type: ignore[arg-type]
        self.legs = {UUID: self.leg}
        self.script = ScriptedLinks()
        self.failures = Failures()
        self.links: Any = self.script
        self._sink: Any = self.failures

    def gap(self, *during: str) -> list[str]:
        """The link is lost, orders are given meanwhile, the link is back; what is said then."""
        self.script.connected = False
        for order in during:
            method, _, argument = order.partition(" ")
            getattr(self, f"{method}_recording")(UUID, *([argument == "on"] if argument else []))
        self.script.connected = True
        before = len(self.script.said)
        self.sync_tapes(self.leg)
        return self.script.said[before:]


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_what_was_ordered_in_a_gap_is_said_after_it(machine: Machine) -> None:
    machine.start_recording(UUID, PATH)
    machine.mask_recording(UUID, True)
    machine.pause_recording(UUID, True)
    assert machine.gap("mask off", "pause off") == ["unmask", "resume"]
    assert machine.gap("mask on") == ["mask", "resume"]
    assert machine.gap("stop") == ["stop"]
    assert machine.failures.actions == []


def test_a_start_that_may_not_have_arrived_is_said_again_with_its_mask(machine: Machine) -> None:
    machine.script.mute = True
    machine.start_recording(UUID, PATH)
    machine.mask_recording(UUID, True)
    machine.script.mute = False
    assert machine.gap() == ["start", "mask"]


def test_a_recording_that_never_began_and_is_called_off_has_not_failed(machine: Machine) -> None:
    machine.leg.answer_wanted = True
    machine.start_recording(UUID, PATH)
    machine.stop_recording(UUID)
    assert (machine.script.said, machine.leg.tapes, machine.failures.actions) == ([], [], [])


@pytest.mark.parametrize("action", ["start", "mask"])
def test_a_refusal_is_told_once(machine: Machine, action: str) -> None:
    machine.script.answers[action] = f"-ERR Cannot {action} recording session!\n"
    machine.start_recording(UUID, PATH)
    machine.mask_recording(UUID, True)
    machine.pause_recording(UUID, True)
    assert machine.failures.actions == ["start" if action == "start" else "ended"]


def test_a_call_that_is_gone_has_no_recording_that_failed(machine: Machine) -> None:
    machine.script.answers["start"] = "-ERR Cannot locate session!\n"
    machine.start_recording(UUID, PATH)
    assert machine.failures.actions == []


def test_a_raw_film_is_never_opened_without_parameters() -> None:
    """mod_fsv 1.10.12 would end the switch."""
    assert orders.joined(["/a.fsv"]) == "{no_video_decode=false}/a.fsv"
    assert orders.joined(["/a.wav", "/B.FSV"]) == "file_string:///a.wav!{no_video_decode=false}/B.FSV"
    assert orders.joined(["/a.wav"]) == "/a.wav"
