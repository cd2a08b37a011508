"""Requests by files through the whole interface server: callers who wait, clients who do not, and what nobody knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.boss.async_desk import AsyncDesk
from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.server import InterfaceServer
from cti.boss.way import Outbox
from cti.boss.ways import WAYS
from cti.channels.webhook_http import HttpSender
from cti.core.async_requests import AsyncRequest
from cti.core.webhook_urls import UrlRules
from cti.store import open_store
from cti.store.sealing import Sealer
from tests.boss.rig import TestClock, until
from tests.boss.served import served
from tests.store.template import copy_database

FILE = """
policies:
  change: {retry: {attempts: 1}}
backends:
  orders:
    way: files
    url: out
    every_s: 0.01
    breaker: {min_calls: 2, slow_ms: 1}
    send:
      name: "REQ_{date:%Y%m%d}_{seq:06d}.txt"
      temp: "{name}.tmp"
      done: {name: "{name}.chk", body: "{name}|{bytes}|{rows}|{md5}\\n"}
      every_s: 0.3
      row: {codec: delimited, fields: [serial, msisdn, pack]}
      key: serial
    answers:
      folder: ../back
      match: 'RSP_(?P<seq>\\d+)\\.txt'
      ready: stable
      row: {codec: delimited, fields: [serial, rc, {name: fee, type: decimal, scale: 2}]}
      key: serial
requests:
  pack.order:
    in: {msisdn: phone, pack: text}
    out: {fee: decimal}
    outcomes: [sold_out]
    deadline_ms: 30000
    policy: change
    to: {backend: orders, code: rc, good: ["00"], errors: {E1: rejected, E2: sold_out}}
"""
ARGUMENTS = {"msisdn": "13800138000", "pack": "5G"}


class House:
    def __init__(self, folder: Path, text: str = FILE) -> None:
        copy_database(folder)
        self.store = open_store(f"sqlite:///{folder / 'cti.db'}", folder / "keys.json")
        self.out, self.back, self.clock = folder / "out", folder / "back", TestClock()
        for one in (self.out, self.back):
            one.mkdir()
        accounts = self.store.accounts
        self.server = InterfaceServer(
            parse_office(text, "interfaces.yaml", WAYS),
            self.clock,
            folder=folder,
            sealing=Sealer({"k1": b"k" * 32}, "k1", b"b" * 32),
            writes=accounts.office_writes,
            outbox=Outbox(accounts.request_files, "cti/0", self.clock.now),
        )
        self.desk = AsyncDesk(
            accounts.async_requests, self.server.writes, lambda: self.server.plan, HttpSender(UrlRules()), self.clock,
            "cti/0",
        )  # fmt: skip

    def files(self) -> list[Path]:
        return sorted(self.out / name.removesuffix(".chk") for name in os.listdir(self.out) if name.endswith(".chk"))

    def lines(self) -> list[list[str]]:
        return [line.split("|") for file in self.files() for line in file.read_text().splitlines()]

    def answers(self, text: str) -> None:
        number = len(os.listdir(self.back)) + 1
        (self.back / f"RSP_{number:03d}.txt").write_text(text)

    def facts(self) -> dict[str, Any]:
        return self.server.facts()[0]

    def close(self) -> None:
        self.desk.stop()
        self.server.close()
        self.store.close(10.0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


def order(house: House, key: str) -> Any:
    return gevent.spawn(house.server.request, "pack.order", ARGUMENTS, key)


@pytest.mark.parametrize(
    ("code", "outcome", "values"),
    [("00|1250", "done", "12.50"), ("E1|0", "rejected", None), ("ZZ|0", "unknown", None)],
)
def test_a_caller_who_waits_gets_what_the_file_says(house: House, code: str, outcome: str, values: str | None) -> None:
    asked = order(house, "call/1")
    until(lambda: house.lines() == [["call/1", "13800138000", "5G"]])
    house.answers(f"call/1|{code}\n")
    ended = asked.get(timeout=60)
    assert (ended.outcome, str(ended.values["fee"]) if ended.values else None) == (outcome, values)


def test_a_caller_whose_time_is_over_is_told_unknown_and_the_late_answer_holds(house: House) -> None:
    asked = order(house, "call/1")
    until(house.files)
    house.clock.ahead_s = 60.0
    house.answers("")  # nothing for this one
    asked.kill()
    house.answers("call/1|00|700\n")
    until(lambda: house.facts()["way"]["answered"] == 1)
    ended = order(house, "call/1").get(timeout=60)
    assert (ended.outcome, str(ended.values["fee"])) == ("done", "7.00")
    assert len(house.lines()) == 1


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path, FILE.replace("every_s: 0.3", "every_s: 3600"))
    yield found
    found.close()


def test_many_that_nobody_waits_for_go_in_one_file_and_no_breaker_takes_it_ill(patient: House) -> None:
    house = patient
    now, count = house.clock.now(), 30
    for number in range(count):
        house.desk.add(AsyncRequest(f"r-{number}", "u", "pack.order", f"u/{number}", ARGUMENTS, now, now + 36_000))
    house.desk.start()
    until(lambda: house.facts()["way"]["waiting"] == count, 60.0)
    house.clock.ahead_s = 3600.0
    until(house.files)
    assert sorted(line[0] for line in house.lines()) == sorted(f"u/{number}" for number in range(count))
    assert len(house.files()) == 1
    assert (house.facts()["breaker"], house.facts()["last_failure"]) == ("closed", None)
    house.answers("".join(f"u/{number}|00|{number}\n" for number in range(count)))
    until(lambda: house.facts()["way"]["answered"] == count)

    def ended() -> bool:
        house.clock.ahead_s += 60.0  # they are asked for again
        gevent.sleep(0.05)
        return all(house.desk.find(f"r-{number}").state == "done" for number in range(count))  # type: ignore[union-attr]

    until(ended, 60.0)
    assert len(house.lines()) == count


def test_what_was_never_answered_is_a_dead_letter_and_its_replay_finds_what_came_since(house: House) -> None:
    now = house.clock.now()
    house.desk.add(AsyncRequest("r-1", "u", "pack.order", "u/1", ARGUMENTS, now, now + 100))
    house.desk.start()
    until(house.files)
    house.clock.ahead_s += 200.0
    until(lambda: house.desk.find("r-1").state == "dead")  # type: ignore[union-attr]
    house.answers("u/1|00|700\n")
    ended = house.server.writes.replay("u/1")
    assert (ended.outcome, str(ended.values["fee"]), len(house.lines())) == ("done", "7.00", 1)


def test_without_a_store_nothing_goes_by_files(tmp_path: Path) -> None:
    for name in ("out", "back"):
        (tmp_path / name).mkdir()
    with served(FILE, tmp_path) as server:
        assert server.request("pack.order", ARGUMENTS, "call/1").outcome == "error"
        server.probe("orders", 30.0)
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("temp:", "tmp:", "interfaces.yaml:12:7 [unknown-option]"),
        ('"{name}.tmp"', '"{name}"', "interfaces.yaml:12:13 [bad-option]"),
        ("{seq:06d}", "1", "interfaces.yaml:11:13 [bad-option]"),
        ("{md5}", "{sum}", "interfaces.yaml:13:40 [bad-option]"),
        ("key: serial\n    answers", "key: serail\n    answers", "interfaces.yaml:16:12 [unknown-field]"),
        ("code: rc", "send: {serial: msisdn}, code: rc", "interfaces.yaml:30:33 [missing-field]"),
    ],
)
def test_what_is_wrong_has_its_place(old: str, new: str, told: str) -> None:
    with pytest.raises(OfficeRefused) as raised:
        parse_office(FILE.replace(old, new, 1), "interfaces.yaml", WAYS)
    assert told in "; ".join(map(str, raised.value.issues)), raised.value.issues
