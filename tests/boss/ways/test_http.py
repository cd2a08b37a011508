"""The HTTP way against a back office that is really there: what is sent, faults; nothing is left over."""

from __future__ import annotations

import gc
import os
import select
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.boss.way import Carried, Question, Surroundings, WayError
from cti.boss.ways.http import KIND
from cti.boss.ways.http.options import HttpBackend, HttpTarget
from cti.core.errors import ConfigError
from tests.boss.offices.http_office import NAME, HttpOffice
from tests.boss.rig import until
from tests.boss.served import served
from tests.boss.ways.socketkit import certificate

NUMBER = "13800138000"
REPLY = {"codec": "json", "fields": [{"name": "account.balance", "type": "decimal"}]}
OPERATIONS: dict[str, Any] = {
    "BALANCE": {"body": {"codec": "json", "fields": ["msisdn"]}, "reply": REPLY, "path": "/balance"},
    "READ": {"method": "GET", "path": "/accounts/{msisdn}", "query": ["cycle"], "reply": REPLY},
    "NONE": {"method": "GET", "path": "/none", "reply": REPLY},
    "ORDER": {"path": "/orders", "body": {"codec": "json"}, "headers": {"X-Kind": "order"}, "reply": REPLY},
}


class Rig:
    def __init__(self) -> None:
        self.ways: list[Any] = []
        self.offices: list[HttpOffice] = []

    def office(self, tls: tuple[str, str] | None = None) -> HttpOffice:
        self.offices.append(HttpOffice(tls))
        return self.offices[-1]

    def way(self, office: HttpOffice, url: str = "http://127.0.0.1:{port}/api/", **options: Any) -> Any:
        raw = {"url": url.format(port=office.port), "operations": OPERATIONS, **options}
        backend = HttpBackend.model_validate(raw)
        assert list(KIND.prove_backend(backend)) == []
        self.ways.append(KIND.open(backend, Surroundings("crm", Path("unused"))))
        return self.ways[-1]

    def close(self) -> None:
        for way in self.ways:
            way.close()
        for office in self.offices:
            until(lambda office=office: not office.connected)  # type: ignore[misc]
            office.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    """At its end no greenlet, socket or thread is left."""
    gevent.get_hub().threadpool.apply(int)  # resolves names; stays
    gc.collect()
    before, opened = _greenlets(), _opened()
    rig = Rig()
    yield rig
    rig.close()
    until(lambda: gc.collect() >= 0 and _greenlets() <= before)
    until(lambda: all(now <= was for now, was in zip(_opened(), opened, strict=True)))


def _opened() -> tuple[int, int]:
    """Descriptors and threads of this process."""
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))


def _greenlets() -> int:
    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())


def ask(way: Any, operation: str = "BALANCE", fields: Any = None, key: str | None = None, within: float = 60.0) -> Any:
    given = {"msisdn": NUMBER} if fields is None else fields
    return way.ask(Question(HttpTarget(operation=operation), given, key, time.monotonic() + within))


def fails(way: Any, outcome: str, reason: str, sent: bool, **how: Any) -> None:
    with pytest.raises(WayError) as raised:
        ask(way, **how)
    error = raised.value
    assert (error.outcome, error.reason, error.sent) == (outcome, reason, sent)
    assert NUMBER not in str(error)


# ---- what is sent --------------------------------------------------------------------------------------------------


def test_fields_stand_in_body_path_and_query(rig: Rig) -> None:
    office = rig.office()
    way = rig.way(office, headers={"X-Channel": "ivr"}, user="cti", password="geheim")
    answer = ask(way)
    assert (answer["account"]["balance"], answer["account"]["name"], answer["status"]) == (Decimal("12.50"), NAME, 200)
    assert answer["header"]["content-type"] == "application/json"
    ask(way, "READ", {"msisdn": "1/2?x=y", "cycle": "a&b"})
    ask(way, "ORDER", {"msisdn": NUMBER, "name": NAME}, key="call 1/flow.n.1\r\n")
    (m1, p1, h1, b1), (m2, p2, h2, b2), (_, p3, h3, b3) = office.asked
    assert (m1, p1, b1) == ("POST", "/api/balance", b'{"msisdn":"13800138000"}')
    assert (h1["content-type"], h1["x-channel"], h1["authorization"]) == (
        "application/json", "ivr", "Basic Y3RpOmdlaGVpbQ==",
    )  # fmt: skip
    assert (m2, p2, b2) == ("GET", "/api/accounts/1%2F2%3Fx%3Dy?cycle=a%26b", b"")
    assert "idempotency-key" not in h1 | h2
    assert (p3, h3["x-kind"], h3["idempotency-key"]) == ("/api/orders", "order", "call%201/flow.n.1%0D%0A")
    assert NAME in b3.decode()


def test_reads_share_a_connection_and_writes_have_a_fresh_one(rig: Rig) -> None:
    office = rig.office()
    way = rig.way(office)
    for _ in range(3):
        ask(way)
    assert (office.accepted, way.facts()["idle"]) == (1, 1)
    ask(way, "ORDER", key="k")
    assert office.accepted == 2
    office.hang_up()  # while they wait here
    assert ask(way)["status"] == 200
    asked = [gevent.spawn(ask, way) for _ in range(20)]
    gevent.joinall(asked, timeout=60.0, raise_error=True)
    assert way.facts()["connections"] <= 20


def test_a_chunked_answer_is_read(rig: Rig) -> None:
    office = rig.office()
    office.fault = "chunked"
    assert ask(rig.way(office))["account"]["balance"] == Decimal("12.50")


# ---- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "sent"),
    [
        ("reset", "error", "reset", True),
        ("hangs_up", "error", "closed-by-peer", True),
        ("middle", "error", "truncated", True),
        ("huge", "error", "too-long", True),
        ("endless", "error", "too-long", True),
        ("short", "error", "bad-body", True),
        ("html", "error", "html", True),
        ("redirect", "error", "redirect", True),
        ("no_http", "error", "bad-http", True),
        ("packed", "error", "content-encoding", True),
        ("missing", "error", "missing-field", True),
        ("not_a_number", "error", "bad-body", True),
        ("other_type", "error", "bad-field", True),
        ("duplicate", "error", "duplicate-field", True),
        ("garbage", "error", "bad-encoding", True),
        ("busy", "throttled", "status-503", True),
        ("broken", "error", "status-500", True),
        ("bad_request", "error", "status-400", False),
    ],
)
def test_each_fault_has_its_outcome_and_the_next_question_is_answered(
    rig: Rig, fault: str, outcome: str, reason: str, sent: bool
) -> None:
    office = rig.office()
    office.fault, office.times = fault, 1
    way = rig.way(office)
    fails(way, outcome, reason, sent)
    assert len(office.asked) == 1  # nothing is followed, nothing is asked twice
    assert ask(way)["status"] == 200


@pytest.mark.parametrize("fault", ["silent", "drip"])
def test_a_slow_answer_ends_at_the_deadline(rig: Rig, fault: str) -> None:
    office = rig.office()
    way = rig.way(office)
    ask(way)
    office.fault = fault
    fails(way, "timeout", "no-answer", True, within=0.5)
    assert way.facts()["connections"] == 0


def test_an_answer_that_comes_twice_is_not_the_next_ones(rig: Rig) -> None:
    office = rig.office()
    office.fault, office.times = "twice", 1
    way = rig.way(office)
    assert ask(way)["account"]["balance"] == Decimal("12.50")
    for _ in range(3):
        assert ask(way)["account"]["balance"] == Decimal("12.50")
    office.stray()
    waits = select.poll()
    waits.register(way._idle[0][0].fileno(), select.POLLIN)
    until(lambda: waits.poll(0))
    before = office.accepted
    assert ask(way)["account"]["balance"] == Decimal("12.50")
    assert office.accepted == before + 1


def test_a_late_answer_is_nobodys(rig: Rig) -> None:
    office = rig.office()
    office.fault, office.times = "late", 1
    way = rig.way(office)
    fails(way, "timeout", "no-answer", True, within=0.2)
    until(lambda: office.held)
    office.release()
    assert ask(way)["account"]["balance"] == Decimal("12.50")
    assert office.accepted == 2


def test_who_is_not_there_has_not_got_it(rig: Rig) -> None:
    office = rig.office()
    way = rig.way(office)
    office.close()
    fails(way, "error", "refused", False)
    with pytest.raises(WayError, match="refused"):
        way.probe(time.monotonic() + 60)
    way.close()
    fails(way, "error", "closed", False)


def test_fields_that_do_not_fit_are_not_sent(rig: Rig) -> None:
    office = rig.office()
    way = rig.way(office)
    fails(way, "rejected", "missing-field", False, operation="READ", fields={"msisdn": None})
    fails(way, "rejected", "missing-field", False, fields={})
    assert office.asked == []


def test_a_certificate_is_verified(rig: Rig, tmp_path: Path) -> None:
    ours = certificate(tmp_path, "crm.example")
    office = rig.office(ours)
    url = "https://127.0.0.1:{port}"
    good = {"ca_file": ours[0], "server_name": "crm.example"}
    assert ask(rig.way(office, url, tls=good))["status"] == 200
    for wrong in ({}, {"ca_file": ours[0]}, {"ca_file": ours[0], "server_name": "other.example"}):
        fails(rig.way(office, url, tls=wrong), "error", "certificate", False)
    with pytest.raises(ConfigError, match="certificates"):
        rig.way(office, url, tls={"ca_file": "nothing.pem"})


# ---- configuration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "where", "code"),
    [
        ({"url": "http://crm.example/x"}, "url", "bad-url"),
        ({"url": "https://u:p@crm.example/x"}, "url", "bad-url"),
        ({"url": "https://crm.example/x?y"}, "url", "bad-url"),
        ({"url": "crm.example"}, "url", "bad-url"),
        ({"url": "https://crm.example:99999"}, "url", "bad-url"),
        ({"probe": "NOTHING"}, "probe", "unknown-operation"),
        ({"operations": {"A": {"path": "x"}}}, "operations/A/path", "bad-url"),
        ({"operations": {"A": {"path": "/{a"}}}, "operations/A/path", "bad-url"),
        ({"operations": {"A": {"method": "GET", "body": {"codec": "json"}}}}, "operations/A/body", "bad-option"),
        ({"operations": {"A": {"reply": {"codec": "tlv"}}}}, "operations/A/reply", "missing-option"),
    ],
)
def test_mistakes_of_a_back_end(options: dict[str, Any], where: str, code: str) -> None:
    backend = HttpBackend.model_validate({"url": "https://crm.example", "operations": OPERATIONS, **options})
    found = list(KIND.prove_backend(backend))
    assert ("/".join(map(str, found[0].path)), found[0].code) == (where, code), found
    assert HttpBackend.model_validate({"url": "http://crm.example", "insecure": True, "operations": OPERATIONS})


@pytest.mark.parametrize(
    ("target", "where", "code"),
    [
        ({"operation": "BALANSE"}, "operation", "unknown-operation"),
        ({"operation": "BALANCE", "send": {"msisdn": "m", "no": "m"}}, "send/no", "unknown-field"),
        ({"operation": "BALANCE", "send": {}}, "", "unknown-field"),
        ({"operation": "READ", "send": {"msisdn": "m"}}, "send", "missing-field"),
    ],
)
def test_mistakes_of_a_target(target: dict[str, Any], where: str, code: str) -> None:
    backend = HttpBackend.model_validate({"url": "https://crm.example", "operations": OPERATIONS})
    carried = Carried(frozenset(target.get("send") or {"msisdn", "other"}), write=False)
    found = list(KIND.prove_target(backend, HttpTarget.model_validate(target), carried))
    assert ("/".join(map(str, found[0].path)), found[0].code) == (where, code), found


def test_through_the_server_a_status_is_an_outcome(rig: Rig, tmp_path: Path) -> None:
    text = """
backends:
  crm:
    way: http
    url: "http://127.0.0.1:%d"
    operations:
      READ: {method: GET, path: "/accounts/{msisdn}"}
      NONE: {method: GET, path: "/none/{msisdn}"}
lookups:
  balance.get:
    in: {msisdn: phone}
    out: {balance: decimal, name: text!}
    to: {backend: crm, operation: READ, take: {balance: account.balance, name: account.name}}
  none.get:
    in: {msisdn: phone}
    out: {balance: decimal}
    to: {backend: crm, operation: NONE, code: status, errors: {"404": not_found}}
  strict.get: {in: {msisdn: phone}, out: {balance: decimal}, to: {backend: crm, operation: NONE}}
"""
    office = rig.office()
    with served(text % office.port, tmp_path) as server:
        told = server.ask("balance.get", {"msisdn": NUMBER}, 60.0)
        assert (told.outcome, told.values) == ("ok", {"balance": Decimal("12.50"), "name": NAME})
        assert server.ask("none.get", {"msisdn": NUMBER}, 60.0).outcome == "not_found"
        assert server.ask("strict.get", {"msisdn": NUMBER}, 60.0).outcome == "error"
        (facts,) = server.facts()
        assert (facts["kind"], facts["failures"]) == ("http", {"status-404": 1})
        assert facts["services"] == {"NONE": "closed", "READ": "closed"}
