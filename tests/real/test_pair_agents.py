"""Agents beside a pair of switches: a talk, a held call and a conference at the death of the active switch, with the
engine beside it; the standby's engine has each contact at its agent (docs/failover.md).
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from .engine import EngineProcess
from .esl import wait_until
from .media import tone_frame
from .records import record_of
from .test_agents import Agent, add_agents, call_of, heard_for, reconcile
from .test_pair import Pair, _write_flows, database, pair
from .test_resume_agents import kept_at
from .ua import Dialog, Phone

__all__ = ["database", "pair"]
pytestmark = [pytest.mark.real, pytest.mark.nightly]

EXTENSIONS = {"talker": "1011", "holder": "1012", "chair": "1013", "expert": "1014"}
HERTZ = {"talker": 500, "holder": 600, "chair": 900, "expert": 1100}
CALLER_HZ = 700
QUEUE = "{agents: [], wrapup_s: 600}"


@dataclass
class Seat:
    """An agent with a phone; once there is a talk: its caller, the contact, and the call at the desk."""

    agent: Agent
    phone: Phone
    caller: Dialog | None = None
    contact: str = ""

    @property
    def at_desk(self) -> Dialog:
        return self.phone.wait_call(1)

    def has(self) -> list[tuple[str, str]]:
        return [(one["contact"], one["activity"]) for one in self.agent.contacts()]

    def speak(self) -> None:
        self.at_desk.media.voice = tone_frame(HERTZ[self.agent.name])


def _engine(pair: Pair, folder: Path, *, standby: bool = False) -> EngineProcess:
    engine = EngineProcess(pair.standby if standby else pair.active, folder)
    engine.config.write_text(engine.config.read_text().replace("{agents: [1011]}", QUEUE))
    return engine


def _sits(stack: ExitStack, pair: Pair, engine: EngineProcess, name: str) -> Seat:
    extension = EXTENSIONS[name]
    phone = stack.enter_context(Phone(extension, password=pair.active.conf.phones[extension]))
    assert phone.register(pair.active.conf.phones_port) == 200
    return Seat(Agent(engine, name, extension), phone)


def _talks(stack: ExitStack, pair: Pair, seat: Seat, number: str) -> None:
    """With a caller of the queue, each hearing the other."""
    customer = stack.enter_context(Phone(number))
    seat.agent.ready()
    seat.caller = customer.call("102", pair.active.conf.trunks_port)
    seat.caller.wait_answered(30)
    seat.contact = seat.agent.talking()
    seat.agent.ask("PUT", "/v1/me/next", {"state": "NOT_READY", "reason": "study"})
    seat.caller.media.voice = tone_frame(CALLER_HZ)
    seat.speak()
    heard_for(seat.caller.media, HERTZ[seat.agent.name])


def _has_talked(stack: ExitStack, pair: Pair) -> tuple[Dialog, str]:
    """Somebody in the menu of a flow after a talk, and the uuid."""
    person = stack.enter_context(Phone("1002", password=pair.active.conf.phones["1002"]))
    assert person.register(pair.active.conf.phones_port) == 200
    customer = stack.enter_context(Phone("13800000089"))
    with pair.active.tap() as tap:
        dialog = customer.call("103", pair.active.conf.trunks_port)
        uuid = tap.wait_name("CHANNEL_PARK", 30, Caller_Destination_Number="103").get("Unique-ID")
        tap.wait_name("CHANNEL_BRIDGE", 30, Unique_ID=uuid)
        person.wait_call().hang_up()
        tap.wait_name("CHANNEL_UNBRIDGE", 30, Unique_ID=uuid)
        tap.wait_name("PLAYBACK_START", 30, Unique_ID=uuid)
    return dialog, uuid


def test_what_agents_have_goes_on_beside_the_standby(pair: Pair, tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    _write_flows(folder)
    first = _engine(pair, folder)
    with ExitStack() as stack:
        stack.callback(first.stop)
        first.start()
        add_agents(first, EXTENSIONS)
        seats = {name: _sits(stack, pair, first, name) for name in EXTENSIONS}
        talker, holder, chair, expert = (seats[name] for name in EXTENSIONS)
        for number, seat in enumerate((talker, holder, chair)):
            _talks(stack, pair, seat, f"1380000008{number}")
        after, after_uuid = _has_talked(stack, pair)
        holder.agent.do(holder.contact, "hold")
        expert.agent.ready()
        chair.agent.do(chair.contact, "consult", {"to": {"agent": expert.agent.extension}})
        expert.contact = expert.agent.talking()
        expert.speak()
        chair.agent.do(chair.contact, "conference")
        assert chair.caller is not None
        heard_for(chair.caller.media, HERTZ["expert"])
        had = {name: seat.has() for name, seat in seats.items()}
        assert [one[0][1] for one in had.values()] == ["talking", "held", "conference", "conference"]
        for seat in (talker, holder, chair):
            assert kept_at(first, seat.contact) > 0
            pair.tracked(call_of(seat.contact))
        wait_until(lambda: pair.ask("SELECT count(*) FROM recovery") == "8", 30, "all legs are in the core database")

        pair.active.kill()
        first.kill()
        with pair.standby.tap() as tap:
            assert "Recovered 8 call(s)" in pair.take_over()
            second = _engine(pair, folder, standby=True)
            stack.callback(second.stop)
            second.start()
            tap.wait_name("PLAYBACK_START", 30, Unique_ID=after_uuid)  # the menu after the talk, again
        # Whoever is not in a talk is taken to people where no engine comes.
        guarded = re.findall(r"sched_transfer\((.*)\)", pair.standby.log())
        assert guarded == ["+30 9999 XML emergency"] * 3
        assert not after.finished.is_set()
        after.hang_up()
        for seat in seats.values():
            seat.phone.password = pair.standby.conf.phones[seat.agent.extension]
            assert seat.phone.register(pair.standby.conf.phones_port) == 200
            seat.agent.engine = second
        wait_until(lambda: {name: seat.has() for name, seat in seats.items()} == had, 40, "each has what each had", 0.3)
        _go_on(talker, holder, chair, expert)
        wait_until(lambda: not any(seat.has() for seat in seats.values()), 30, "no work is left", 0.3)
        second.finished(4, 30)
        reconcile(second)
    for seat in (talker, holder, chair):
        record = record_of(second, call_of(seat.contact))
        assert [gap["how"] for gap in record["gaps"]] == ["resumed"]


def _go_on(talker: Seat, holder: Seat, chair: Seat, expert: Seat) -> None:
    """Who heard whom hears whom, and each ends with the agent's work done."""
    assert talker.caller is not None
    assert holder.caller is not None
    assert chair.caller is not None
    heard_for(talker.caller.media, HERTZ["talker"])
    heard_for(talker.at_desk.media, CALLER_HZ)
    holder.agent.do(holder.contact, "retrieve")
    heard_for(holder.caller.media, HERTZ["holder"])
    heard_for(holder.at_desk.media, CALLER_HZ)
    for voice in ("chair", "expert"):
        heard_for(chair.caller.media, HERTZ[voice])
    for seat in (chair, expert):
        heard_for(seat.at_desk.media, CALLER_HZ)
    chair.agent.do(chair.contact, "drop")
    assert chair.has() == [(chair.contact, "talking")]
    heard_for(chair.caller.media, HERTZ["chair"])
    for seat in (talker, holder, chair):
        seat.agent.do(seat.contact, "hangup")
    for seat in (talker, holder, chair, expert):
        seat.agent.do(seat.contact, "finish", {})
    for seat in (talker, holder, chair):
        assert seat.caller is not None
        seat.caller.wait_finished(30)
