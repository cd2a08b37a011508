"""An agent whose phone is rung once, at sign-in, on a real switch: two contacts by that one call."""

from __future__ import annotations

from .audio import loudness
from .engine import EngineProcess
from .esl import wait_until
from .media import tone_frame
from .switch import RealSwitch
from .test_agents import CALLER_HZ, VOICES_HZ, WHISPERED, Agent, engine, heard_for, pytestmark, ua_agent
from .ua import Dialog, Phone

__all__ = ["engine", "pytestmark"]


def offered(agent: Agent) -> str:
    """The contact that is offered, as soon as there is one."""
    wait_until(lambda: [one["activity"] for one in agent.contacts()] == ["ringing"], 30, "an offer", 0.2)
    return str(agent.contacts()[0]["contact"])


def caller(phone: Phone, switch: RealSwitch) -> Dialog:
    """Somebody who has pressed the key for a person."""
    dialog = phone.call("4000", switch.conf.trunks_port)
    dialog.wait_answered()
    dialog.media.wait_audio(0.3, 10)
    dialog.press("0")
    return dialog


def test_two_contacts_and_one_invite(engine: EngineProcess, real_switch: RealSwitch) -> None:
    with ua_agent(engine, real_switch, "anna") as (anna, desk_phone):
        anna.ask("POST", "/v1/me/sign-out", {})
        anna.ask("POST", "/v1/me/sign-in", {"remote_answer": "permanent_leg"})
        leg = desk_phone.wait_call(1)
        wait_until(
            lambda: anna.ask("GET", "/v1/me")["work"]["permanent_leg"] == {"state": "open", "reason": ""},
            10, "the leg is open", 0.2,
        )  # fmt: skip
        for turn in range(2):
            with Phone(f"1380000001{turn}") as phone:
                dialog = caller(phone, real_switch)
                anna.ready()
                contact = offered(anna)
                quiet = len(leg.media.pcm())
                anna.do(contact, "answer")
                assert anna.talking() == contact
                assert loudness(leg.media.pcm()[quiet:]) > WHISPERED
                dialog.media.voice, leg.media.voice = tone_frame(CALLER_HZ), tone_frame(VOICES_HZ["anna"])
                heard_for(dialog.media, VOICES_HZ["anna"])
                heard_for(leg.media, CALLER_HZ)
                if turn == 0:
                    anna.do(contact, "hangup")
                else:
                    dialog.hang_up()
                wait_until(lambda: [one["state"] for one in anna.contacts()] in (["WORK"], []), 30, "no talk", 0.2)
                if anna.contacts():
                    anna.do(contact, "finish", {})
                dialog.hang_up()
        assert len(desk_phone.calls) == 1
        assert not leg.finished.is_set()
        anna.ask("PUT", "/v1/me/state", {"state": "NOT_READY", "reason": "end"})
        anna.ask("POST", "/v1/me/sign-out", {})
        leg.wait_finished()
