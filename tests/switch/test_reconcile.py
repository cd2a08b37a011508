"""What `uuid_dump` tells of a channel after a gap in the events."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from cti.switch.reconcile import Reconciler

UUID = "f8d9d306-8069-4004-b78e-91c230036d5a"


def found(text: str) -> Any:
    """By a driver whose switch answers ``text``."""
    answer = SimpleNamespace(wait=lambda _limit_s: SimpleNamespace(reply=text))
    settings = SimpleNamespace(reply_timeout_s=1.0)
    links = SimpleNamespace(submit_api=lambda *_: answer, settings=settings, name="fs1")
    return Reconciler(cast("Any", SimpleNamespace(links=links))).dump([UUID])[UUID]


@pytest.mark.parametrize("state", ["CS_EXECUTE", "CS_HANGUP", "CS_REPORTING"])
def test_a_channel_that_hangs_up_is_gone_wherever_its_thread_has_got_to(state: str) -> None:
    """Its CHANNEL_HANGUP was in the gap, and nothing else will tell."""
    assert found(f"Event-Name: CHANNEL_DATA\nChannel-State: {state}\nUnique-ID: {UUID}\nAnswer-State: hangup\n") is None


@pytest.mark.parametrize("state", ["ringing", "early", "answered"])
def test_a_channel_that_lives_is_told(state: str) -> None:
    dump = found(f"Event-Name: CHANNEL_DATA\nChannel-State: CS_EXECUTE\nUnique-ID: {UUID}\nAnswer-State: {state}\n")
    assert dump.get("Unique-ID") == UUID


def test_a_channel_that_the_switch_does_not_know_is_gone() -> None:
    assert found("-ERR No such channel!\n") is None
