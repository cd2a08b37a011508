"""What is recorded or faxed while the link to the switch is lost, and recordings of a call that end by themselves."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import gevent
import pytest

from cti.core import events as ev
from cti.switch.links.errors import LinkLost

from .desk import Desk
from .engine import Engine
from .rig import wait_for
from .tap import Tap

REF = 7


@pytest.fixture
def engine(desk: Desk, tap: Tap) -> Iterator[Engine]:
    made = Engine(desk, tap)
    yield made
    made.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one page."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4k,mode=0777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a full disk needs the right to mount one: run the tests as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_switch_that_is_silent_is_given_no_new_calls_and_its_links_are_given_up(engine: Engine) -> None:
    beats = gevent.spawn(engine.driver.liveness.run)
    try:
        gevent.sleep(0)
        assert engine.driver.fit
        engine.cable.deafen()
        wait_for(lambda: not engine.driver.fit, "it is not fit")
        wait_for(lambda: "down" in engine.told.order, "the lease is over with a later heartbeat")
        engine.plug()
        wait_for(lambda: engine.driver.fit, "it is fit again")
    finally:
        beats.kill()


def test_a_call_that_goes_to_the_emergency_group_is_told_before_anybody_is_rung(engine: Engine, desk: Desk) -> None:
    """The guard has fired although we live. None of what the extension sets is heard of (`driver.UNHEARD`)."""
    assert desk.api("uuid_transfer", engine.uuid, "9999", "XML", "emergency").startswith("+OK")
    wait_for(lambda: engine.told.taken == [engine.uuid], "it is told", 1.0)
    assert engine.uuid not in engine.driver.legs


# ---- what the caller leaves: the application `record` ---------------------------------------------------------------


def begin(engine: Engine, limit_s: float) -> None:
    engine.driver.record(engine.uuid, REF, engine.path, limit_s, 30.0)
    engine.happens("RECORD_START")


@pytest.mark.parametrize("deaf", [False, True], ids=["cut", "deaf first"])
def test_a_message_that_ended_in_a_gap_is_told_after_it(engine: Engine, deaf: bool) -> None:
    if deaf:
        engine.cable.deafen()  # not even the reply to the command comes back
    begin(engine, 1.0)
    if not deaf:
        engine.cut()
    engine.happens("RECORD_STOP")
    if deaf:
        engine.cut()
    assert not engine.told.of(ev.RecordEnded)
    engine.plug()
    wait_for(lambda: bool(engine.told.of(ev.RecordEnded)), "its end")
    (ended,) = engine.told.of(ev.RecordEnded)
    assert (ended.ref, ended.outcome) == (REF, "done")
    assert 0.8 < ended.duration_s < 8


def test_a_message_that_outlasts_a_gap_goes_on_and_is_ended_once(engine: Engine) -> None:
    begin(engine, 30.0)
    engine.cut()
    engine.plug()
    engine.desk.settle(0.5)
    assert not engine.told.of(ev.RecordEnded)
    engine.driver.stop_record(engine.uuid, REF)
    wait_for(lambda: bool(engine.told.of(ev.RecordEnded)), "its end")
    engine.desk.settle(0.3)
    assert [(e.ref, e.outcome) for e in engine.told.of(ev.RecordEnded)] == [(REF, "done")]


def test_a_message_that_is_stopped_in_a_gap_ends_after_it(engine: Engine) -> None:
    begin(engine, 30.0)
    engine.cut()
    engine.driver.stop_record(engine.uuid, REF)
    engine.plug()
    wait_for(lambda: bool(engine.told.of(ev.RecordEnded)), "its end")
    assert [(e.ref, e.outcome) for e in engine.told.of(ev.RecordEnded)] == [(REF, "done")]


def test_who_hangs_up_in_a_gap_while_recorded_is_missed_after_it(engine: Engine) -> None:
    begin(engine, 30.0)
    engine.cut()
    engine.caller.hang_up()
    engine.happens("CHANNEL_HANGUP_COMPLETE")
    engine.plug()
    assert engine.told.lives[-1] == set()
    assert not engine.told.of(ev.RecordEnded)


# ---- faxes -----------------------------------------------------------------------------------------------------------


def test_a_fax_that_is_stopped_in_a_gap_ends_after_it(engine: Engine) -> None:
    engine.driver.receive_fax(engine.uuid, REF, f"{engine.path}.tif")
    engine.happens("CHANNEL_EXECUTE")
    engine.cut()
    engine.driver.stop_fax(engine.uuid, REF)
    engine.plug()
    wait_for(lambda: bool(engine.told.of(ev.FaxEnded)), "its end")
    assert engine.told.of(ev.FaxEnded) == [ev.FaxEnded(REF, "failed")]


def test_a_fax_that_could_not_begin_in_a_gap_has_failed_after_it(engine: Engine) -> None:
    engine.cable.deafen()
    since = len(engine.tap.events)
    engine.driver.send_fax(engine.uuid, REF, f"{engine.path}.none.tif")
    engine.tap.wait("CHANNEL_EXECUTE_COMPLETE", engine.uuid, after=since)
    engine.cut()
    engine.plug()
    wait_for(lambda: bool(engine.told.of(ev.FaxEnded)), "its end")
    assert engine.told.of(ev.FaxEnded) == [ev.FaxEnded(REF, "failed")]


# ---- who hangs up while something is still to be told ----------------------------------------------------------------


def test_a_fax_that_was_ordered_too_late_does_not_keep_its_caller(engine: Engine) -> None:
    """It never begins, so no end of it is told."""
    engine.driver.receive_fax(engine.uuid, REF, f"{engine.path}.tif")
    engine.happens("CHANNEL_EXECUTE")
    engine.caller.hang_up()
    wait_for(lambda: bool(engine.told.of(ev.HungUp)), "the end", 3.0)
    assert engine.uuid not in engine.driver.legs


def test_the_end_of_a_recording_is_told_before_its_caller_has_gone(engine: Engine) -> None:
    path = tape(engine)
    engine.caller.hang_up()
    wait_for(lambda: bool(engine.told.of(ev.HungUp)), "the end")
    assert engine.told.over == [path]
    assert engine.told.failed == []


def test_an_end_that_is_not_told_is_not_waited_for_for_long(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    tape(engine)
    monkeypatch.delitem(engine.driver.hearing._handlers, "RECORD_STOP")
    engine.caller.hang_up()
    engine.happens("RECORD_STOP")
    assert not engine.told.of(ev.HungUp)
    wait_for(lambda: bool(engine.told.of(ev.HungUp)), "the end", 3.0)
    assert engine.uuid not in engine.driver.legs


def test_who_has_hung_up_is_over_though_the_switch_cannot_be_asked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape(engine)
    monkeypatch.delitem(engine.driver.hearing._handlers, "RECORD_STOP")
    refused = LinkLost("as if it were busy")
    monkeypatch.setattr(engine.driver.links, "submit_api", Mock(side_effect=refused))
    engine.caller.hang_up()
    wait_for(lambda: bool(engine.told.of(ev.HungUp)), "the end", 3.0)
    assert engine.uuid not in engine.driver.legs


# ---- the recording of the call ---------------------------------------------------------------------------------------


def tape(engine: Engine, path: str = "") -> str:
    path = path or engine.path
    engine.driver.start_recording(engine.uuid, path)
    engine.happens("RECORD_START")
    return path


def somebody_stops(engine: Engine, path: str) -> None:
    assert engine.desk.api("uuid_record", engine.uuid, "stop", path).startswith("+OK")


def test_a_recording_that_ends_by_itself_is_noticed(engine: Engine) -> None:
    somebody_stops(engine, tape(engine))
    wait_for(lambda: bool(engine.told.failed), "the failure")
    assert engine.told.failed == ["ended"]


def test_a_recording_that_is_stopped_has_not_failed(engine: Engine) -> None:
    tape(engine)
    engine.driver.stop_recording(engine.uuid)
    engine.happens("RECORD_STOP")
    engine.desk.settle(0.3)
    assert engine.told.failed == []


def test_a_recording_that_ended_in_a_gap_is_noticed_and_not_begun_anew(engine: Engine) -> None:
    path = tape(engine)
    engine.desk.settle(0.5)
    engine.driver.mask_recording(engine.uuid, False)  # its answer shows that the answer to `start` has come
    engine.desk.settle(0.2)
    engine.cut()
    somebody_stops(engine, path)
    size = os.path.getsize(path)
    engine.plug()
    wait_for(lambda: bool(engine.told.failed), "the failure")
    engine.desk.settle(0.3)
    assert engine.told.failed == ["ended"]
    assert os.path.getsize(path) == size
    assert sum(e.name == "RECORD_START" and e.get("Unique-ID") == engine.uuid for e in engine.tap.events) == 1


def test_a_recording_that_is_stopped_in_a_gap_is_stopped_after_it(engine: Engine) -> None:
    tape(engine)
    engine.cut()
    engine.driver.stop_recording(engine.uuid)
    engine.desk.settle(0.3)
    assert not [e for e in engine.tap.events if e.name == "RECORD_STOP"]
    engine.plug()
    engine.happens("RECORD_STOP")
    assert engine.told.failed == []


def test_a_recording_lasts_until_the_caller_hangs_up(engine: Engine) -> None:
    tape(engine)
    engine.desk.settle(0.5)
    engine.caller.hang_up()
    wait_for(lambda: bool(engine.told.of(ev.HungUp)), "the hang-up")
    assert (engine.told.failed, len(engine.told.of(ev.HungUp))) == ([], 1)


def test_a_full_disk_is_told_before_the_end_of_the_call(engine: Engine, tiny_disk: Path) -> None:
    """The switch keeps four seconds of sound before it writes the first of it."""
    tape(engine, str(tiny_disk / "call.wav"))
    engine.desk.settle(5.0)
    engine.caller.hang_up()
    wait_for(lambda: bool(engine.told.of(ev.HungUp)), "the hang-up")
    assert engine.told.order[-2:] == ["write", "HungUp"]
