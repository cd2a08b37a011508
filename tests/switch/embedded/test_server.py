"""The embedded switch over real sockets, and what people do to it there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import gevent
import pytest
from gevent import socket as gsocket

from cti.switch.embedded import EmbeddedSwitch, Hear, Keys, SwitchConfig

SLOTS = "api global_setvar cti_alive_0=1\n\n"


@pytest.fixture
def switch() -> Iterator[EmbeddedSwitch]:
    server = EmbeddedSwitch(SwitchConfig(password="secret", event_queue=200))
    server.start()
    yield server
    server.stop()


class Peer:
    """A client that reads with a deadline."""

    def __init__(self, switch: EmbeddedSwitch, login: bool = True) -> None:
        self.sock = gsocket.create_connection(("127.0.0.1", switch.port))
        self.data = b""
        if login:
            self.send(b"auth secret\n\n")
            self.until(b"+OK accepted\n\n")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def until(self, wanted: bytes, deadline_s: float = 30.0) -> bytes:
        """Read until ``wanted`` came; returns all up to and with it."""
        end = time.monotonic() + deadline_s
        while wanted not in self.data:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            chunk = self.sock.recv(65536)
            if not chunk:
                raise EOFError(self.data[-200:])
            self.data += chunk
        head, _, self.data = self.data.partition(wanted)
        return head + wanted

    def closed(self, deadline_s: float = 30.0) -> bool:
        self.sock.settimeout(deadline_s)
        with suppress(ConnectionError):
            while self.sock.recv(65536):
                pass
        return True


def test_a_call_from_dialling_to_the_keys(switch: EmbeddedSwitch) -> None:
    peer = Peer(switch)
    peer.send(b"event plain CHANNEL_PARK CHANNEL_EXECUTE_COMPLETE DTMF CHANNEL_HANGUP_COMPLETE\n\n" + SLOTS.encode())
    peer.until(b"+OK")
    caller = switch.call("+8613800001234", "95001", name="Li", script=[Hear("balance"), Keys("12")])
    uuid = caller.channel.uuid if caller.channel else ""
    assert b"variable_presence_data: 0" in peer.until(b"variable_presence_data: 0\n")
    peer.send(f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: answer\nevent-uuid: a\n\n".encode())
    peer.until(b"Application-UUID: a\n")
    peer.send(
        f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: playback\nevent-uuid: p\n"
        "content-type: text/plain\ncontent-length: 28\n\nsay:cti:en:Your balance is 5".encode()
    )
    peer.until(b"DTMF-Digit: 1\n")
    peer.until(b"DTMF-Digit: 2\n")
    peer.until(b"Application-UUID: p\n")
    assert [heard.text for heard in caller.log] == ["Your balance is 5"]
    caller.hangup()
    peer.until(b"Event-Name: CHANNEL_HANGUP_COMPLETE")


def test_wrong_password_ends_the_connection(switch: EmbeddedSwitch) -> None:
    peer = Peer(switch, login=False)
    peer.send(b"auth wrong\n\n")
    peer.until(b"-ERR invalid\n\n")
    assert peer.closed()


def test_addresses_outside_the_list_are_rejected() -> None:
    server = EmbeddedSwitch(SwitchConfig(acl=("192.0.2.0/24",)))
    server.start()
    peer = Peer(server, login=False)
    assert b"text/rude-rejection" in peer.until(b"Access Denied, go away.\n")
    assert peer.closed()
    server.stop()


def test_api_holds_back_only_its_own_connection(switch: EmbeddedSwitch) -> None:
    slow, quick = Peer(switch), Peer(switch)
    slow.send(b"api msleep 2000\n\napi echo after\n\n")
    quick.send(b"api echo quick\n\n")
    started = time.monotonic()
    quick.until(b"quick")
    assert time.monotonic() - started < 1.9
    assert slow.until(b"after").index(b"+OK") < slow_end(b"after")


def slow_end(word: bytes) -> int:
    return 10_000 + len(word)


def test_a_command_beyond_the_bound_is_refused_and_others_go_on(switch: EmbeddedSwitch) -> None:
    bad, good = Peer(switch), Peer(switch)
    bad.send(b"sendmsg x\ncontent-length: 99999999999\n\n")
    assert bad.closed()
    good.send(b"api echo alive\n\n")
    good.until(b"alive")


def test_floods_of_headers_and_digits_disturb_nobody(switch: EmbeddedSwitch) -> None:
    bad, good = Peer(switch), Peer(switch)
    bad.send(SLOTS.encode())
    caller = switch.call("1", "95001")
    uuid = caller.channel.uuid if caller.channel else ""
    flood = "".join(f"h{n}: {n}\n" for n in range(20_000))
    bad.send(f"sendmsg {uuid}\n{flood}\n".encode() + f"api uuid_recv_dtmf {uuid} {'1' * 10_000}\n\n".encode())
    bad.until(b"received DTMF")
    good.send(b"api echo alive\n\n")
    good.until(b"alive")
    assert len(caller.channel.dtmf if caller.channel else ()) <= 100
    caller.hangup()


def test_a_client_that_stops_reading_is_dropped_and_others_go_on(switch: EmbeddedSwitch) -> None:
    stuck, good = Peer(switch), Peer(switch)
    stuck.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.send(b"event plain CUSTOM flood::x\n\n")
    stuck.until(b"enabled plain\n\n")
    body = "z" * 20_000
    deadline = time.monotonic() + 10
    while len(switch._peers) > 1 and time.monotonic() < deadline:
        for _ in range(50):
            switch.core.bus.fire("CUSTOM", list, subclass="flood::x", body=body)
        gevent.sleep(0.005)
    assert len(switch._peers) == 1
    good.send(b"api echo alive\n\n")
    good.until(b"alive")


def test_dribbled_bytes_and_bare_carriage_returns(switch: EmbeddedSwitch) -> None:
    peer = Peer(switch)
    for byte in b"api echo dribble\r\n\r\n":
        peer.send(bytes([byte]))
    peer.until(b"dribble")
    peer.send(b"\r\r\r\napi echo again\n\r\n")
    peer.until(b"again")


def test_kill_cuts_every_connection(switch: EmbeddedSwitch) -> None:
    peer = Peer(switch)
    switch.kill()
    assert peer.closed()
    assert peer.data == b""


def test_control_channel_places_and_drives_a_caller(switch: EmbeddedSwitch) -> None:
    peer = Peer(switch)
    peer.send(b"event plain DTMF CUSTOM cti::heard cti::caller_done\n\n" + SLOTS.encode())
    peer.until(b"+OK")
    peer.send(b'api cti_call {"number": "2000", "called": "95001", "script": [{"hear": "hello"}, "7", 0.2, "h"]}\n\n')
    uuid = peer.until(b"\n\n+OK ") and peer.until(b"\n")[:36].decode()
    for app, arg in (("answer", ""), ("playback", "say:cti:en:Hello there")):
        peer.send(
            f"sendmsg {uuid}\ncall-command: execute\nexecute-app-name: {app}\nexecute-app-arg: {arg}\n\n".encode()
        )
    heard = peer.until(b"Heard-Interrupted: false\n")
    assert b"Heard-Text: Hello%20there\n" in heard
    peer.until(b"DTMF-Digit: 7\n")
    peer.until(b"Event-Subclass: cti%3A%3Acaller_done\n")


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        ("{", "-ERR not JSON"),
        ("[]", "-ERR neither a JSON object nor one in base64"),
        ('{"number": "1"}', "-ERR called is missing"),
        ('{"called": "1", "script": ["x1"]}', "-ERR 'x1' are no keys"),
        ('{"called": "1", "script": [true]}', "-ERR a script item is"),
        ('{"called": "1", "script": [-1]}', "-ERR -1 is no time"),
        ('{"called": "1", "script": {}}', "-ERR script must be a list"),
        ('{"called": 1.5}', "-ERR called must be a text"),
        ('{"called": "1", "hangup_after": "x"}', "-ERR hangup_after must be seconds"),
    ],
)
def test_bad_requests_for_callers_say_what_is_wrong(switch: EmbeddedSwitch, request_: str, reply: str) -> None:
    peer = Peer(switch)
    peer.send(f"api cti_call {request_}\n\n".encode())
    assert reply.encode() in peer.until(reply.encode())
    assert switch.core.channels == {}


def test_run_serves_until_it_is_told_to_stop() -> None:
    code = "from cti.switch.embedded import run; run(port=0, password='x')"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    announced = process.stdout.readline()
    port = int(re.findall(r"127\.0\.0\.1:(\d+)", announced)[0])
    with gsocket.create_connection(("127.0.0.1", port)) as sock:
        assert sock.recv(100) == b"Content-Type: auth/request\n\n"
        process.terminate()
        assert b"text/disconnect-notice" in sock.recv(1000)
    assert process.wait(timeout=30) == 0


def test_fsctl_shutdown_says_goodbye_to_everybody(switch: EmbeddedSwitch) -> None:
    peer, other = Peer(switch), Peer(switch)
    peer.send(b"api fsctl shutdown\n\n")
    peer.until(b"+OK\n")
    other.until(b"Disconnected, goodbye.")
    assert switch.stopped.wait(timeout=30)
