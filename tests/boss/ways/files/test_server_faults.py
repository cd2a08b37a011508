"""Servers of files that refuse, stall, break off or are not who they should be: each fault, its named outcome and
reason by FTP, FTPS and SFTP; then the server is as it should be, and answers. Threads, sockets and greenlets are
counted.

A server that goes away while what was fetched goes on answering stands in `test_fetching`.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.boss.counting import nothing_left
from tests.boss.rig import until
from tests.boss.ways.files.site import KINDS, Site
from tests.boss.ways.files.spoiling import Read, imposter, spoil_files
from tests.boss.ways.files.test_file_faults import ask, deliver, good, opened
from tests.webhooks.receiver import authority

SHORT_S = 0.2
#: Not the bound that is tried.
LONG_S = 60.0
UP_TO = {"connect_s": LONG_S, "idle_s": LONG_S, "deadline_s": LONG_S}
TLS, SSH = ("ftps",), ("sftp",)
SERVED = tuple(KINDS[1:])


# ---- who stands in the server's place --------------------------------------------------------------------------------


def silent(sock: socket.socket, stops: threading.Event) -> None:
    stops.wait()


def drip(sock: socket.socket, stops: threading.Event) -> None:
    while not stops.wait(0.02):
        sock.sendall(b"2")


def reset(sock: socket.socket, stops: threading.Event) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def flood(sock: socket.socket, stops: threading.Event) -> None:
    for _ in range(1 << 14):  # 1 GB
        sock.sendall(b"2" * 65_536)


def chatter(sock: socket.socket, stops: threading.Event) -> None:
    for _ in range(1 << 14):
        sock.sendall(b"220-2\r\n" * 9362)


def packet(sock: socket.socket, stops: threading.Event) -> None:
    sock.sendall(b"SSH-2.0-x\r\n" + struct.pack("!I", (1 << 30) + 4))
    flood(sock, stops)


def html(sock: socket.socket, stops: threading.Event) -> None:
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html></html>\r\n")


# ---- what becomes of a file ------------------------------------------------------------------------------------------


class Reading:
    """What a server does when it is asked for a file, until ``stops``; then what it should."""

    def __init__(self, site: Site) -> None:
        self.site, self.stops, self.does = site, threading.Event(), ""

    def __call__(self, file: Any, size: int) -> bytes:
        return bytes(getattr(self, f"_{self.does}")(file, size)) if self.does else bytes(file.read(size))

    def _stalls(self, file: Any, size: int) -> bytes:
        self.stops.wait()
        return b""

    def _drips(self, file: Any, size: int) -> bytes:
        self.stops.wait(0.02)
        return bytes(file.read(1))

    def _breaks_off(self, file: Any, size: int) -> bytes:
        self.site.server.cut()
        return b""

    def _fails(self, file: Any, size: int) -> bytes:
        raise OSError(5, "the disk is ill")

    def _never_ends(self, file: Any, size: int) -> bytes:
        return b"2" * size


@dataclass(frozen=True)
class Fault:
    """One of: the server is ``away``, another stands there ``instead``, what it ``does`` with a file, ``options``
    of ours that do not go with it."""

    reason: str | Mapping[str, str]
    instead: Callable[[socket.socket, threading.Event], None] | None = None
    away: bool = False
    does: str = ""
    options: Callable[[Path], Mapping[str, Any]] = lambda _home: {}
    within: Mapping[str, float] = field(default_factory=dict)
    kinds: tuple[str, ...] = SERVED


FAULTS = {
    "refused": Fault("unreachable", away=True),
    "half-open": Fault(
        {"ftp": "timeout", "ftps": "timeout", "sftp": "unreachable"}, silent, within={"connect_s": SHORT_S}
    ),
    "slow drip": Fault("timeout", drip, within={"deadline_s": SHORT_S}),
    "reset": Fault("unreachable", reset),
    "1 GB instead of a greeting": Fault({"ftp": "protocol", "ftps": "protocol", "sftp": "unreachable"}, flood),
    "1 GB of greetings": Fault({"ftp": "protocol", "ftps": "protocol", "sftp": "unreachable"}, chatter),
    "1 GB in one packet": Fault("unreachable", packet, kinds=SSH),
    "HTML": Fault({"ftp": "protocol", "ftps": "protocol", "sftp": "unreachable"}, html),
    "login refused": Fault("login", options=lambda _: {"password": "wrong"}),
    "another host key": Fault("bad-host-key", options=lambda _: {"fingerprint": "SHA256:" + "A" * 43}, kinds=SSH),
    "another authority's certificate": Fault(
        "bad-certificate", options=lambda home: {"ca_file": authority(home / "other", "localhost").ca}, kinds=TLS
    ),
    "silent in the middle": Fault("timeout", does="stalls", within={"idle_s": SHORT_S}),
    "slow drip in the middle": Fault("timeout", does="drips", within={"deadline_s": SHORT_S}),
    "reset in the middle": Fault("reset", does="breaks_off"),
    "its disk fails in the middle": Fault({"ftp": "protocol", "ftps": "reset", "sftp": "protocol"}, does="fails"),
    "1 GB where it told 29 bytes": Fault("too-long", does="never_ends"),
}


@pytest.fixture
def counted() -> Iterator[None]:
    with nothing_left():
        yield


def test_each_server_has_its_outcome_and_once_it_is_well_it_answers(
    counted: None, server: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(server)
    read: Read = reading
    spoil_files(monkeypatch, read)
    deliver(server, "BILLS", 1, good(1))
    faults = {name: fault for name, fault in FAULTS.items() if server.kind in fault.kinds}
    found = {name: ended(server, fault, reading) for name, fault in faults.items()}
    assert found == {
        name: ("error", fault.reason if isinstance(fault.reason, str) else fault.reason[server.kind], False)
        for name, fault in faults.items()
    }


def ended(site: Site, fault: Fault, reading: Reading) -> Any:
    reading.does = fault.does
    with ExitStack() as instead:
        if fault.away or fault.instead is not None:
            site.stop()
        if fault.instead is not None:
            instead.enter_context(imposter(site.port, fault.instead))
        wrong = fault.options(site.home)
        with opened(site, {"BILLS": {}}, **{**UP_TO, **fault.within, **wrong}) as way:
            found = ask(way, "BILLS")
            reading.does = ""
            reading.stops.set()
            instead.close()
            if fault.away or fault.instead is not None:
                site.start()
            if not wrong:
                answers(site, way, fault)
    if wrong:
        with opened(site, {"BILLS": {}}) as way:
            answers(site, way, fault)
    reading.stops.clear()
    return found


def answers(site: Site, way: Any, fault: Fault) -> None:
    if fault.reason == "too-long":  # a file that was refused is tried again when it has changed
        deliver(site, "BILLS", 1, good(11))
    until(lambda: ask(way, "BILLS") == (11 if fault.reason == "too-long" else 1) and way.facts()["folder"] == "ok")
