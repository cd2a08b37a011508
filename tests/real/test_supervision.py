"""What a supervisor whispers is on no track of the customer: not on the line, and not in the recording of the call.

Everybody hums a tone of their own; who is in a recording is read off its spectrum.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from cti.core.legs import MonitorStarted
from tests.contract.desk import Desk
from tests.contract.legs_desk import LegsDesk, Person
from tests.contract.real_rig import HEARD, RealCaller, RealPhone, RealRig
from tests.contract.rig import wait_for

from .audio import share_of
from .switch import RealSwitch

pytestmark = pytest.mark.real
RECORD_S = 1.2


@pytest.fixture
def legs(real_switch: RealSwitch) -> Iterator[LegsDesk]:
    rig = RealRig(real_switch)
    desk = Desk(rig)
    desk.open()
    legs = LegsDesk(desk)
    yield legs
    legs.close()
    rig.tidy()
    desk.close()
    desk.links.stop()


def in_recording(legs: LegsDesk, of: Person, people: list[Person]) -> list[bool]:
    """Record the call of a leg for a while; who of ``people`` is to be heard in it, on any channel of the file."""
    for person in people:
        assert isinstance(person.on, RealCaller | RealPhone)
        _ = person.on.media  # hums from now on
    path = Path(legs.rig.folder) / f"{uuid4()}.wav"
    legs.desk.api("uuid_record", of.leg, "start", str(path))
    legs.desk.settle(RECORD_S)
    legs.desk.api("uuid_record", of.leg, "stop", str(path))
    wait_for(path.exists, "the recording")
    legs.desk.settle(0.3)
    with wave.open(str(path)) as file:
        channels, samples = file.getnchannels(), np.frombuffer(file.readframes(file.getnframes()), np.int16)
        assert file.getframerate() == 8000
    assert len(samples) > 4000
    found = []
    for person in people:
        assert isinstance(person.on, RealCaller | RealPhone)
        tracks = [samples[channel::channels][2000:] for channel in range(channels)]
        found.append(any(share_of(track, person.on.hertz) > HEARD for track in tracks))
    return found


def test_the_recording_of_the_call_holds_no_whisper(legs: LegsDesk) -> None:
    caller, agent, supervisor = legs.caller(), legs.agent("1001"), legs.agent("1002")
    people = [caller, agent, supervisor]
    legs.talk(caller, agent)
    legs.legs.monitor(supervisor.leg, agent.leg, "whisper")
    legs.wait(MonitorStarted(supervisor.leg, agent.leg))
    wait_for(lambda: legs.rig.hears(agent.on, supervisor.on), "the agent hears the whisper")
    assert in_recording(legs, caller, people) == [True, True, False]
    legs.legs.monitor(supervisor.leg, agent.leg, "barge")
    wait_for(lambda: legs.rig.hears(caller.on, supervisor.on), "the caller hears it too")
    assert in_recording(legs, caller, people) == [True, True, True]


def test_a_held_caller_is_not_in_the_consultation(legs: LegsDesk) -> None:
    caller, agent, expert = legs.caller(), legs.agent("1001"), legs.agent("1002")
    legs.talk(caller, agent)
    legs.legs.hold(caller.leg, ["tone_stream://%(1000,0,3050)"])
    legs.talk(agent, expert)
    assert in_recording(legs, agent, [caller, agent, expert]) == [False, True, True]
    assert in_recording(legs, caller, [agent, expert]) == [False, False]
