"""An engine is killed while messages are on their way: each goes out once, or is on record as unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gevent.event import Event as Flag

from cti.core.calls import Medium
from cti.core.events import RequestEnded
from cti.core.records import CallDetail
from cti.runtime.durable import DurableCalls

from .platform import Platform, path, summary
from .resumekit import House, said, uuid_of
from .test_outbox import TAKES, run
from .test_texts_kept import OTHER, Kept, kept
from .textkit import Sent, Site

__all__ = ["kept"]  # the fixture

LAID, HELD = "13800000001", "13800000002"
#: `cti`, killed when the message to one caller lies there and that to the other is on its way to be laid.
PROGRAM = f"""
import os, signal, sys, threading
from cti.channels.outbox import OutboxChannel
from cti.cli import main
lay, held = OutboxChannel._lay, threading.Event()
def killed(self, recipient, text, key):
    if recipient.endswith("{HELD}"):
        held.set()
        threading.Event().wait()
    lay(self, recipient, text, key)
    held.wait()
    os.kill(os.getpid(), signal.SIGKILL)
OutboxChannel._lay = killed
sys.exit(main())
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with (tmp_path / "cti.yaml").open("a", encoding="utf-8") as config:
        config.write("messages: {sms: outbox}\n")
    yield house
    house.close()


def test_what_was_laid_is_not_laid_again_and_what_was_not_is(house: House, tmp_path: Path) -> None:
    folder, sent = tmp_path / "data" / "outbox" / "sms", tmp_path / "sent"
    engine = house.start_engine(program=("-c", PROGRAM))
    laid, held = house.call("112", LAID), house.call("112", HELD)
    house.until(lambda: engine.poll() is not None, "it is killed")
    [file] = folder.glob("*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["key"] == f"{uuid_of(laid)}/texting.send.1"
    assert run(TAKES, folder, sent, "") == 0  # the gateway has it, and the folder is empty
    house.start_engine()
    for caller in (laid, held):
        detail = house.record(caller)
        assert said(caller)[-1] == "It was sent."
        assert next((one.node, one.exit, one.note) for one in detail.visits) == ("send", "sent", "sent")
        assert [gap.how for gap in detail.gaps] == ["resumed"]
    assert run(TAKES, folder, sent, "") == 0
    assert sent.read_text(encoding="utf-8").split() == [f"{uuid_of(one)}/texting.send.1" for one in (laid, held)]


class Cut(Sent):
    """Takes a message, and never says so."""

    def send(self, recipient: str, text: str, key: str) -> bool:
        super().send(recipient, text, key)
        return Flag().wait()


@pytest.mark.parametrize(
    ("once", "sent", "note"), [("no", 0, "unknown"), ("here", 1, "sent"), ("everywhere", 1, "sent")]
)
def test_what_may_have_been_sent_goes_again_where_it_is_known_by_its_key(
    platform: Platform, once: str, sent: int, note: str
) -> None:
    first, again = Cut(once), Sent(once)
    platform.application.engine._services.messages._channels["sms"] = first
    caller = platform.call("receipt")
    platform.until(lambda: first.texts, "it is on its way")
    platform.kill_engine()

    def plug() -> None:
        platform.application.engine._services.messages._channels["sms"] = again

    platform.restart_engine(plug)
    detail = platform.over(caller)
    assert (again.keys, [(one.exit, one.note) for one in detail.visits if one.node == "send"]) == (
        first.keys * sent, [("sent" if sent else "failed", note)],
    )  # fmt: skip
    assert first.keys == [f"{detail.call.call_id}/receipt.send.1"]


@pytest.mark.parametrize(("once", "sent", "note"), [("no", 0, "unknown"), ("here", 1, "sent")])
def test_what_is_sent_after_the_hang_up_is_sent_by_the_next_engine(
    platform: Platform, once: str, sent: int, note: str
) -> None:
    first, again = Cut(once), Sent(once)
    platform.application.engine._services.messages._channels["sms"] = first
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    caller.hangup()
    platform.until(lambda: first.texts, "it is on its way")
    platform.kill_engine()

    def plug() -> None:
        platform.application.engine._services.messages._channels["sms"] = again

    platform.restart_engine(plug)
    detail = platform.recorded(uuid_of(caller))
    assert (again.keys, [(one.exit, one.note) for one in detail.visits if one.node == "last"]) == (
        first.keys * sent, [("sent" if sent else "failed", note)],
    )  # fmt: skip
    assert first.keys == [f"{detail.call.call_id}/long.last.1"]
    assert (summary(detail), path(detail)[-1]) == (("caller_hangup", "left", ()), ("gone", "end"))
    assert (detail.call.hangup_cause, [gap.how for gap in detail.gaps]) == ("NORMAL_CLEARING", ["resumed"])


class Office:
    """Files what is filed at once. To who rates it answers when it is told to."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.rated: list[str] = []

    def request(self, source: str, _arguments: Any, key: str) -> RequestEnded:
        if source == "fault.file":
            return RequestEnded(0, "done", {"ticket": "5"})
        self.rated.append(key)
        return RequestEnded(0, "done") if self.answers else Flag().wait()


def test_a_write_after_the_hang_up_is_the_same_one_at_the_next_engine(platform: Platform) -> None:
    first, second = Office(answers=False), Office(answers=True)
    platform.application.engine._services.requests._sink = first
    caller = platform.call("fault")
    platform.heard(caller, "Your ticket")
    caller.hangup()
    platform.until(lambda: first.rated, "it is on its way")
    platform.kill_engine()

    def plug() -> None:
        platform.application.engine._services.requests._sink = second

    platform.restart_engine(plug)
    detail = platform.recorded(uuid_of(caller))
    assert second.rated == first.rated == [f"{uuid_of(caller)}/fault.late.1"]
    assert (summary(detail), path(detail)[-2:]) == (
        ("caller_hangup", "rated", ()), [("late", "done"), ("gone", "end")],
    )  # fmt: skip


def test_a_hang_up_whose_flow_is_not_to_be_had_begins_none(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.application.engine._services.messages._channels["sms"] = first = Cut()
    caller = platform.call("long")
    platform.heard(caller, "on and on")
    caller.hangup()
    platform.until(lambda: first.texts, "it is on its way")
    platform.kill_engine()
    monkeypatch.setattr(DurableCalls, "find_plan", lambda *_: None)
    platform.restart_engine()
    detail = platform.recorded(uuid_of(caller))
    assert (summary(detail)[0], path(detail)[-1][0]) == ("caller_hangup", "last")
    assert detail.call.error == "engine-restarted: what was left to be done after the hang-up could not go on"


def test_another_workers_folder_knows_nothing_of_its_keys(platform: Platform) -> None:
    messages = platform.application.engine._services.messages
    messages._channels["sms"] = Sent("here")
    assert (messages.again("sms", here=True), messages.again("sms", here=False)) == (True, False)


def die(kept: Kept, channel: Sent) -> Site:
    """``channel``: the next engine's."""
    assert kept.platform.application.store.flush(20.0)
    kept.platform.kill_engine()

    def plug() -> None:
        kept._plug()
        kept.site.application.engine._services.messages._channels["sms"] = channel

    kept.platform.restart_engine(plug)
    return kept.site


@pytest.mark.parametrize(("once", "again"), [("no", 0), ("here", 1)])
def test_a_reply_that_was_on_its_way_is_given_again_with_its_key(kept: Kept, once: str, again: int) -> None:
    first, second = Cut(once), Sent(once)
    kept.site.application.engine._services.messages._channels["sms"] = first
    call = kept.platform.application.conversations.receive(Medium.SMS, OTHER, "95555", "hello")
    kept.site.until(lambda: first.texts, "it asks")
    site = die(kept, second)
    site.application.conversations.receive(Medium.SMS, OTHER, "95555", "CXYE")
    detail: CallDetail = kept.platform.recorded(call)
    assert (summary(detail)[0], path(detail)[-1]) == ("flow_end", ("bye", "end"))
    site.until(lambda: len(second.texts) == again + 1, "the answer")
    assert (second.keys[:again], second.texts[:again]) == (first.keys * again, first.texts * again)
    assert len({*first.keys, *second.keys}) == 2


def test_a_reply_that_was_sent_is_not_given_again(kept: Kept) -> None:
    first, second = Sent("here"), Sent("here")
    kept.site.application.engine._services.messages._channels["sms"] = first
    call = kept.platform.application.conversations.receive(Medium.SMS, OTHER, "95555", "hello")
    kept.site.until(lambda: first.texts, "it asks")
    actor = kept.platform.application.engine._actors[call]
    kept.site.until(lambda: not actor._saver.changed and not actor._replies._under_way(), "it is kept anew")
    site = die(kept, second)
    site.application.conversations.receive(Medium.SMS, OTHER, "95555", "CXYE")
    kept.platform.recorded(call)
    site.until(lambda: second.texts, "the answer")
    assert (len(first.texts), len(second.texts)) == (1, 1)
