"""The socket way against a back office that is really there: modes, framings, faults; nothing is left over."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cti.boss.way import Question, Surroundings, WayError
from cti.boss.ways.socket import KIND
from cti.boss.ways.socket.options import SocketBackend, SocketTarget
from cti.core.errors import ConfigError
from tests.boss.offices.socket_office import NAME, SocketOffice

NUMBER = "13800138000"
REPLY = ["msisdn", {"name": "balance", "type": "decimal", "scale": 2}, "name"]
FRAMES: dict[str, dict[str, Any]] = {
    "ascii": {
        "header": [
            {"name": "flag", "type": "const", "value": "0xfefe"},
            {"name": "len", "type": "dec", "size": 6},
            {"name": "code", "type": "str", "size": 8},
            {"name": "seq", "type": "dec", "size": 10},
            {"name": "rc", "type": "str", "size": 4},
        ],
        "length": {"field": "len", "counts": "all"},
        "trailer": [{"name": "sum", "type": "hex", "size": 8}],
        "checksum": {"alg": "crc32", "field": "sum", "from": "len"},
        "charset": "gb18030",
    },
    "binary": {
        "header": [
            {"name": "len", "type": "uint", "size": 4},
            {"name": "code", "type": "uint", "size": 2},
            {"name": "seq", "type": "uint", "size": 4},
        ],
        "length": {"field": "len", "counts": "after"},
        "charset": "gb18030",
    },
    "lines": {
        "header": [{"name": "code", "type": "str", "size": 8}],
        "delimiter": "\r\n",
        "charset": "gb18030",
    },
    "mml": {
        "header": [
            {"name": "flag", "type": "const", "value": "`SC`"},
            {"name": "len", "type": "hex", "size": 4},
            {"name": "version", "type": "const", "value": "1.00"},
            {"name": "seq", "type": "dec", "size": 8},
        ],
        "length": {"field": "len", "counts": "after_no_trailer"},
        "trailer": [{"name": "sum", "type": "hex", "size": 8}],
        "checksum": {"alg": "not_xor32", "field": "sum", "from": "version"},
        "body_pad": {"multiple": 4, "fill": " "},
        "max_bytes": 60000,
        "charset": "gb18030",
    },
}
DELIMITED = {
    "body": {"codec": "delimited", "fields": ["msisdn", {"name": "cycle", "required": False}]},
    "reply": {"codec": "delimited", "fields": REPLY},
}
MESSAGES: dict[str, dict[str, Any]] = {
    "ascii": {"QRYBAL": DELIMITED, "LOGIN": {}, "HB": {}},
    "lines": {"QRYBAL": DELIMITED},
    "binary": {
        "QRYBAL": {
            "code": "1",
            "answer": "0x8001",
            "body": {"codec": "tlv", "fields": [{"name": "msisdn", "tag": "0x0001"}]},
            "reply": {
                "codec": "tlv",
                "fields": [
                    {"name": "msisdn", "tag": "0x0001"},
                    {"name": "balance", "type": "decimal", "scale": 2, "tag": "0x0002"},
                    {"name": "name", "tag": "0x0003"},
                ],
            },
        },
        "LOGIN": {"code": "2"},
        "HB": {"code": "3"},
    },
    "mml": {
        "QRYBAL": {
            "body": {"codec": "mml", "command": "QRYBAL"},
            "reply": {
                "codec": "mml",
                "command": "QRYBAL",
                "columns": {},
                "fields": [
                    {"name": "BALANCE", "type": "decimal", "scale": 2},
                ],
            },
        }
    },
}
CORRELATE = {"request": "header.seq", "response": "header.seq"}


class Rig:
    """An office, ways to it, and the count of what must not be left."""

    def __init__(self) -> None:
        self.ways: list[Any] = []
        self.offices: list[SocketOffice] = []

    def office(self, framing: str = "binary", **options: Any) -> SocketOffice:
        self.offices.append(SocketOffice(framing, **options))
        return self.offices[-1]

    def way(self, office: SocketOffice, mode: str, **options: Any) -> Any:
        framing = office.framing
        raw: dict[str, Any] = {
            "addresses": [{"host": "127.0.0.1", "port": office.port}],
            "mode": mode,
            "frame": FRAMES[framing],
            "messages": MESSAGES[framing],
        }
        if framing != "lines":
            raw["correlate"] = CORRELATE
        backend = SocketBackend.model_validate({**raw, **options})
        assert list(KIND.prove_backend(backend)) == []
        self.ways.append(KIND.open(backend, Surroundings("crm", Path("unused"))))
        return self.ways[-1]

    def close(self) -> None:
        for way in self.ways:
            way.close()
        for office in self.offices:
            office.close()


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """At its end every greenlet and thread that began and every socket that was opened is gone."""
    begun: list[Any] = []
    spawn = gevent.spawn

    def counted(*args: Any, **options: Any) -> Any:
        begun.append(spawn(*args, **options))
        return begun[-1]

    monkeypatch.setattr(gevent, "spawn", counted)
    gevent.sleep(0)
    gevent.get_hub().threadpool.apply(int)  # resolves names; stays
    before, threads = len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    made = Rig()
    yield made
    made.close()
    assert _settles(lambda: all(greenlet.dead for greenlet in begun)), "greenlets are left over"
    if len(os.listdir("/proc/self/fd")) > before:
        gc.collect()  # the office's own, which only its dead greenlets hold
    assert _settles(lambda: len(os.listdir("/proc/self/fd")) <= before), "sockets are left over"
    assert _settles(lambda: len(os.listdir("/proc/self/task")) <= threads), "threads are left over"


def _settles(condition: Any, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        gevent.sleep(0.005)
    return True


def ask(way: Any, number: str = NUMBER, patience: float = 20.0, **fields: Any) -> Any:
    name = "MSISDN" if "mml" in fields else "msisdn"
    fields.pop("mml", None)
    target = SocketTarget(message="QRYBAL")
    return way.ask(Question(target, {name: number, **fields}, None, time.monotonic() + patience))


def fails(way: Any, outcome: str, reason: str | tuple[str, ...], *, sent: bool, patience: float = 20.0) -> None:
    with pytest.raises(WayError) as caught:
        ask(way, patience=patience)
    reasons = (reason,) if isinstance(reason, str) else reason
    assert (caught.value.outcome, caught.value.sent) == (outcome, sent), caught.value
    assert caught.value.reason in reasons
    assert NUMBER not in str(caught.value)


MODES = ("per_request", "exclusive", "pipelined", "multiplex")
#: Lines have no sequence, so that nothing can be multiplexed there: the proof refuses it.
PAIRS = [(framing, mode) for framing in FRAMES for mode in MODES if (framing, mode) != ("lines", "multiplex")]


@pytest.mark.parametrize(("framing", "mode"), PAIRS)
def test_every_framing_in_every_mode(rig: Rig, framing: str, mode: str) -> None:
    office = rig.office(framing)
    way = rig.way(office, mode)
    for _ in range(3):
        found = ask(way, mml=True) if framing == "mml" else ask(way)
        names = ("BALANCE", "NAME") if framing == "mml" else ("balance", "name")
        assert [found[name] for name in names] == [Decimal("123.45"), NAME]
    assert office.accepted == (3 if mode == "per_request" else 1)
    assert way.facts()["outstanding"] == 0


@pytest.mark.parametrize("framing", ["ascii", "binary"])
def test_multiplex_answers_in_any_order_reach_their_askers(rig: Rig, framing: str) -> None:
    office = rig.office(framing)
    way = rig.way(office, "multiplex")
    office.fault = "late"
    askers = [gevent.spawn(ask, way, f"138{at:08d}") for at in range(50)]
    assert _settles(lambda: len(office.held) == 50)
    assert way.facts()["outstanding"] == 50
    office.release(backwards=True)
    assert [asker.get(timeout=20)["msisdn"] for asker in askers] == [f"138{at:08d}" for at in range(50)]
    assert office.accepted == 1


def test_exclusive_connections_are_as_many_as_allowed_and_the_rest_wait(rig: Rig) -> None:
    office = rig.office("ascii")
    way = rig.way(office, "exclusive", connections=2)
    office.fault = "late"
    askers = [gevent.spawn(ask, way, f"138{at:08d}") for at in range(4)]
    assert _settles(lambda: len(office.held) == 2)
    fails(way, "timeout", "no-free-connection", sent=False, patience=0.02)
    office.fault = ""
    office.release()
    assert [asker.get(timeout=20)["msisdn"] for asker in askers] == [f"138{at:08d}" for at in range(4)]
    assert office.accepted == 2


@pytest.mark.parametrize("mode", ["exclusive", "pipelined"])
def test_a_wrong_sequence_closes_where_order_counts(rig: Rig, mode: str) -> None:
    office = rig.office("binary")
    way = rig.way(office, mode)
    office.fault, office.times = "wrong_sequence", 1
    fails(way, "error", "wrong-sequence", sent=True)
    assert ask(way)["name"] == NAME
    assert office.accepted == 2


def test_a_wrong_sequence_is_nobodys_answer_in_multiplex(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault, office.times = "wrong_sequence", 1
    fails(way, "timeout", "no-answer", sent=True, patience=0.1)
    assert ask(way)["name"] == NAME
    assert (office.accepted, way.facts()["stray"]) == (1, 1)


def test_a_late_answer_is_dropped_and_counted(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault, office.times = "late", 1
    fails(way, "timeout", "no-answer", sent=True, patience=0.1)
    office.release()
    assert ask(way, "02088886666")["msisdn"] == "02088886666"
    assert way.facts()["late"] == 1


def test_an_exclusive_connection_is_closed_after_a_time_out(rig: Rig) -> None:
    office = rig.office("lines")
    way = rig.way(office, "exclusive")
    office.fault, office.times = "late", 1
    fails(way, "timeout", "no-answer", sent=True, patience=0.1)
    assert way.facts()["connections"] == 0
    assert ask(way, "02088886666")["msisdn"] == "02088886666"
    assert office.accepted == 2


def test_an_answer_that_comes_twice(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault, office.times = "twice", 1
    ask(way)
    assert ask(way, "02088886666")["msisdn"] == "02088886666"
    assert way.facts()["twice"] == 1


def test_without_a_sequence_a_second_answer_ends_the_connection(rig: Rig) -> None:
    office = rig.office("lines")
    way = rig.way(office, "exclusive")
    office.fault, office.times = "twice", 1
    ask(way)
    assert _settles(lambda: way.facts()["connections"] == 0)
    assert ask(way, "02088886666")["msisdn"] == "02088886666"


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


def test_values_that_do_not_fit_are_not_sent(rig: Rig) -> None:
    office = rig.office("ascii")
    way = rig.way(office, "exclusive")
    with pytest.raises(WayError) as caught:
        ask(way, "1|2")
    assert (caught.value.outcome, caught.value.reason, caught.value.sent) == ("rejected", "bad-value", False)
    assert office.accepted == 0


def test_login(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    office = rig.office("ascii")
    login = {"send": "LOGIN", "expect": {"header.rc": "0000"}}
    way = rig.way(office, "multiplex", login=login)
    ask(way)
    assert office.logins == 1
    way.probe(time.monotonic() + 20)
    office.login_good = False
    office.reset_all()
    assert _settles(lambda: way.facts()["connections"] == 0)
    fails(way, "error", "login-refused", sent=False)


def test_missed_heartbeats_end_the_connection(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex", heartbeat={"every_s": 0.02, "send": "HB", "expect": "0x8003", "misses": 2})
    ask(way)
    gevent.sleep(0.1)
    assert way.facts()["connections"] == 1
    office.beats_answered = False
    assert _settles(lambda: way.facts()["connections"] == 0)
    office.beats_answered = True
    assert ask(way)["name"] == NAME


def test_an_idle_connection_is_closed(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex", idle_s=0.05)
    ask(way)
    assert _settles(lambda: way.facts()["connections"] == 0 and office.connected == 0)
    assert ask(way)["name"] == NAME


def test_closing_ends_what_waits(rig: Rig) -> None:
    office = rig.office("binary")
    way = rig.way(office, "multiplex")
    office.fault = "silent"
    asker = gevent.spawn(fails, way, "error", "closed", sent=True)
    assert _settles(lambda: way.facts()["outstanding"] == 1)
    way.close()
    asker.get(timeout=20)
    fails(way, "error", "closed", sent=False)


def certificate(folder: Path, host: str) -> tuple[str, str]:
    """Self-signed, so that it is its own authority: (certificate, key)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = (folder / f"{host}.crt", folder / f"{host}.key")
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain),
    )
    return str(files[0]), str(files[1])


def test_tls_verifies_the_certificate_and_the_name(rig: Rig, tmp_path: Path) -> None:
    ours, other = certificate(tmp_path, "boss.example"), certificate(tmp_path, "else.example")
    office = rig.office("binary", tls=ours)
    good = {"ca_file": ours[0], "server_name": "boss.example"}
    assert ask(rig.way(office, "multiplex", tls=good))["name"] == NAME
    for wrong in ({**good, "server_name": "else.example"}, {**good, "ca_file": other[0]}, {"ca_file": ours[0]}):
        fails(rig.way(office, "exclusive", tls=wrong), "error", "certificate", sent=False)
    with pytest.raises(ConfigError, match="certificates"):
        rig.way(office, "exclusive", tls={"ca_file": str(tmp_path / "nothing.pem")})
