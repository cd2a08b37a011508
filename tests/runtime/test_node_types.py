"""Node types that ask the engine for more than sound: each through the whole platform."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from gevent.event import Event as Flag

from cti.core.calls import Medium
from cti.core.events import RequestEnded
from cti.runtime.requests import RequestDesk

from .platform import Platform, path, summary


def services(platform: Platform) -> Any:
    return platform.application.engine._services


def boss(platform: Platform) -> Path:
    return Path(str(platform.application.settings.data)) / "boss-demo.db"


def rows(platform: Platform, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(boss(platform))) as connection:
        return connection.execute(sql).fetchall()


def test_a_caller_hears_the_notices_that_hold_and_they_are_counted(platform: Platform) -> None:
    caller = platform.call("news")
    detail = platform.over(caller)
    assert platform.spoken(caller) == ["Works tonight."]
    assert summary(detail) == ("flow_end", "done", ("told",))
    assert [visit.note for visit in detail.visits] == ["works", "done"]
    (told,) = platform.application.store.count_notices()
    assert (told.notice, told.heard, told.heard_whole, told.hung_up) == ("works", 1, 1, 0)


def test_who_hangs_up_during_a_notice_is_counted_as_such(platform: Platform) -> None:
    caller = platform.call("news")
    platform.heard(caller, "Works tonight.")
    caller.hangup()
    platform.over(caller)
    (told,) = platform.application.store.count_notices()
    assert (told.heard, told.heard_whole, told.hung_up) == (1, 0, 1)


def test_a_request_is_written_once_for_each_visit(platform: Platform) -> None:
    caller = platform.call("fault")
    detail = platform.over(caller)
    nodes = ["tries", "file", "tries", "file", "tries", "tell", "bye"]
    assert [node for node, _ in path(detail)] == nodes
    assert summary(detail) == ("flow_end", "filed", ())
    assert platform.spoken(caller) == ["Your ticket is 0 0 0 0 0 2."]
    keys = [key for (key,) in rows(platform, "SELECT key FROM fault ORDER BY id")]
    assert keys == [f"{detail.call.call_id}/fault.file.{visit}" for visit in (1, 2)]


@dataclass
class SlowSink:
    """Writes when it is let."""

    go: Flag = field(default_factory=Flag)
    keys: list[str] = field(default_factory=list)

    def request(self, source: str, arguments: Any, key: str) -> RequestEnded:
        self.keys.append(key)
        if source == "fault.file":
            self.go.wait(30)
        return RequestEnded(0, "done", {"ticket": "000001"})


def test_what_lasts_longer_than_the_caller_waits_is_finished_by_the_engine(platform: Platform) -> None:
    desk: RequestDesk = services(platform).requests
    sink = SlowSink()
    desk._sink = sink
    detail = platform.over(platform.call("fault"))
    assert summary(detail) == ("flow_end", "accepted", ())
    assert (len(desk._spool.kept()), len(desk)) == (1, 1)
    sink.go.set()
    platform.until(lambda: not len(desk), "it is written")
    assert desk._spool.kept() == []
    assert len(sink.keys) == 1


def test_a_request_goes_on_after_the_hang_up_and_others_can_be_made(platform: Platform) -> None:
    desk: RequestDesk = services(platform).requests
    sink = SlowSink()
    desk._sink = sink
    caller = platform.call("fault")
    platform.until(lambda: sink.keys, "the request is on its way")
    caller.hangup()
    detail = platform.over(caller)
    assert summary(detail) == ("caller_hangup", "rated", ())
    assert [key.split("/")[1] for key in sink.keys] == ["fault.file.1", "fault.late.1"]
    sink.go.set()
    platform.until(lambda: not len(desk), "it is written")


@pytest.mark.parametrize(("number", "outcome"), [("8613800000005", "booked"), ("13800000005", "declined")])
def test_a_callback_is_registered_or_refused(platform: Platform, number: str, outcome: str) -> None:
    caller = platform.call("recall", number=number)
    platform.heard(caller, f"We will call {' '.join(number)}.")
    caller.press("1")
    assert summary(platform.over(caller))[:2] == ("flow_end", outcome)
    found = platform.application.accounts.store.callbacks.list(limit=5)
    kept = [("8613800000005", "event", "news", 3)] if outcome == "booked" else []
    assert [(one.number, "event" if one.event == "works" else "", one.flow, one.allowed) for one in found] == kept


@dataclass
class Sent:
    texts: list[tuple[str, str]] = field(default_factory=list)
    once: ClassVar[str] = "no"

    def send(self, recipient: str, text: str, key: str) -> bool:
        self.texts.append((recipient, text))
        return True


@pytest.mark.parametrize("medium", [Medium.SMS, Medium.CHAT])
def test_a_conversation_by_text(platform: Platform, medium: Medium) -> None:
    sent = Sent()
    services(platform).messages._channels[medium.value] = sent
    texts = platform.application.conversations
    first = texts.receive(medium, "13800000000", "10086", "cxye")
    detail = platform.recorded(first)
    assert summary(detail) == ("flow_end", "done", ("balance",))
    assert (detail.call.medium, path(detail)) == (medium, [("which", "1"), ("balance", "next"), ("bye", "end")])
    second = texts.receive(medium, "13800000000", "10086", "hello")
    platform.until(lambda: len(sent.texts) == 2, "the menu")
    assert texts.receive(medium, "13800000000", "10086", "CXZD") == second != first
    platform.until(lambda: len(sent.texts) == 3, "the question")
    texts.receive(medium, "13800000000", "10086", "202603")
    assert summary(platform.recorded(second)) == ("flow_end", "done", ())
    platform.until(lambda: len(sent.texts) == 4, "the answer")
    assert sent.texts == [
        ("13800000000", text)
        for text in (
            "Your balance is 88.",
            "Reply CXYE for your balance, CXZD for a bill.",
            "Which month?",
            "The bill of 202603 is 5.",
        )
    ]
    assert len(texts) == 0
