"""What of talks is recorded, through the whole engine on the embedded switch: one recording for each agent's talk."""

from __future__ import annotations

from typing import Any

import pytest

from cti.core.callbacks import CallbackState
from cti.core.recordings import Recording, RecordingState
from cti.switch.embedded import VirtualCaller

from .platform import Platform, uuid_of
from .test_callbacks import Recall
from .test_floor import Floor, consulting, ready, with_bert


@pytest.fixture
def floor(platform: Platform) -> Floor:
    floor = Floor(platform)
    floor.sign_in("anna", "1001")
    return floor


def sealed(platform: Platform, call: str) -> list[Recording]:
    """Of a call that is over: all its recordings, as soon as they are sealed, and readable."""
    store, shelf = platform.application.accounts.store.recordings, platform.application.recordings.shelf

    def there() -> list[Recording]:
        found = store.of_call(call)
        return found if all(one.state is RecordingState.SEALED for one in found) else []

    found: list[Recording] = platform.until(there, f"{store.of_call(call)} are sealed")
    for one in found:
        opened = shelf.open(one)
        assert b"".join(opened.part(0, opened.size))[:4] == b"RIFF"
        opened.close()
    assert not list(platform.application.recordings.plain.folder.iterdir())
    return found


def over(floor: Floor, caller: VirtualCaller) -> list[Recording]:
    caller.hangup()
    floor.platform.over(caller)
    return sealed(floor.platform, uuid_of(caller))


def summary(found: list[Recording]) -> list[tuple[Any, ...]]:
    return [(one.kind.value, one.queue, [agent for agent, _ in one.agents], len(one.paused)) for one in found]


def test_a_talk_is_recorded_and_left_out_is_what_is_said_on_hold(floor: Floor) -> None:
    caller = floor.talk()
    contact = uuid_of(caller)
    floor.desk.hold("anna", contact)
    floor.desk.pause_recording("anna", contact, True)
    floor.desk.retrieve("anna", contact)  # the agent's own pause goes on
    floor.desk.pause_recording("anna", contact, False)
    found = over(floor, caller)
    assert summary(found) == [("talk", "desk", ["anna"], 1)]
    ((begun, ended),) = found[0].paused
    assert found[0].started_at <= begun < ended <= (found[0].ended_at or 0.0)


def test_the_recording_ends_with_the_talk(floor: Floor) -> None:
    caller = floor.talk()
    floor.desk.hang_up("anna", uuid_of(caller))
    detail = floor.platform.over(caller)
    (one,) = sealed(floor.platform, uuid_of(caller))
    assert (one.ended_at or 0.0) <= (detail.call.ended_at or 0.0)
    assert detail.recordings[0].recording_id == one.recording_id


def test_a_consultation_is_in_no_recording_and_a_warm_transfer_begins_another(floor: Floor) -> None:
    caller = consulting(floor)
    contact = uuid_of(caller)
    floor.desk.complete("anna", contact)
    floor.until(lambda: len(floor.platform.events(contact, "RECORD_START")) == 2, "bert's talk is recorded")
    found = over(floor, caller)
    assert summary(found) == [("talk", "desk", ["anna"], 1), ("talk", "desk", ["bert"], 0)]
    assert found[0].paused[0][1] == found[0].ended_at  # from the hold on nothing more was said in it


def test_a_conference_has_both_agents_in_the_recording(floor: Floor) -> None:
    caller = consulting(floor)
    contact = uuid_of(caller)
    floor.desk.conference("anna", contact)
    assert summary(over(floor, caller))[0] == ("talk", "desk", ["anna", "bert"], 1)


def test_after_a_transfer_the_other_queue_decides(floor: Floor) -> None:
    with_bert(floor)
    caller = floor.talk()
    contact = uuid_of(caller)
    floor.desk.transfer("anna", contact, "queue", "second")  # which records nothing
    ready(floor, "bert")
    floor.until(lambda: any(str(floor.state(c)) == "TALKING" for c in floor.parts.owner.acd.floor.cases), "they talk")
    assert summary(over(floor, caller)) == [("talk", "desk", ["anna"], 0)]


def test_the_talk_of_a_callback_is_recorded_as_any_other(platform: Platform) -> None:
    recall = Recall(platform)
    recall.promised()
    recall.floor.parts.lines.set_ready("anna")
    contact = recall.until(CallbackState.REACHED).called_as
    recall.floor.desk.hold("anna", contact)
    recall.floor.desk.retrieve("anna", contact)
    recall.floor.desk.hang_up("anna", contact)
    platform.recorded(contact)
    found = sealed(platform, contact)
    assert summary(found) == [("talk", "desk", ["anna"], 1)]
    assert found[0].length_s is not None


def test_an_engine_that_dies_between_the_end_and_the_sealing(floor: Floor) -> None:
    caller = floor.talk()
    platform = floor.platform
    platform.application.recordings.stop()  # nothing is sealed any more
    caller.hangup()
    platform.over(caller)
    (one,) = platform.application.accounts.store.recordings.of_call(uuid_of(caller))
    assert one.state is RecordingState.COMPLETE
    platform.kill_engine()
    platform.restart_engine(lambda: None)
    platform.application.recordings.complete(str(platform.application.recordings.shelf.data / one.path))
    assert len(sealed(platform, uuid_of(caller))) == 1
