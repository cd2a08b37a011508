"""Connections of the socket way: where they go, how they begin and what ends them."""

from __future__ import annotations

import time
from pathlib import Path

import gevent
import pytest

from cti.boss.way import WayError
from cti.core.errors import ConfigError
from tests.boss.offices.socket_office import NAME
from tests.boss.ways.socketkit import Rig, ask, certificate, fails, rig, settles

__all__ = ["rig"]  # the fixture


def test_refused_is_certainly_not_sent_and_is_not_hammered(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.close()
    fails(way, "error", "refused", sent=False)
    failures = way.facts()["connect_failures"]
    for _ in range(20):
        fails(way, "error", "refused", sent=False)
    assert way.facts()["connect_failures"] <= failures + 3


@pytest.mark.parametrize("mode", ["per_request", "exclusive", "multiplex"])
def test_one_that_hangs_up_at_once_is_not_dialled_on_and_on(rig: Rig, mode: str) -> None:
    office = rig.office("binary")
    way = rig.way(office, mode)
    office.hangs_up = True
    for _ in range(40):
        with pytest.raises(WayError) as caught:
            ask(way, patience=0.02)
        assert caught.value.outcome in ("error", "timeout")
    assert office.accepted <= 45


def test_the_second_address_takes_over(rig: Rig) -> None:
    dead, alive = rig.office("binary"), rig.office("binary")
    addresses = [{"host": "127.0.0.1", "port": one.port} for one in (dead, alive)]
    dead.close()
    way = rig.way(alive, "per_request", addresses=addresses)
    for _ in range(3):
        assert ask(way)["name"] == NAME
    assert alive.accepted == 3


def test_silence_ends_a_shared_connection(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault = "silent"
    for _ in range(3):
        fails(way, "timeout", "no-answer", sent=True, patience=0.05)
    office.fault = ""
    assert ask(way)["name"] == NAME
    assert office.accepted == 2


def test_login(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    office = rig.office("ascii")
    login = {"send": "LOGIN", "expect": {"header.rc": "0000"}}
    way = rig.way(office, "multiplex", login=login)
    ask(way)
    assert office.logins == 1
    way.probe(time.monotonic() + 20)
    office.login_good = False
    office.reset_all()
    assert settles(lambda: way.facts()["connections"] == 0)
    fails(way, "error", "login-refused", sent=False)


def test_missed_heartbeats_end_the_connection(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex", heartbeat={"every_s": 0.02, "send": "HB", "expect": "0x8003", "misses": 2})
    ask(way)
    gevent.sleep(0.1)
    assert way.facts()["connections"] == 1
    office.beats_answered = False
    assert settles(lambda: way.facts()["connections"] == 0)
    office.beats_answered = True
    assert ask(way)["name"] == NAME


def test_an_idle_connection_is_closed(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex", idle_s=0.05)
    ask(way)
    assert settles(lambda: way.facts()["connections"] == 0 and office.connected == 0)
    assert ask(way)["name"] == NAME


def test_closing_ends_what_waits(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault = "silent"
    asker = gevent.spawn(fails, way, "error", "closed", sent=True)
    assert settles(lambda: way.facts()["outstanding"] == 1)
    way.close()
    asker.get(timeout=20)
    fails(way, "error", "closed", sent=False)


def test_tls_verifies_the_certificate_and_the_name(rig: Rig, tmp_path: Path) -> None:
    ours, other = certificate(tmp_path, "boss.example"), certificate(tmp_path, "else.example")
    office = rig.office("binary", tls=ours)
    good = {"ca_file": ours[0], "server_name": "boss.example"}
    assert ask(rig.way(office, "multiplex", tls=good))["name"] == NAME
    for wrong in ({**good, "server_name": "else.example"}, {**good, "ca_file": other[0]}, {"ca_file": ours[0]}):
        fails(rig.way(office, "exclusive", tls=wrong), "error", "certificate", sent=False)
    with pytest.raises(ConfigError, match="certificates"):
        rig.way(office, "exclusive", tls={"ca_file": str(tmp_path / "nothing.pem")})
