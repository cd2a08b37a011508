"""Asynchronous requests: seen through whatever fails, told to whoever ordered them, never written twice."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti.boss import async_desk
from cti.boss.async_desk import AsyncDesk
from cti.boss.plans import FieldClass
from cti.boss.policies import PolicySettings, UnknownSettings
from cti.boss.way import WayError
from cti.channels.webhook_http import HttpSender
from cti.core.async_requests import AsyncRequest, Callback
from cti.core.webhook_urls import UrlRules
from cti.core.webhooks import Patience
from cti.store import open_store
from tests.boss.rig import until
from tests.boss.test_writes import ARGUMENTS, LOST, REFUSED, Orders
from tests.store.template import copy_database
from tests.webhooks.receiver import Receiver, status, then

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


class House:
    """A desk on a real store. ``b`` is never asked."""

    def __init__(self, folder: Path, policy: PolicySettings) -> None:
        copy_database(folder)
        self.store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")
        self.log = self.store.accounts.async_requests
        self.orders = Orders(policy, self.store.accounts.office_writes)
        self.clock, self.a = self.orders.office.clock, self.orders.a
        self.orders.b.answer = REFUSED
        self.desks: list[AsyncDesk] = []
        self.desk = self.begin()

    def begin(self, *, start: bool = True) -> AsyncDesk:
        """Another engine of the same name."""
        sender, plan = HttpSender(UrlRules(loopback=True), timeout_s=20.0), self.orders.office.plan
        writes, patience = self.orders.engine(), Patience(first_s=0.02)
        desk = AsyncDesk(self.log, writes, lambda: plan, sender, self.clock, "cti/0", patience)
        self.desks.append(desk)
        if start:
            desk.start()
        self.writes = writes
        return desk

    def ask(self, name: str = "r-1", callback: str | None = None, expires_s: float = 3600.0) -> AsyncRequest:
        now = self.clock.now()
        told = None if callback is None else Callback(callback, SECRET)
        one = AsyncRequest(name, "u-anna", "package.order", f"u-anna/{name}", ARGUMENTS, now, now + expires_s, told)
        assert self.desk.add(one)
        return one

    def until(self, state: str, name: str = "r-1", **more: Any) -> AsyncRequest:
        def there() -> bool:
            found = self.log.find(name)
            return found is not None and found.state == state and all(getattr(found, k) == v for k, v in more.items())

        until(there, 60.0)
        found = self.log.find(name)
        assert found is not None
        return found

    def close(self) -> None:
        for desk in self.desks:
            desk.stop()
        self.orders.office.close()
        self.store.close(5.0)


Make = Callable[..., House]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(async_desk, "POLL_S", 0.02)
    monkeypatch.setattr(async_desk, "PAUSE_S", 0.01)
    made: list[House] = []

    def build(policy: PolicySettings | None = None) -> House:
        made.append(House(tmp_path, policy or PolicySettings()))
        return made[-1]

    yield build
    for one in made:
        one.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


def test_it_is_done_and_its_client_is_told_signed_and_masked(make: Make, receiver: Receiver) -> None:
    house = make()
    plan = house.orders.office.plan.requests["package.order"]
    masked = replace(plan, classes={"ticket": FieldClass("ticket", head=1)})
    house.orders.office.plan.requests["package.order"] = masked  # type: ignore[index]
    house.ask(callback=receiver.url)
    found = house.until("done", told="delivered")
    assert (found.outcome, found.values, found.phase, found.attempts) == ("done", {"ticket": "T1"}, "over", 0)
    assert house.a.asked[0].key == "u-anna/r-1"
    (told,) = receiver.until(1)
    headers, body = told.headers, json.loads(told.body)
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + told.body
    expected = base64.b64encode(hmac.new(b"s" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert (body["id"], body["type"]) == ("r-1-done", "request.ended") == (headers["webhook-id"], body["type"])
    assert body["data"] == {
        "request_id": "r-1", "request": "package.order", "state": "done", "outcome": "done",
        "values": {"ticket": "T*"}, "masked": ["ticket"],
    }  # fmt: skip


def test_what_was_not_written_is_tried_again_and_what_is_rejected_is_not(make: Make) -> None:
    house = make()
    answers: list[Any] = [REFUSED, REFUSED, {"rc": "NO"}]

    def answer(_question: Any) -> Any:
        found = answers.pop(0)
        if isinstance(found, WayError):
            raise found
        return found

    house.a.answer = answer
    house.ask()
    assert house.until("rejected").attempts == 2
    assert answers == []


def test_when_its_time_is_over_it_was_not_written(make: Make) -> None:
    house = make()
    house.a.answer = REFUSED
    house.ask(expires_s=30.0)
    until(lambda: len(house.a.asked) > 2)
    house.clock.ahead_s = 60.0
    found = house.until("error")
    assert (found.outcome, house.writes.dead()) == ("error", [])


def test_what_nobody_knows_is_a_dead_letter_and_a_person_decides(make: Make, receiver: Receiver) -> None:
    house = make()
    house.a.answer = LOST
    house.ask(callback=receiver.url)
    house.until("dead", told="delivered")
    assert len(house.a.asked) == 1
    assert [noted.key for noted in house.writes.dead()] == ["u-anna/r-1"]
    house.a.answer = {"rc": "OK", "t": "T2"}
    ended = house.writes.replay("u-anna/r-1")
    house.desk.decided("u-anna/r-1", "done", ended)
    assert house.until("done", told="delivered").values == {"ticket": "T2"}
    assert [one.id for one in receiver.until(2)] == ["r-1-dead", "r-1-done"]


def test_what_stays_unknown_to_the_end_is_a_dead_letter(make: Make) -> None:
    house = make(PolicySettings(unknown=UnknownSettings(status_lookup="order.status", after_s=0.0)))
    house.a.answer = house.orders.s.answer = LOST
    house.ask(expires_s=30.0)
    until(lambda: len(house.orders.s.asked) > 1)
    house.clock.ahead_s = 60.0
    house.until("dead")
    assert len(house.a.asked) == 1
    assert [noted.state for noted in house.writes.dead()] == ["dead"]


def test_an_engine_that_dies_leaves_it_to_the_next_and_nothing_is_written_twice(make: Make) -> None:
    house = make(PolicySettings(unknown=UnknownSettings(status_lookup="order.status", after_s=0.0)))
    house.a.gate.clear()
    house.ask()
    until(lambda: house.a.asked)
    house.desk.stop()
    house.desk = house.begin()  # the log says `sent`, so it is looked for by its key
    assert house.until("done").values == {"ticket": "T1"}
    assert (len(house.a.asked), len(house.orders.s.asked)) == (1, 1)


def test_a_request_that_hangs_keeps_its_own_lane_busy_and_memory_small(make: Make) -> None:
    house = make()
    house.a.gate.clear()
    for number in range(60):
        house.ask(f"r-{number}")
    until(lambda: len(house.a.asked) >= async_desk.ASKED)
    for _ in range(10):
        house.desk.round()
    assert async_desk.ASKED <= len(house.desk._asked) < async_desk.ASKED + async_desk.ROUND
    assert house.desk._asked.shut(0.0) == ["package.order"]
    house.a.gate.set()
    until(lambda: house.log.outstanding() == 0, 60.0)
    assert len({question.key for question in house.a.asked}) == len(house.a.asked) == 60


def test_two_engines_share_the_work(make: Make) -> None:
    house = make()
    house.desk.stop()
    for number in range(30):
        house.ask(f"r-{number}")
    now, found = house.clock.now() + 1, []
    for worker in ("a/0", "b/0", "a/0"):
        found += [one.request_id for one in house.log.claim("ask", worker, now, 60.0, 8, ())]
    assert len(set(found)) == len(found) == 24
    assert house.log.claim("ask", "a/0", now, 60.0, 8, ("package.order",)) == []
    assert len(house.log.claim("ask", "a/0", now + 61, 60.0, 40, ())) == 30  # a lease that ended
    house.log.release("a/0")
    assert len(house.log.claim("ask", "b/0", now, 60.0, 40, ())) == 30


def test_a_client_that_is_away_is_told_later_and_one_that_is_gone_never(make: Make, receiver: Receiver) -> None:
    house = make()
    receiver.behaviour = then(status(500), status(302), status(200))
    house.ask(callback=receiver.url)
    assert house.until("done", told="delivered").attempts == 2
    receiver.behaviour = status(410)
    house.ask("r-2", callback=receiver.url)
    house.until("done", "r-2", told="dead")
    house.ask("r-3", callback="https://inside.example/x")  # the operator's list has changed meanwhile
    house.until("done", "r-3", told="pending", attempts=1)


def test_nothing_of_the_customer_stands_in_the_database_and_what_is_over_goes(make: Make, tmp_path: Path) -> None:
    house = make()
    house.ask(callback="http://localhost:1/secret-path")
    house.until("done")
    row = str(house.store._engine.connect().exec_driver_sql("SELECT * FROM async_requests").fetchone())
    assert "package.order" in row
    assert not [word for word in ("13800000000", "fibre", "secret-path", "whsec") if word in row]
    one = house.ask("r-2")
    house.until("done", "r-2")
    assert not house.desk.add(one)
    house.log.purge(house.clock.now() + 1)
    assert (house.log.find("r-2"), house.log.find("r-1") is None) == (None, False)
