"""Which worker gets a call, and who answers when none lives (DESIGN 3.1)."""

from __future__ import annotations

from collections import Counter

import pytest

from cti.switch.conf import EMERGENCY_CONTEXT, EMERGENCY_EXTENSION, slot_name, slot_variable
from cti.switch.conf.render import SLOTS

from .audio import heard_share, read_wav
from .esl import Tap
from .switch import RealSwitch
from .ua import Dialog, Phone, When

pytestmark = pytest.mark.real

SHARES = ("048c", "159d", "26ae", "37bf")


def expected_slot(uuid: str, live: set[int]) -> int:
    """The rule of the dialplan, written again: the first hexadecimal digit that belongs to a living worker."""
    owners = [slot for digit in uuid for slot, share in enumerate(SHARES) if digit in share and slot in live]
    return owners[0] if owners else min(live)


def live(tap: Tap, *slots: int) -> None:
    """And they stay so: an engine that was there a moment ago has left its end on the schedule."""
    for slot in range(SLOTS):
        for turn in (0, 1):
            tap.api(f"sched_del {slot_variable(slot)}_{turn}")
        assert tap.api(f"global_setvar {slot_variable(slot)}={int(slot in slots)}") == "+OK"


def test_a_live_worker_gets_the_call_parked_and_prepared(real_switch: RealSwitch, tap: Tap) -> None:
    live(tap, 2)
    with Phone("13800138000") as caller:
        caller.call("4000", real_switch.conf.trunks_port)
        event = tap.wait_name("CHANNEL_PARK")
        assert {name: event.variable(name) for name in PREPARED} == PREPARED | {"presence_data": slot_name(2)}
        assert event.get("Caller-Caller-ID-Number") == "13800138000"
        assert event.get("Caller-Destination-Number") == "4000"
        assert event.get("Call-Direction") == "inbound"
        assert event.get("Answer-State") == "ringing"  # answered by the engine, not by the dialplan


PREPARED = {
    "presence_data": "",
    "cti_trunk": "callers",
    "playback_terminators": "none",
    "park_after_bridge": "true",
    "hangup_after_bridge": "false",
    "continue_on_fail": "true",
    "uuid_bridge_park_on_cancel": "true",
}


@pytest.mark.parametrize("alive", [{0, 1, 2, 3}, {1, 3}, {0}], ids=str)
def test_calls_spread_over_the_living(real_switch: RealSwitch, tap: Tap, alive: set[int]) -> None:
    live(tap, *alive)
    got: Counter[int] = Counter()
    with Phone("13800138000") as caller:
        for number in range(24):
            before = len(tap.events)
            call = caller.call(f"40{number:02}", real_switch.conf.trunks_port)
            event = tap.wait_name("CHANNEL_PARK", after=before)
            uuid = event.get("Unique-ID")
            assert event.variable("presence_data") == slot_name(expected_slot(uuid, alive))
            got[int(event.variable("presence_data"))] += 1
            call.hang_up()
            tap.wait_name("CHANNEL_HANGUP_COMPLETE", after=before, Unique_ID=uuid)
    assert set(got) == alive


def test_liveness_ends_by_itself(real_switch: RealSwitch, tap: Tap) -> None:
    """As the engine does it: set, and scheduled to be unset; nobody renews."""
    live(tap)
    assert "+OK" in tap.api(f"sched_api +1 {slot_variable(0)} global_setvar {slot_variable(0)}=0")
    assert tap.api(f"global_setvar {slot_variable(0)}=1") == "+OK"
    with Phone("13800138000") as caller:
        caller.call("4000", real_switch.conf.trunks_port)
        tap.wait_name("CHANNEL_PARK")
        before = len(tap.events)
        tap.wait_name("DEL_SCHEDULE", 30, after=before)
        caller.call("4001", real_switch.conf.trunks_port)
        answered = tap.wait_name("CHANNEL_ANSWER", after=before)
        assert answered.variable("presence_data") is None
        assert answered.variable("cti_emergency") == "true"


def test_without_an_engine_a_caller_hears_an_apology_and_reaches_a_person(real_switch: RealSwitch, tap: Tap) -> None:
    live(tap)
    with Phone("13800138000") as caller, _registered(real_switch, "1002") as person:
        call = caller.call("4000", real_switch.conf.trunks_port)
        call.wait_answered()
        person.wait_call(30)
        tap.wait_name("CHANNEL_BRIDGE")
        _heard_apology(call, real_switch)
        call.hang_up()
        person.wait_call().wait_finished()


def test_the_emergency_group_passes_over_who_is_busy(real_switch: RealSwitch, tap: Tap) -> None:
    live(tap)
    with (
        Phone("13800138000") as caller,
        _registered(real_switch, "1001", When.BUSY),
        _registered(real_switch, "1002") as free,
    ):
        caller.call("4000", real_switch.conf.trunks_port)
        free.wait_call(30)
        tap.wait_name("CHANNEL_BRIDGE")


def test_an_orphan_goes_to_the_emergency_group(real_switch: RealSwitch, tap: Tap) -> None:
    """What the engine schedules per call; here nobody renews it. The taken-back one does not fire."""
    live(tap, 1)
    with Phone("13800138000") as caller, _registered(real_switch, "1001") as person:
        call = caller.call("4000", real_switch.conf.trunks_port)
        uuid = tap.wait_name("CHANNEL_PARK").get("Unique-ID")
        tap.execute(uuid, "answer")
        call.wait_answered()
        target = f"{EMERGENCY_EXTENSION} XML {EMERGENCY_CONTEXT}"
        assert tap.api(f"sched_del {uuid}") == "+OK Deleted: 1"  # the dialplan's own guard, until the engine's is set
        assert "+OK" in tap.api(f"sched_transfer +2 {uuid} {target}")
        assert tap.api(f"sched_del {uuid}") == "+OK Deleted: 1"
        assert "+OK" in tap.api(f"sched_transfer +1 {uuid} {target}")
        person.wait_call(30)
        bridged = tap.wait_name("CHANNEL_BRIDGE", Unique_ID=uuid)
        assert bridged.variable("cti_emergency") == "true"
        assert bridged.variable("park_after_bridge") == "false"
        _heard_apology(call, real_switch)
        person.wait_call().hang_up()
        call.wait_finished()  # and does not park again, where nobody would look after it


def test_phones_call_each_other_and_the_engine(real_switch: RealSwitch, tap: Tap) -> None:
    live(tap, 0)
    with _registered(real_switch, "1003") as one, _registered(real_switch, "1004") as two:
        call = one.call("1004", real_switch.conf.phones_port)
        call.wait_answered()
        two.wait_call().wait_answered()
        call.hang_up()
        two.wait_call().wait_finished()
        before = len(tap.events)
        one.call("10086", real_switch.conf.phones_port)
        parked = tap.wait_name("CHANNEL_PARK", after=before)
        assert (parked.variable("cti_phone"), parked.variable("presence_data")) == ("1003", slot_name(0))


def test_an_odd_number_is_not_taken(real_switch: RealSwitch, tap: Tap) -> None:
    live(tap, 0)
    with Phone("13800138000") as caller:
        call = caller.call("no-number", real_switch.conf.trunks_port)
        call.wait_finished()
        assert call.status == 404


def _registered(real_switch: RealSwitch, number: str, when: When = When.ANSWER) -> Phone:
    phone = Phone(number, password=real_switch.conf.phones[number], when=when)
    assert phone.register(real_switch.conf.phones_port) == 200
    return phone


def _heard_apology(call: Dialog, real_switch: RealSwitch) -> None:
    (file,) = real_switch.conf.prompts.glob("apology-*.wav")
    assert heard_share(call.media.pcm(), read_wav(file)) > 0.6
