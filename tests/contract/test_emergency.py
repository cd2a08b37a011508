"""Service without the engine: nobody lives, or nobody took care of a call in time."""

from __future__ import annotations

import pytest

from cti.switch.conf import slot_variable

from .desk import SLOTS, Desk
from .rig import Treats, wait_for
from .tap import Tap

APOLOGY_S = 30.0
"""The announcement before a phone rings."""


@pytest.mark.parametrize("why", ["nobody lives", "the guard"])
def test_people_take_the_call(desk: Desk, tap: Tap, why: str) -> None:
    phone = desk.rig.phone("1001", Treats.ANSWERS)
    if why == "the guard":
        call = desk.arrive()
        uuid, caller = call.uuid, call.caller
        assert desk.api("sched_del", uuid) == "+OK Deleted: 1"
        assert desk.api("sched_transfer", "+1", uuid, "9999", "XML", "emergency") == "+OK"
    else:
        for slot in SLOTS:
            desk.api("global_setvar", f"{slot_variable(slot)}=0")
        caller = desk.rig.call("13800138000", "4000")
        uuid = tap.wait("CHANNEL_CREATE")["Unique-ID"]
    bridge = tap.wait("CHANNEL_BRIDGE", uuid, APOLOGY_S)
    assert caller.answered
    assert phone.rung == 1
    assert {name: bridge.variable(name) for name in SET} == SET
    assert bridge["Caller-Destination-Number"] == "9999"
    assert bridge["Caller-RDNIS"] == "4000"
    assert bridge["Caller-Context"] == "emergency"
    assert bridge.variable("presence_data") == ("0" if why == "the guard" else None)
    phone.hang_up()
    assert tap.wait("CHANNEL_HANGUP_COMPLETE", uuid)["Hangup-Cause"] == "NORMAL_CLEARING"
    wait_for(lambda: caller.ended, "the caller sees the end")


SET = {
    "cti_emergency": "true",
    "park_after_bridge": "false",
    "hangup_after_bridge": "true",
    "uuid_bridge_park_on_cancel": "false",
    "continue_on_fail": "true",
    "playback_terminators": "none",
}


def test_a_number_that_cannot_be_one(desk: Desk, tap: Tap) -> None:
    caller = desk.rig.call("13800138000", "sales")
    uuid = tap.wait("CHANNEL_CREATE")["Unique-ID"]
    assert tap.wait("CHANNEL_HANGUP_COMPLETE", uuid)["Hangup-Cause"] == "UNALLOCATED_NUMBER"
    wait_for(lambda: caller.ended, "the caller is refused")
    assert not caller.answered
