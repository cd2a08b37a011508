"""Virtual callers and phones, the shipped dialplan's choices, and calls that meet each other."""

from __future__ import annotations

import pytest

from cti.switch.embedded.caller import VirtualCaller
from cti.switch.embedded.core import SwitchConfig
from cti.switch.embedded.dialplan import PlatformDialplan
from cti.switch.embedded.media import open_media, text_duration
from cti.switch.embedded.phones import BUSY, NO_ANSWER, PhoneBehaviour, VirtualPhone
from cti.switch.embedded.script import HangUp, Hear, Keys, Quiet, Wait, parse_script
from tests.switch.embedded.lab import Lab
from tests.switch.embedded.reading import events, messages

PLATFORM = SwitchConfig(
    seed=3, phones=(VirtualPhone("1001"), VirtualPhone("1002", BUSY), VirtualPhone("1003", NO_ANSWER))
)


def platform(*alive: int, config: SwitchConfig = PLATFORM) -> Lab:
    lab = Lab(config)
    for slot in alive:
        lab.core.set_global(f"cti_alive_{slot}", "1")
    return lab


def dial(lab: Lab, caller: VirtualCaller) -> VirtualCaller:
    return lab.call(caller.called, caller=caller)


def execute(lab: Lab, caller: VirtualCaller, app: str, arg: str = "") -> None:
    assert caller.channel is not None
    lab.login().send(
        f"sendmsg {caller.channel.uuid}\ncall-command: execute\nexecute-app-name: {app}\nexecute-app-arg: {arg}\n\n",
        0.05,
    )


def test_calls_spread_over_the_live_slots_and_only_those() -> None:
    lab = platform(1, 3)
    workers = []
    for n in range(200):
        caller = dial(lab, VirtualCaller(str(n), "95001"))
        workers.append(caller.channel.variables["presence_data"] if caller.channel else "")
    assert set(workers) == {"1", "3"}
    assert 60 < workers.count("1") < 140


def test_without_an_engine_the_caller_hears_why_and_people_answer() -> None:
    lab = platform()
    caller = dial(lab, VirtualCaller("13800000000", "95001", hangup_after_s=20))
    lab.clock.run_for(15)
    assert "say:cti:en:" + caller.log[0].text == PlatformDialplan().apology
    assert caller.channel is not None
    assert caller.channel.variables["cti_emergency"] == "true"
    assert caller.channel.bridged
    lab.clock.run_for(10)
    assert caller.cause == "NORMAL_CLEARING"


def test_the_guard_sends_a_forgotten_call_to_people() -> None:
    lab = platform(0)
    caller = dial(lab, VirtualCaller("13800000000", "95001"))
    lab.clock.run_for(29)
    assert caller.channel is not None
    assert caller.channel.parked
    lab.clock.run_for(3)
    assert caller.channel.profile.context == "emergency"


def test_a_caller_follows_a_script_to_the_end() -> None:
    lab = platform(0)
    script = [Hear("welcome"), Keys("1"), Hear("account"), Wait(0.5), Keys("42#", 0.1), Quiet(1.0), HangUp()]
    caller = dial(lab, VirtualCaller("2000", "95001", script=script))
    wire = lab.login("event plain DTMF CHANNEL_HANGUP\n\n")
    lab.clock.run_for(0.1)
    execute(lab, caller, "answer")
    execute(lab, caller, "playback", "say:cti:en:Welcome to us")
    lab.clock.run_for(3)
    execute(lab, caller, "playback", "say:cti:en:Your account number please")
    lab.clock.run_for(6)
    told = events(list(messages(wire.take())))
    assert [event.get("DTMF-Digit", event["Event-Name"]) for event in told] == ["1", "4", "2", "#", "CHANNEL_HANGUP"]
    assert caller.cause == "NORMAL_CLEARING"


def test_barge_in_is_heard_as_an_interruption() -> None:
    lab = platform(0)
    caller = dial(lab, VirtualCaller("2000", "95001"))
    lab.clock.run_for(0.1)
    execute(lab, caller, "answer")
    execute(lab, caller, "playback", "say:cti:en:" + "long text " * 20)
    lab.clock.run_for(1.0)
    assert caller.channel is not None
    lab.api(f"uuid_break {caller.channel.uuid}")
    lab.clock.run_for(0.1)
    assert caller.log[0].interrupted
    assert caller.log[0].duration_s == pytest.approx(1.07, abs=0.1)


def test_uuid_bridge_then_the_agent_hangs_up_and_the_caller_is_parked_again() -> None:
    lab = platform(2, config=SwitchConfig(seed=3, phones=(VirtualPhone("1001", PhoneBehaviour(hangup_after=5)),)))
    caller = dial(lab, VirtualCaller("2000", "95001"))
    assert caller.channel is not None
    wire = lab.login("event plain CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_PARK CHANNEL_HANGUP BACKGROUND_JOB\n\n")
    execute(lab, caller, "answer")
    wire.send("bgapi originate {origination_uuid=agent-1,presence_data=2}user/1001 &park\n\n", 1.0)
    wire.send(f"api uuid_bridge {caller.channel.uuid} agent-1\n\n", 8.0)
    names = [event["Event-Name"] for event in events(list(messages(wire.take())))]
    assert names == [
        "BACKGROUND_JOB",
        "CHANNEL_PARK",
        "CHANNEL_BRIDGE",
        "CHANNEL_HANGUP",
        "CHANNEL_UNBRIDGE",
        "CHANNEL_PARK",
    ]
    assert caller.channel.parked
    assert not caller.cause


@pytest.mark.parametrize(
    ("dial_string", "disposition"),
    [
        ("user/1002", "USER_BUSY"),
        ("user/9999", "SUBSCRIBER_ABSENT"),
        ("nosuch/1", "CHAN_NOT_IMPLEMENTED"),
        ("sofia/gateway/nosuch/1", "INVALID_GATEWAY"),
        ("error/CALL_REJECTED", "CALL_REJECTED"),
        ("[leg_timeout=1]user/1003", "NO_ANSWER"),
        ("user/1002,user/1003|user/1001", "SUCCESS"),
        ("sofia/gateway/trunk/13900000000", "SUCCESS"),
        ("{", "CHAN_NOT_IMPLEMENTED"),
    ],
)
def test_dial_strings(dial_string: str, disposition: str) -> None:
    lab = platform(0)
    caller = dial(lab, VirtualCaller("2000", "95001"))
    execute(lab, caller, "answer")
    assert caller.channel is not None
    lab.api(f"uuid_setvar {caller.channel.uuid} call_timeout 5")
    execute(lab, caller, "bridge", dial_string)
    lab.clock.run_for(10)
    assert caller.channel.variables["originate_disposition"] == disposition
    assert not caller.cause


def test_the_first_of_two_phones_wins_and_the_other_stops_ringing() -> None:
    slow = VirtualPhone("1002", PhoneBehaviour(answer_after=3))
    lab = platform(0, config=SwitchConfig(phones=(VirtualPhone("1001"), slow)))
    caller = dial(lab, VirtualCaller("2000", "95001"))
    execute(lab, caller, "answer")
    execute(lab, caller, "bridge", "user/1001,user/1002")
    lab.clock.run_for(2)
    assert caller.channel is not None
    assert caller.channel.bridged
    assert slow.calls[0].cause == "LOSE_RACE"


def test_a_hang_up_while_ringing_cancels_the_phone() -> None:
    lab = platform(0)
    caller = dial(lab, VirtualCaller("2000", "95001"))
    execute(lab, caller, "answer")
    execute(lab, caller, "bridge", "user/1003")
    lab.clock.run_for(1)
    caller.hangup()
    lab.clock.run_for(1)
    assert lab.core.directory.phones["1003"].calls[-1].cause == "ORIGINATOR_CANCEL"
    assert lab.core.channels == {}


def test_user_text_runs_nothing() -> None:
    lab = platform(0)
    caller = dial(lab, VirtualCaller("2000", "95001", name="x%0AEvent-Name: CHANNEL_HANGUP\n${system(id)}"))
    wire = lab.login("event plain ALL\n\n")
    execute(lab, caller, "set", "who=${caller_id_name}")
    raw = wire.take()
    assert b"\nEvent-Name: CHANNEL_HANGUP\n" not in raw
    assert caller.channel is not None
    assert "uid=" not in caller.channel.variables["who"]


def test_thousand_calls_leave_nothing_behind() -> None:
    lab = platform(0, 1, 2, 3)
    callers = [dial(lab, VirtualCaller(str(n), "95001", hangup_after_s=5 + n % 7)) for n in range(1000)]
    lab.clock.run_for(20)
    assert {caller.cause for caller in callers} == {"ORIGINATOR_CANCEL"}
    assert lab.core.channels == {}
    assert lab.core.tasks.tasks == {}


def test_durations() -> None:
    assert text_duration("余额") == pytest.approx(0.4)
    assert text_duration("balance") == pytest.approx(0.42)
    assert open_media("tone_stream://%(200,50,800);loops=2") is not None
    assert [piece.text for piece in open_media("file_string://say:cti:en:Hi! You!say:cti:zh:你好") or []] == [
        "Hi! You",
        "你好",
    ]
    assert open_media("/nowhere/x.wav") is None
    assert open_media("x" * 5000) is None


def test_scripts_from_json() -> None:
    assert parse_script(["12#", 1.5, "h", {"hear": "pin"}, {"keys": "9", "gap": 1}, {"quiet": 2}]) == [
        Keys("12#"), Wait(1.5), HangUp(), Hear("pin"), Keys("9", 1.0), Quiet(2.0),
    ]  # fmt: skip
