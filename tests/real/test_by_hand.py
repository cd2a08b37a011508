"""What agents do by hand, on a real switch: dial, keys, mute, pauses of the recording, park and pick up. Each is
answered 200, so the switch has said that it is done; and who hears whom is listened to."""

from __future__ import annotations

from pathlib import Path

from .audio import loudest, read_wav, share_of
from .engine import EngineProcess
from .esl import wait_until
from .media import Media, tone_frame
from .records import record_of, sealed
from .switch import RealSwitch
from .test_agents import (
    CALLER_HZ,
    CLEAR,
    HEARD,
    TALK,
    VOICES_HZ,
    Agent,
    call_of,
    engine,
    heard_for,
    pytestmark,
    ua_agent,
)
from .test_permanent_legs import caller
from .trunk import FakeCarrier
from .ua import Phone

__all__ = ["engine", "pytestmark"]

NUMBER = "13800000042"
LATER_HZ = 1_300


def unheard(media: Media, hertz: int) -> None:
    """The voice is gone, for a second on end."""
    wait_until(lambda: share_of(media.pcm()[-TALK:], hertz) < HEARD / 10, 30, "silence", 0.2)


def done(agent: Agent, contact: str, command: str, body: object = None) -> None:
    agent.do(contact, command, body)
    assert agent.status == 200, f"{command} is not confirmed"


def test_dial_keys_and_mute(engine: EngineProcess, real_switch: RealSwitch, carrier: FakeCarrier) -> None:
    earlier = len(carrier.calls)
    with ua_agent(engine, real_switch, "anna") as (anna, desk_phone):
        made = anna.ask("POST", "/v1/me/dial", {"to": {"number": NUMBER}})
        assert anna.status == 200
        contact = made["contact"]
        at_desk, far = desk_phone.wait_call(), carrier.wait_call(nth=earlier + 1)
        assert anna.talking() == contact
        at_desk.media.voice, far.media.voice = tone_frame(VOICES_HZ["anna"]), tone_frame(CALLER_HZ)
        heard_for(far.media, VOICES_HZ["anna"])
        heard_for(at_desk.media, CALLER_HZ)
        done(anna, contact, "dtmf", {"digits": "12#"})
        wait_until(lambda: far.media.pressed == "12#", 30, "the keys, as RFC 2833 events", 0.1)
        done(anna, contact, "mute", {"on": True})
        unheard(far.media, VOICES_HZ["anna"])
        heard_for(at_desk.media, CALLER_HZ)
        done(anna, contact, "mute", {"on": False})
        heard_for(far.media, VOICES_HZ["anna"])
        done(anna, contact, "hangup")
        far.wait_finished()
        if anna.contacts():
            anna.do(contact, "finish")
    record = record_of(engine, call_of(contact))
    assert (record["caller"], [leg["role"] for leg in record["legs"]]) == ("138****0042", ["caller", "agent"])


def test_a_pause_is_not_in_the_recording(engine: EngineProcess, real_switch: RealSwitch, tmp_path: Path) -> None:
    """Before and after the pause the caller hums one tone, in it another."""
    with ua_agent(engine, real_switch, "anna") as (anna, desk_phone), Phone("13800000043") as phone:
        dialog = caller(phone, real_switch)
        anna.ready()
        contact = anna.talking()
        at_desk = desk_phone.wait_call()
        dialog.media.voice = tone_frame(CALLER_HZ)
        heard_for(at_desk.media, CALLER_HZ)
        done(anna, contact, "pause-recording", {"on": True})
        dialog.media.voice = tone_frame(LATER_HZ)
        heard_for(at_desk.media, LATER_HZ)
        dialog.media.voice = tone_frame(CALLER_HZ)
        heard_for(at_desk.media, CALLER_HZ)
        done(anna, contact, "pause-recording", {"on": False})
        heard_for(at_desk.media, CALLER_HZ)
        done(anna, contact, "hangup")
        anna.do(contact, "finish")
        dialog.hang_up()
    [tape] = record_of(engine, call_of(contact))["recordings"]
    assert len(tape["paused"]) == 1
    pcm = read_wav(sealed(engine, tape, tmp_path / "paused.wav"))
    assert loudest(pcm, CALLER_HZ) > CLEAR
    assert loudest(pcm, LATER_HZ) < CLEAR / 10


def test_a_parked_caller_is_picked_up(engine: EngineProcess, real_switch: RealSwitch) -> None:
    """By a colleague who is not READY."""
    with (
        ua_agent(engine, real_switch, "anna") as (anna, desk_phone),
        ua_agent(engine, real_switch, "ben") as (ben, second_phone),
        Phone("13800000044") as phone,
    ):
        dialog = caller(phone, real_switch)
        anna.ready()
        contact = anna.talking()
        desk_phone.wait_call().media.voice = tone_frame(VOICES_HZ["anna"])
        heard_for(dialog.media, VOICES_HZ["anna"])
        done(anna, contact, "park")
        parked = parked_one(engine)
        assert parked != contact
        ben.ask("POST", f"/v1/contacts/{parked}/pick-up")
        assert ben.talking() == parked
        second_phone.wait_call().media.voice = tone_frame(VOICES_HZ["ben"])
        heard_for(dialog.media, VOICES_HZ["ben"])
        done(ben, parked, "hangup")
        anna.do(contact, "finish")
        ben.do(parked, "finish")
        dialog.hang_up()


def parked_one(engine: EngineProcess) -> str:
    """The contact that is parked, as soon as there is one."""
    found: list[str] = []

    def there() -> bool:
        items = engine.get("/v1/contacts")["items"]
        found[:] = [one["contact"] for one in items if one["activity"] == "parked"]
        return bool(found)

    wait_until(there, 30, "one to pick up", 0.2)
    return found[0]
