"""A way by sockets to a back office that is really there, and a look at what is left of it."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
from tests.boss.offices.socket_office import SocketOffice

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
    assert settles(lambda: all(greenlet.dead for greenlet in begun)), "greenlets are left over"
    if len(os.listdir("/proc/self/fd")) > before:
        gc.collect()  # the office's own, which only its dead greenlets hold
    assert settles(lambda: len(os.listdir("/proc/self/fd")) <= before), "sockets are left over"
    assert settles(lambda: len(os.listdir("/proc/self/task")) <= threads), "threads are left over"


def settles(condition: Any, seconds: float = 20.0) -> bool:
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
