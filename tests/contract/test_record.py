"""What the caller leaves behind."""

from __future__ import annotations

import wave
from pathlib import Path

from .desk import Call, Desk
from .mouths import hush

THRESHOLD = 200


def recorded_s(call: Call, path: Path, token: str) -> tuple[float, float]:
    """What the switch says and what the file holds, in seconds."""
    told = int(call.done(token).variable("record_ms") or "0") / 1000
    with wave.open(str(path)) as file:
        return told, file.getnframes() / file.getframerate()


def begun(desk: Desk) -> tuple[Call, Path]:
    call = desk.arrive()
    call.answer()
    return call, desk.rig.folder / f"{call.uuid}.wav"


def test_a_recording_ends_at_its_limit(desk: Desk) -> None:
    call, path = begun(desk)
    call.run("record", f"{path} 1", "record.1")
    told, held = recorded_s(call, path, "record.1")
    assert 0.8 < told < 8
    assert abs(told - held) < 0.3
    assert call.story()[3:] == [("RECORD_STOP", "-"), ("COMPLETE", "record", "record.1", "_none_", "false")]


def test_a_recording_ends_by_a_break(desk: Desk) -> None:
    call, path = begun(desk)
    call.run("record", f"{path} 30", "record.1")
    desk.settle(1.0)
    call.cut()
    told, held = recorded_s(call, path, "record.1")
    assert 0.7 < told < 8
    assert abs(told - held) < 0.3
    assert call.story()[3:] == [("RECORD_STOP", "-"), ("COMPLETE", "record", "record.1", "_none_", "false")]


def test_a_recording_ends_by_silence(desk: Desk) -> None:
    call, path = begun(desk)
    hush(call.caller)
    call.run("record", f"{path} 30 {THRESHOLD} 2", "record.1")
    told, held = recorded_s(call, path, "record.1")
    assert 1.0 < told < 8
    assert abs(told - held) < 0.3
    assert call.story()[3:] == [("RECORD_STOP", "-"), ("COMPLETE", "record", "record.1", "_none_", "true")]


def test_keys_are_told_while_recording_and_end_nothing(desk: Desk) -> None:
    call, path = begun(desk)
    call.run("record", f"{path} 2", "record.1")
    call.caller.press("1#")
    told, _ = recorded_s(call, path, "record.1")
    assert told > 1.3
    assert call.story()[3:] == [
        ("DTMF", "1", "RTP", "0"),
        ("DTMF", "#", "RTP", "0"),
        ("RECORD_STOP", "-"),
        ("COMPLETE", "record", "record.1", "_none_", "false"),
    ]


def test_what_was_recorded_before_the_caller_hung_up_is_kept(desk: Desk) -> None:
    call, path = begun(desk)
    call.run("record", f"{path} 30", "record.1")
    desk.settle(1.0)
    call.caller.hang_up()
    story = call.over()[3:]
    assert story == [
        ("HANGUP", "NORMAL_CLEARING"),
        ("RECORD_STOP", "-"),
        ("COMPLETE", "record", "record.1", "_none_", "false"),
        ("COMPLETE", "park", "-", "_none_"),
        ("GONE", "NORMAL_CLEARING", "NORMAL_CLEARING"),
    ]
    told, held = recorded_s(call, path, "record.1")
    assert 0.7 < told < 8
    assert abs(told - held) < 0.3


def test_a_recording_that_cannot_be_written_ends_the_call(desk: Desk) -> None:
    call, _ = begun(desk)
    call.run("record", f"{__file__}/none.wav 5", "record.1")
    assert call.over()[3:] == [
        ("HANGUP", "DESTINATION_OUT_OF_ORDER"),
        ("COMPLETE", "record", "record.1", "_none_", "-"),
        ("COMPLETE", "park", "-", "_none_"),
        ("GONE", "DESTINATION_OUT_OF_ORDER", "DESTINATION_OUT_OF_ORDER"),
    ]


def test_record_ms_is_of_this_recording_once_it_was_unset(desk: Desk) -> None:
    """`uuid_setvar <uuid> <name>` without a value unsets; a running recording has no record_ms."""
    call, path = begun(desk)
    call.run("record", f"{path} 1", "record.1")
    recorded_s(call, path, "record.1")
    assert desk.api("uuid_setvar", call.uuid, "record_ms") == "+OK"
    assert desk.api("uuid_getvar", call.uuid, "record_ms") == "_undef_"
    call.run("record", f"{path} 30", "record.2")
    desk.settle(0.5)
    assert desk.links.dump(call.uuid).variable("record_ms") is None
    call.cut()
    told, _ = recorded_s(call, path, "record.2")
    assert 0.2 < told < 8
