"""Calls on the embedded switch leave a journal from which they can be replayed, exactly."""

from __future__ import annotations

import pytest

from cti.flow.replay import replay
from cti.flow.replay_recording import Recording, read_recording
from cti.flow.to_test import make_test
from cti.switch.embedded import HangUp, Hear, Keys
from cti.switch.embedded.script import Item

from .platform import Platform, uuid_of

CALLS: dict[str, tuple[str, tuple[Item, ...]]] = {
    "look-up and balance": ("balance", ()),
    "hang-up while it is said": ("balance", (Hear("You have"), HangUp())),
    "type-ahead": ("menu", (Keys("27", 0.05),)),
    "wrong, then right": ("menu", (Hear("Main"), Keys("9"), Hear("Main"), Keys("1"))),
    "several keys": ("collect", (Hear("code"), Keys("123#", 0.05))),
    "a limit": ("limit", ()),
    "a flow in a flow": ("outer", ()),
    "an error, mended": ("mended", ()),
}


def recording(platform: Platform, uuid: str) -> Recording:
    journal = platform.application.store.find_journal(uuid)
    assert journal is not None
    return read_recording(journal.entries, journal.secrets)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_can_be_replayed_exactly(platform: Platform, name: str) -> None:
    flow, script = CALLS[name]
    caller = platform.call(flow, *script)
    detail = platform.over(caller)
    recorded = recording(platform, uuid_of(caller))
    plan = platform.application.engine._library.plans[flow]
    found = replay(recorded, plan)
    assert found.same, str(found.difference)
    assert found.exact
    left = [(item[2], item[4]) for step in recorded.steps for item in step.items if item[0] == "leave"]
    assert sorted(left) == sorted((visit.node, visit.exit) for visit in detail.visits)
    assert make_test(recorded, plan, name)


def test_a_running_call_has_a_journal_of_what_it_did_so_far(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti.runtime.journal.PART_ENTRIES", 1)
    caller = platform.call("menu")
    platform.heard(caller, "Main")
    assert platform.application.store.flush(5.0)
    recorded = recording(platform, uuid_of(caller))
    assert not recorded.complete
    assert any(item[0] == "play" and "Main" in item[2] for step in recorded.steps for item in step.items)
    caller.hangup()
    platform.over(caller)
    assert recording(platform, uuid_of(caller)).complete


def test_a_fault_in_the_journal_leaves_the_call_alone(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("cti.flow.replay_recorder.Recorder.fed", broken)
    caller = platform.call("menu", Hear("Main"), Keys("1"))
    assert platform.over(caller).call.outcome == "one"
