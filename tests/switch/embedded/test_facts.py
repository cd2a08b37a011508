"""Behaviour of a real switch that was tried but not recorded: the engine leans on it."""

from __future__ import annotations

from cti.switch.embedded.caller import VirtualCaller
from cti.switch.embedded.channel import Channel
from tests.switch.embedded.lab import Lab, Wire
from tests.switch.embedded.reading import events, messages

NAMES = "event plain CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE PLAYBACK_STOP CHANNEL_PARK CHANNEL_UNBRIDGE DTMF\n\n"


def parked() -> tuple[Lab, Wire, Channel]:
    lab = Lab()
    caller = VirtualCaller("2000", "6000", context="public")
    caller.place(lab.core)
    lab.clock.run_for(0.1)
    assert caller.channel is not None
    return lab, lab.login(NAMES), caller.channel


def execute(wire: Wire, channel: Channel, ref: str, arg: str, lock: bool = False) -> None:
    wire.send(
        f"sendmsg {channel.uuid}\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: {arg}\n"
        f"event-uuid: {ref}\n{'event-lock: true' if lock else 'x: y'}\n\n",
        0.1,
    )


def completed(wire: Wire) -> list[tuple[str, str]]:
    found = events(list(messages(wire.take())))
    return [
        (event["Application-UUID"], event["Application-Response"])
        for event in found
        if event["Event-Name"] == "CHANNEL_EXECUTE_COMPLETE"
    ]


def test_one_break_ends_both_nested_playbacks() -> None:
    lab, wire, channel = parked()
    execute(wire, channel, "music", "tone_stream://%(10000,0,300)")
    execute(wire, channel, "announcement", "tone_stream://%(5000,0,400)")
    lab.api(f"uuid_break {channel.uuid}")
    lab.clock.run_for(0.2)
    assert completed(wire) == [("announcement", "FILE PLAYED"), ("music", "FILE PLAYED")]


def test_an_announcement_inside_music_completes_and_the_music_goes_on() -> None:
    lab, wire, channel = parked()
    execute(wire, channel, "music", "tone_stream://%(3000,0,300)")
    execute(wire, channel, "announcement", "tone_stream://%(1000,0,400)")
    lab.clock.run_for(1.0)
    assert completed(wire) == [("announcement", "FILE PLAYED")]
    lab.clock.run_for(3.0)
    assert completed(wire) == [("music", "FILE PLAYED")]


def test_break_all_drops_locked_executes_without_a_completion() -> None:
    lab, wire, channel = parked()
    for ref in ("first", "second", "third"):
        execute(wire, channel, ref, "tone_stream://%(2000,0,300)", lock=True)
    lab.api(f"uuid_break {channel.uuid} all")
    lab.clock.run_for(5)
    assert completed(wire) == [("first", "FILE PLAYED")]


def test_a_broadcast_waits_for_locked_music() -> None:
    lab, wire, channel = parked()
    execute(wire, channel, "music", "tone_stream://%(1000,0,300)", lock=True)
    lab.api(f"uuid_broadcast {channel.uuid} tone_stream://%(100,0,300)")
    lab.clock.run_for(0.5)
    assert completed(wire) == []
    lab.clock.run_for(2)
    assert [response for _, response in completed(wire)] == ["FILE PLAYED", "FILE PLAYED"]


def test_digits_pass_while_nothing_stops_for_them() -> None:
    lab, wire, channel = parked()
    lab.api(f"uuid_setvar {channel.uuid} playback_terminators none")
    execute(wire, channel, "long", "tone_stream://%(1000,0,300)")
    lab.core.type_keys(channel, "1")
    lab.clock.run_for(0.05)
    told = [event["Event-Name"] for event in events(list(messages(wire.take())))]
    assert told == ["CHANNEL_EXECUTE", "DTMF"]


def test_park_timeout_counts_whole_seconds_and_clears_park_after_bridge() -> None:
    lab, _wire, channel = parked()
    lab.api(f"uuid_setvar_multi {channel.uuid} park_timeout=3:USER_BUSY;park_after_bridge=true")
    lab.api(f"uuid_transfer {channel.uuid} 6000 XML public")
    lab.clock.run_for(0.1)
    assert "park_after_bridge" not in channel.variables
    lab.clock.run_for(2.9)
    assert channel.hangup_cause == "USER_BUSY"


def test_an_execute_costs_one_media_frame() -> None:
    lab, wire, channel = parked()
    started = lab.clock.now()
    wire.send(f"sendmsg {channel.uuid}\ncall-command: execute\nexecute-app-name: set\nexecute-app-arg: a=1\n\n")
    lab.clock.run_while(lambda: channel.variables.get("a") != "1", 1.0)
    assert 0.0 < lab.clock.now() - started <= 0.021
    assert lab.api(f"uuid_setvar {channel.uuid} b 2") == "+OK\n"
    assert channel.variables["b"] == "2"


def test_heartbeats_come_at_their_interval() -> None:
    lab = Lab()
    wire = lab.login("event plain HEARTBEAT\n\n")
    lab.clock.run_for(61)
    assert wire.take().count(b"Event-Info: System%20Ready") == 3
