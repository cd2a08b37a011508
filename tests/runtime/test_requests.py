"""The desk of requests by itself: what the caller is told, what is kept, what is asked again."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event as Flag

from cti.core.commands import Request
from cti.core.events import RequestEnded
from cti.runtime.request_spool import FileSpool, NoSpool
from cti.runtime.requests import Promise, RequestDesk
from cti.store.keyring import create_ring

ASKED = Request(7, "fault.file", {"number": "01088880000", "amount": Decimal("1.50")}, "t.file.1", 60.0)


@dataclass
class Sink:
    """Answers in turn; the last one again and again."""

    answers: list[str]
    keys: list[str] = field(default_factory=list)
    hold: Flag | None = None

    def request(self, source: str, arguments: Any, key: str) -> RequestEnded:
        self.keys.append(key)
        if self.hold is not None:
            self.hold.wait(10)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == "bug":
            raise RuntimeError("a connector's bug")
        return RequestEnded(0, answer, {"ticket": "1"} if answer == "done" else {})


@dataclass
class Clock:
    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at


def spool(folder: Path) -> FileSpool:
    sealer = create_ring(folder / "keys.json").sealer()
    return FileSpool(folder / "requests", sealer.seal, sealer.open)


def desk_of(sink: Sink, kept: FileSpool | NoSpool, clock: Clock, **how: Any) -> RequestDesk:
    def pause(seconds: float) -> None:
        clock.at += seconds
        gevent.sleep(0)

    return RequestDesk(sink, clock, kept, pause=pause, **how)


def idle(desk: RequestDesk) -> None:
    gevent.joinall(list(desk._running), timeout=10)
    assert len(desk) == 0


@pytest.mark.parametrize("outcome", ["done", "rejected", "error", "throttled"])
def test_what_is_known_is_told_and_done_with(tmp_path: Path, outcome: str) -> None:
    kept, told, sink = spool(tmp_path), [], Sink([outcome])
    desk = desk_of(sink, kept, Clock())
    desk.submit("call", ASKED, told.append)
    idle(desk)
    assert [(event.ref, event.outcome) for event in told] == [(7, outcome)]
    assert (sink.keys, kept.kept()) == (["call/t.file.1"], [])


@pytest.mark.parametrize("first", ["unknown", "bug"])
def test_what_nobody_knows_is_asked_again_with_the_same_key(tmp_path: Path, first: str) -> None:
    kept, told = spool(tmp_path), []
    sink = Sink([first, "error", "throttled", "done"])
    desk = desk_of(sink, kept, Clock())
    desk.submit("call", ASKED, told.append)
    idle(desk)
    assert [event.outcome for event in told] == ["unknown"]
    assert sink.keys == ["call/t.file.1"] * 4
    assert kept.kept() == []


def test_it_is_given_up_after_a_day(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept, clock, sink = spool(tmp_path), Clock(), Sink(["unknown"])
    desk = desk_of(sink, kept, clock, patience_s=300.0)
    desk.submit("call", ASKED, lambda _event: None)
    idle(desk)
    assert 1300 <= clock.at < 1400
    assert len(sink.keys) < 15
    assert kept.kept() == []
    assert "given up" in caplog.text


def late(sink: Sink, kept: FileSpool | NoSpool) -> tuple[RequestDesk, list[Any]]:
    told: list[Any] = []
    desk = desk_of(sink, kept, Clock())
    desk.submit("call", Request(7, "fault.file", ASKED.arguments, "t.file.1", 0.01), told.append)
    while not told:
        gevent.sleep(0.005)
    return desk, told


def test_accepted_is_said_of_what_is_on_disk_and_outlives_the_engine(tmp_path: Path) -> None:
    kept, hold = spool(tmp_path), Flag()
    desk, told = late(Sink(["done"], hold=hold), kept)
    assert [event.outcome for event in told] == ["accepted"]
    (promise,) = kept.kept()
    assert promise == Promise("call/t.file.1", "fault.file", ASKED.arguments, 1000.0)
    for file in (tmp_path / "requests").iterdir():
        assert b"01088880000" not in file.read_bytes()
    desk.close()
    idle(desk)
    again = Sink(["done"])
    other = desk_of(again, kept, Clock(2000.0))
    assert other.resume() == 1
    idle(other)
    assert (again.keys, kept.kept(), len(told)) == (["call/t.file.1"], [], 1)


def test_without_a_disk_it_is_unknown(caplog: pytest.LogCaptureFixture) -> None:
    hold = Flag()
    desk, told = late(Sink(["done"], hold=hold), NoSpool())
    hold.set()
    idle(desk)
    assert [event.outcome for event in told] == ["unknown"]
    assert "cannot be kept" in caplog.text


def test_too_many_at_once_are_throttled() -> None:
    hold, told = Flag(), []
    desk = desk_of(Sink(["done"], hold=hold), NoSpool(), Clock(), at_once=1)
    for _ in range(2):
        desk.submit("call", ASKED, told.append)
    assert [event.outcome for event in told] == ["throttled"]
    hold.set()
    idle(desk)
    assert [event.outcome for event in told] == ["throttled", "done"]


def test_a_damaged_file_is_left_and_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = spool(tmp_path)
    kept.keep(Promise("k", "s", {}, 1.0))
    file = next((tmp_path / "requests").iterdir())
    file.write_text("damaged")
    assert kept.kept() == []
    assert "cannot be taken up" in caplog.text
    assert file.exists()
