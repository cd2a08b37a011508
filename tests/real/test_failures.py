"""The engine or the switch dies in the middle of a call (DESIGN 3.1, 3.3). A switch and an engine of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .audio import heard_share, read_wav
from .engine import EngineProcess
from .esl import Tap, wait_until
from .switch import RealSwitch, settings_for_test
from .ua import Dialog, Phone

pytestmark = pytest.mark.real

GUARD_S = 6  # as the engine's settings in engine.py say


@dataclass
class House:
    switch: RealSwitch
    engine: EngineProcess

    def call(self, phone: Phone, tap: Tap) -> tuple[Dialog, str]:
        """Into the flow: the welcome is being spoken."""
        dialog = phone.call("4000", self.switch.conf.trunks_port)
        uuid = tap.wait_name("CHANNEL_PARK").get("Unique-ID")
        dialog.wait_answered()
        tap.wait_name("PLAYBACK_START", 30, Unique_ID=uuid)
        return dialog, uuid


@pytest.fixture(scope="module")
def house(freeswitch_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    switch = RealSwitch(freeswitch_binary, tmp_path_factory.mktemp("switch2"), settings_for_test(max_sessions=100))
    switch.start()
    engine = EngineProcess(switch, tmp_path_factory.mktemp("engine2"), slot=3)
    try:
        engine.start()
        yield House(switch, engine)
    finally:
        engine.stop()
        switch.stop()


def test_a_killed_engine_leaves_its_caller_to_people(house: House) -> None:
    conf = house.switch.conf
    with (
        house.switch.tap() as tap,
        Phone("13800000000") as phone,
        Phone("1001", password=conf.phones["1001"]) as person,
    ):
        assert person.register(conf.phones_port) == 200
        dialog, uuid = house.call(phone, tap)
        house.engine.kill()
        person.wait_call(GUARD_S + 20)
        bridged = tap.wait_name("CHANNEL_BRIDGE", 30, Unique_ID=uuid)
        assert bridged.variable("cti_emergency") == "true"
        (apology,) = conf.prompts.glob("apology-*.wav")
        assert heard_share(dialog.media.pcm(), read_wav(apology)) > 0.6

        # New callers do not wait for a dead engine either.
        assert tap.api("global_getvar cti_alive_3") in ("0", "")
        with Phone("13800000001") as other:
            second = other.call("4000", conf.trunks_port)
            second.wait_answered()
            found = tap.wait(lambda e: _answered_caller(e) and e.get("Unique-ID") != uuid, 30)
            assert found.variable("cti_emergency") == "true"

        # The engine that comes back leaves alone who is with people, and closes the record of the call.
        house.engine.start()
        assert tap.api(f"uuid_exists {uuid}") == "true"
        dialog.hang_up()
    record = next(found for found in house.engine.finished(1, 20) if found["call_id"] == uuid)
    assert record["terminal_cause"] == "engine_lost"


def test_an_engine_told_to_stop_takes_no_more_calls(house: House) -> None:
    if not house.engine.healthy():
        house.engine.start()
    house.engine.stop()
    assert house.engine.process is not None
    assert house.engine.process.returncode == 0
    with house.switch.tap("HEARTBEAT") as tap:
        assert tap.api("global_getvar cti_alive_3") == "0"


def test_a_killed_switch_ends_the_record_as_lost(house: House) -> None:
    if not house.engine.healthy():
        house.engine.start()
    with Phone("13800000002") as phone:
        with house.switch.tap() as tap:
            _, uuid = house.call(phone, tap)
        house.switch.kill()
        house.switch.start()
        record = next(found for found in house.engine.finished(1, 40) if found["call_id"] == uuid)
        assert record["terminal_cause"] == "switch_lost"

    # And the engine serves again by itself, on the restarted switch.
    def alive() -> bool:
        with house.switch.tap("HEARTBEAT") as tap:
            return tap.api("global_getvar cti_alive_3") == "1"

    wait_until(alive, 60, "the engine beats again", 0.3)
    with Phone("13800000003") as phone, house.switch.tap() as tap:
        dialog, _ = house.call(phone, tap)
        dialog.hang_up()


def _answered_caller(event: Any) -> bool:
    return event.name == "CHANNEL_ANSWER" and event.get("Call-Direction") == "inbound"
