"""The keeping of recordings on virtual time: sealed when complete, whatever crashed; deleted when due; keys rotated."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.core.access import SYSTEM, Deed
from cti.core.calls import TerminalCause
from cti.core.errors import CtiError
from cti.core.recordings import Recording, RecordingKind, RecordingState, Retention
from cti.core.records import CallEnded, CallStarted
from cti.runtime.recordings import keeper
from cti.store import open_store
from cti.store.keyring import rotate
from tests.api.recordsite import Studio, sound
from tests.runtime.accountkit import NOW, Office

SOUND, DAY = sound(3.0), 86_400.0
DEED = Deed(SYSTEM, NOW, "recordings.hold", "case 1")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    found = Office(tmp_path)
    found.store.record(CallStarted("c-1", "fs", "10086", NOW))
    yield found
    found.close()


@pytest.fixture
def studio(office: Office) -> Studio:
    return Studio(office)


def find(studio: Studio, id_: str) -> Recording:
    found = studio.store.find(id_)
    assert found is not None
    return found


def heard(studio: Studio, one: Recording) -> bytes:
    opened = studio.shelf.open(one)
    try:
        return b"".join(opened.part(0, opened.size))
    finally:
        opened.close()


def age(studio: Studio, path: str) -> None:
    """The file was written now, by the clock of the test."""
    os.utime(path, (studio.office.clock.now(),) * 2)


def test_what_the_switch_has_closed_is_sealed_and_the_plain_file_is_gone(studio: Studio) -> None:
    path = studio.begin("c-1", queue="service", agents="1001:north")
    studio.end(SOUND)
    studio.keeper.seal_complete()
    one = find(studio, studio.kept.recording_id)
    assert (one.state, one.length_s, one.size, one.key_id) == (RecordingState.SEALED, 3.0, len(SOUND), "k1")
    assert (one.until, one.agents) == (NOW + 30 * DAY, (("1001", "north"),))
    assert not Path(path).exists()
    assert b"RIFF" not in (studio.shelf.data / one.sealed_path).read_bytes()
    assert heard(studio, one) == SOUND
    studio.shelf.verify(one)


def test_a_file_of_which_nothing_was_told_is_sealed_when_it_is_left_alone(studio: Studio) -> None:
    path = studio.begin("c-1")
    id_ = studio.end(SOUND, told=False)
    age(studio, path)
    studio.keeper.seal_complete()
    assert find(studio, id_).state is RecordingState.COMPLETE
    studio.office.clock.move(keeper.SETTLED_S)
    studio.keeper.seal_complete()
    assert find(studio, id_).state is RecordingState.SEALED


def test_after_a_crash_the_next_engine_seals_what_the_switch_finished_alone(studio: Studio) -> None:
    path = studio.begin("c-1")  # and the engine dies: neither the end of the recording nor of the call is on record
    Path(path).write_bytes(SOUND)
    age(studio, path)
    clock = studio.office.clock
    clock.move(1000)
    fresh = Studio(studio.office, studio.shelf)
    fresh.keeper.look()
    assert find(studio, studio.kept.recording_id).state is RecordingState.RUNNING  # the call talks on
    studio.office.store.record(CallEnded("c-1", clock.now(), TerminalCause.ENGINE_LOST))
    fresh.keeper.look()
    one = find(studio, studio.kept.recording_id)
    assert (one.state, one.ended_at) == (RecordingState.SEALED, NOW)
    assert heard(studio, one) == SOUND


def test_a_crash_between_the_sealed_file_and_its_row_loses_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = studio.begin("c-1")
    id_ = studio.end(SOUND)

    def crash(*_: object, **__: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(studio.store, "sealed", crash)
        with pytest.raises(KeyboardInterrupt):
            studio.keeper.seal_complete()
    (stray,) = (studio.shelf.data / "recordings/sealed").rglob("c-1*")
    assert Path(path).exists()
    fresh = Studio(studio.office, studio.shelf)
    fresh.keeper.complete(path)
    age(studio, str(stray))
    studio.office.clock.move(4 * 3600)
    fresh.keeper.look()
    assert heard(studio, find(studio, id_)) == SOUND
    assert not stray.exists()
    assert not Path(path).exists()


def test_a_plain_file_whose_row_was_lost_is_found_by_its_name(studio: Studio) -> None:
    kept = studio.plain.new("c-1", RecordingKind.VOICEMAIL, NOW)
    studio.plain.path(kept).write_bytes(SOUND)
    age(studio, str(studio.plain.path(kept)))
    assert studio.office.store.flush(5.0)
    studio.office.clock.move(4 * 3600)
    studio.keeper.look()
    studio.keeper.look()
    one = find(studio, kept.recording_id)
    assert (one.kind, one.call_id, one.state) == (RecordingKind.VOICEMAIL, "c-1", RecordingState.SEALED)


def test_a_recording_without_a_file_has_failed(studio: Studio) -> None:
    studio.begin("c-1")
    id_ = studio.end(None)
    studio.keeper.seal_complete()
    assert (find(studio, id_).state, find(studio, id_).error) == (RecordingState.FAILED, "no-file")
    with pytest.raises(CtiError) as error:
        studio.shelf.open(find(studio, id_))
    assert error.value.code == "recording-missing"


def test_a_full_disk_is_an_alarm_and_sealing_is_tried_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = studio.begin("c-1")
    id_ = studio.end(SOUND)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "cti.recordings"):
        patched.setattr(keeper, "seal_file", full)
        studio.keeper.seal_complete()
        studio.keeper.complete(path)
        studio.keeper.seal_complete()
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert (find(studio, id_).state, find(studio, id_).error) == (
        RecordingState.COMPLETE, "seal-failed: the disk is full",
    )  # fmt: skip
    assert Path(path).exists()
    studio.keeper.complete(path)
    studio.keeper.seal_complete()
    assert (find(studio, id_).state, find(studio, id_).error) == (RecordingState.SEALED, "")


def test_what_is_due_is_deleted_and_what_is_held_is_not(studio: Studio) -> None:
    made = [
        studio.recorded("c-1", SOUND, kind, queue=queue)
        for kind, queue in (
            (RecordingKind.TALK, "short"), (RecordingKind.VOICEMAIL, ""), (RecordingKind.TALK, ""),
            (RecordingKind.TALK, "short"), (RecordingKind.FLOW, ""),
        )
    ]  # fmt: skip
    studio.store.hold(made[3].recording_id, True, DEED)

    def deleted_after(days: float) -> list[int]:
        studio.office.clock.at = NOW + days * DAY
        studio.keeper.expire()
        states = [find(studio, one.recording_id).state for one in made]
        return [index for index, state in enumerate(states) if state is RecordingState.DELETED]

    assert [deleted_after(days) for days in (0.99, 1.0, 7.0, 30.0, 4000.0)] == [[], [0], [0, 1], [0, 1, 2], [0, 1, 2]]
    gone = find(studio, made[0].recording_id)
    assert gone.deleted is not None
    assert (gone.deleted.reason, gone.digest, gone.size, gone.call_id) == ("retention", "", None, "c-1")
    assert not (studio.shelf.data / made[0].sealed_path).exists()
    with pytest.raises(CtiError) as error:
        studio.store.key_of(gone)
    assert error.value.code == "recording-deleted"
    studio.store.hold(made[3].recording_id, False, DEED)
    assert deleted_after(4000.0) == [0, 1, 2, 3]
    lines = [line for line in studio.office.store.accounts.audit.lines(limit=50) if line.action == "recording.expire"]
    assert sum(line.after["count"] for line in lines) == 4


def test_a_changed_configuration_holds_for_earlier_recordings_too(studio: Studio) -> None:
    one = studio.recorded("c-1", SOUND)
    Studio(studio.office, studio.shelf, Retention({RecordingKind.TALK: 5})).keeper.look()
    assert find(studio, one.recording_id).until == NOW + 5 * DAY
    Studio(studio.office, studio.shelf, Retention()).keeper.look()
    assert find(studio, one.recording_id).until is None


def test_an_older_key_still_opens_what_it_sealed(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.store.record(CallStarted("c-1", "fs", "10086", NOW))
    before = Studio(office).recorded("c-1", SOUND)
    office.close()
    rotate(tmp_path / "keys.json")
    office.store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json", clock=office.clock.now)
    studio = Studio(office)
    after = studio.recorded("c-1", sound(1.0))
    assert (before.key_id, after.key_id) == ("k1", "k2")
    assert heard(studio, find(studio, before.recording_id)) == SOUND
    assert heard(studio, after) == sound(1.0)
    office.store.close(1.0)


def test_files_that_were_swapped_are_found(studio: Studio) -> None:
    one, other = studio.recorded("c-1", SOUND), studio.recorded("c-1", SOUND)
    (studio.shelf.data / one.sealed_path).replace(studio.shelf.data / other.sealed_path)
    with pytest.raises(CtiError) as error:
        studio.shelf.verify(other)
    assert error.value.code == "recording-damaged"
