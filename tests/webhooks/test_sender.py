"""One attempt, against a server that does everything wrong: it ends in time, holds little, and says what was wrong."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.channels import webhook_http
from cti.channels.webhook_http import HttpSender
from cti.core.errors import ConfigError
from cti.core.webhook_urls import UrlRules
from cti.core.webhooks import Answer, Key, message
from tests.webhooks.receiver import Behaviour, Flood, Receiver, authority, drip, hang, status

MESSAGE = message("e-1", '{"id": "e-1"}', [Key("k1", "whsec_YQ==")], 100.0)
HERE = UrlRules(loopback=True)


@pytest.fixture
def sender() -> Iterator[HttpSender]:
    found = HttpSender(HERE, timeout_s=30.0)
    yield found
    found.close()


def test_what_arrives(receiver: Receiver, sender: HttpSender) -> None:
    assert sender.send(receiver.url, MESSAGE) == Answer(200)
    [request] = receiver.seen
    assert request.line == "POST /hook?x=1 HTTP/1.1"
    assert request.body == MESSAGE.body
    assert request.headers["host"] == f"localhost:{receiver.port}"
    assert request.headers["connection"] == "close"
    for name, value in MESSAGE.headers.items():
        assert request.headers[name.lower()] == value


@pytest.mark.parametrize(
    ("behaviour", "answer"),
    [
        (status(204), Answer(204)),
        (status(299, body=b"x" * 100_000), Answer(299)),
        (status(400), Answer(400, "status")),
        (status(500, "Retry-After: 7\r\n"), Answer(500, "status", 7.0)),
        (status(503, "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n"), Answer(503, "status")),
        (status(429, "Retry-After: -1\r\n"), Answer(429, "status")),
        (status(410), Answer(410, "gone")),
        (status(302, "Location: http://169.254.169.254/\r\n"), Answer(302, "redirect")),
        (lambda sock, _: sock.sendall(b"SSH-2.0-OpenSSH_9\r\n"), Answer(error="bad-answer")),
        (lambda sock, _: sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000), Answer(error="bad-answer")),
        (lambda sock, _: sock.sendall(b"HTTP/1.1 200 OK\r\n" + b"A" * 100_000), Answer(error="bad-answer")),
        (lambda _sock, _: None, Answer(error="closed")),
        (lambda sock, _: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), Answer(200)),
    ],
)  # fmt: skip
def test_answers(receiver: Receiver, sender: HttpSender, behaviour: Behaviour, answer: Answer) -> None:
    receiver.behaviour = behaviour
    assert sender.send(receiver.url, MESSAGE) == answer
    assert len(receiver.seen) == 1  # nothing was followed, and nothing sent again


@pytest.mark.parametrize("behaviour", [hang, drip])
def test_who_never_comes_to_an_end_is_cut_off(receiver: Receiver, behaviour: Behaviour) -> None:
    receiver.behaviour = behaviour
    assert HttpSender(HERE, timeout_s=0.3).send(receiver.url, MESSAGE) == Answer(error="timeout")


def test_of_a_gigabyte_little_is_read(receiver: Receiver, sender: HttpSender) -> None:
    receiver.behaviour = flood = Flood()
    assert sender.send(receiver.url, MESSAGE) == Answer(200)
    assert flood.sent < 64 << 20  # what the buffers of both sockets hold


def test_nobody_listens(sender: HttpSender) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert sender.send(f"http://127.0.0.1:{closed.getsockname()[1]}/", MESSAGE) == Answer(error="refused")


def test_a_certificate_must_be_good_and_for_this_name(tmp_path: Path) -> None:
    good, other = authority(tmp_path / "good"), authority(tmp_path / "other", "elsewhere.example")
    trusting = HttpSender(HERE, timeout_s=30.0, ca_file=good.ca)
    for server, asked, answer in (
        (good, trusting, Answer(200)),
        (good, HttpSender(HERE, timeout_s=30.0), Answer(error="certificate")),
        (other, trusting, Answer(error="certificate")),
        (other, HttpSender(HERE, timeout_s=30.0, ca_file=other.ca), Answer(error="certificate")),
    ):
        receiver = Receiver(tls=server.tls)
        assert asked.send(receiver.url, MESSAGE) == answer
        assert bool(receiver.seen) is answer.taken
        receiver.stop()


def test_no_tls_where_tls_is_wanted(receiver: Receiver, sender: HttpSender) -> None:
    receiver.behaviour = status(200)
    assert sender.send(receiver.url.replace("http:", "https:"), MESSAGE).error in ("tls", "closed")


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError) as caught:
        HttpSender(HERE, ca_file=tmp_path / "ca.pem")
    assert caught.value.code == "bad-certificate"


# ---- names ----------------------------------------------------------------------------------------------------------


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name has these addresses. What was asked."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: Any) -> list[Any]:
        asked.append(host)
        if not addresses:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(webhook_http.plain, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("169.254.169.254",), ("93.184.216.34", "10.0.0.1")])
def test_a_name_that_leads_inside_is_not_followed(monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]) -> None:
    asked = resolving(monkeypatch, *addresses)
    monkeypatch.setattr(webhook_http.socket, "socket", lambda *_: pytest.fail("a connection was begun"))
    sender = HttpSender(UrlRules(["crm.example"]))
    assert sender.send("https://crm.example/", MESSAGE) == Answer(error="address-not-allowed")
    assert asked == ["crm.example"]


def test_the_address_that_was_checked_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours = authority(tmp_path / "ours", "crm.example")
    receiver = Receiver(tls=ours.tls)
    asked = resolving(monkeypatch, "127.0.0.1")
    rules = UrlRules([f"crm.example:{receiver.port}"])
    monkeypatch.setattr(rules, "check_address", lambda *_: None)
    sender = HttpSender(rules, timeout_s=30.0, ca_file=ours.ca)
    assert sender.send(f"https://crm.example:{receiver.port}/", MESSAGE) == Answer(200)
    assert asked == ["crm.example"]  # once
    assert receiver.seen[0].headers["host"] == f"crm.example:{receiver.port}"
    receiver.stop()


def test_names_that_there_are_not_and_addresses_that_do_not_answer(
    monkeypatch: pytest.MonkeyPatch, receiver: Receiver, sender: HttpSender
) -> None:
    resolving(monkeypatch)
    assert sender.send(receiver.url, MESSAGE) == Answer(error="name-not-found")
    resolving(monkeypatch, "127.0.0.2", "127.0.0.1")  # nobody listens on the first
    assert sender.send(receiver.url, MESSAGE) == Answer(200)


def test_a_slow_name_server_takes_no_longer_than_the_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setattr(webhook_http.plain, "getaddrinfo", lambda *_: time.sleep(1.5))
    sender = HttpSender(HERE, timeout_s=0.2)
    jobs = [gevent.spawn(sender.send, "http://localhost:9/", MESSAGE) for _ in range(6)]  # more than it has threads
    assert [job.get(timeout=30) for job in jobs] == [Answer(error="timeout")] * 6
