"""``security.targets``: what is not listed is refused in the file, at its place, and again at each connection."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket as green

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.feeds.destination import FeedUndelivered
from cti.boss.feeds.ways import open_destination
from cti.boss.guard.bulkhead import Priority
from cti.boss.ways import WAYS
from cti.core.errors import ConfigError
from cti.core.feeds import FeedFile
from tests.boss.rig import until
from tests.boss.served import served

FINGERPRINT = "SHA256:" + "A" * 43
FRAME = "frame: {delimiter: '0x0a'}, messages: {Q: {body: {codec: delimited, fields: [n]}}}"
FEED = r"feeds: {F: {match: 'F_(?P<seq>\d+)', row: {codec: delimited, fields: [n, x]}, key: n}}"
TABLES = "request: {table: q, key: k, op: o}, response: {table: r, key: k}"
KNOWN = f"password: p, fingerprint: '{FINGERPRINT}', "
#: Back end and target of each way that connects by itself; HOST is host:port.
CONNECTING = {
    "socket": ("way: socket, addresses: [{host: NAME, port: PORT}], " + FRAME, "message: Q"),
    "http": ("way: http, url: 'https://HOST/x', operations: {Q: {body: {codec: json}}}", "operation: Q"),
    "sql": ("way: sql, url: 'postgresql+psycopg://u@HOST/db'", "sql: 'SELECT :n AS x'"),
    "table": ("way: table, url: 'postgresql+psycopg://u@HOST/db', " + TABLES, "op: Q"),
    "ftps": ("way: files, url: 'ftps://u@HOST/in', connect_s: 1, password: p, " + FEED, "feed: F"),
    "sftp": ("way: files, url: 'sftp://u@HOST/in', connect_s: 1, " + KNOWN + FEED, "feed: F"),
}  # fmt: skip
NEVER_BY_ITSELF = {"tuxedo": ("way: tuxedo, environment: {WSNADDR: '//HOST'}", "service: Q")}
FEEDS = {
    "to": f"to: 'sftp://u@HOST/in', reach: {{password: p, connect_s: 1, fingerprint: '{FINGERPRINT}'}}",
    "table": "table: {url: 'postgresql+psycopg://u@HOST/db', table: t}",
    "http": "http: {url: 'https://HOST/x', timeout_s: 5}",
}


def office(way: str, host: str, port: int, targets: str | None) -> str:
    backend, target = ({**CONNECTING, **NEVER_BY_ITSELF})[way]
    return filled(
        f"""\
security: {{TARGETS}}
backends:
  b: {{{backend}}}
lookups:
  who.get: {{in: {{n: text}}, out: {{x: text}}, deadline_ms: 20000, to: {{backend: b, {target}}}}}
""",
        host,
        port,
        targets,
    )


def filled(text: str, host: str, port: int, targets: str | None) -> str:
    text = text.replace("TARGETS", "" if targets is None else f"targets: {targets}")
    return text.replace("HOST", f"{host}:{port}").replace("NAME", host).replace("PORT", str(port))


def refusals(text: str) -> list[tuple[str, str]]:
    """(code, what stands at the place)."""
    with pytest.raises(OfficeRefused) as refused:
        parse_office(text, "interfaces.yaml", WAYS)
    lines = text.splitlines()
    return [(issue.code, lines[issue.place.line - 1][issue.place.col - 1 :]) for issue in refused.value.issues]


@pytest.mark.parametrize("way", [*CONNECTING, *NEVER_BY_ITSELF])
def test_a_target_that_is_not_listed_is_refused_at_its_place(way: str) -> None:
    ((code, text),) = refusals(office(way, "10.9.0.1", 7001, "[10.9.0.0/24:7000, crm.example]"))
    assert code == "target-not-allowed"
    assert "10.9.0.1" in text[:40]
    ((code, _),) = refusals(office(way, "rebound.example", 7001, "[crm.example]"))
    assert code == "target-not-allowed"
    for listed in ("[10.9.0.1]", "['10.9.0.0/24:7001']", None):
        assert parse_office(office(way, "10.9.0.1", 7001, listed), "interfaces.yaml", WAYS).backends


@pytest.mark.parametrize("way", [*CONNECTING, *NEVER_BY_ITSELF])
def test_addresses_of_clouds_metadata_are_refused_without_a_list(way: str) -> None:
    ((code, _),) = refusals(office(way, "169.254.169.254", 7001, None))
    assert code == "target-not-allowed"


@pytest.mark.parametrize("way", FEEDS)
def test_destinations_of_feeds_and_segments_are_targets_too(way: str) -> None:
    text = "security: {TARGETS}\nfeeds:\n  f: {kind: calls, " + FEEDS[way] + "}\n"
    ((code, _),) = refusals(filled(text, "10.9.0.1", 7001, "[crm.example]"))
    assert code == "target-not-allowed"
    assert parse_office(filled(text, "10.9.0.1", 7001, "[10.9.0.1]"), "i.yaml", WAYS).feeds
    segments = "security: {TARGETS}\nsubscriber:\n  segments: {database: {url: 'postgresql+psycopg://u@HOST/db'}}\n"
    ((code, text),) = refusals(filled(segments, "10.9.0.1", 7001, "[crm.example]"))
    assert (code, text[:11]) == ("target-not-allowed", "'postgresql")


TAKE = "take: {match: O, row: {codec: delimited, fields: [k]}, key: k}"
ORDERS = {
    "files": "files: {url: 'sftp://u@HOST/in', " + KNOWN + TAKE + "}",
    "table": "table: {url: 'postgresql+psycopg://u@HOST/db', table: t, key: k, state: s}",
}


@pytest.mark.parametrize("way", ORDERS)
def test_sources_of_orders_are_targets_too(way: str) -> None:
    text = "security: {TARGETS}\norders:\n  o: {kinds: [callback], " + ORDERS[way] + "}\n"
    ((code, _),) = refusals(filled(text, "10.9.0.1", 7001, "[crm.example]"))
    assert code == "target-not-allowed"
    assert parse_office(filled(text, "10.9.0.1", 7001, "[10.9.0.1]"), "i.yaml", WAYS).orders


def test_what_is_no_target_is_told_at_its_place() -> None:
    assert [code for code, _ in refusals("security: {targets: [crm.example, 10.0.0.1/8]}\n")] == ["bad-value"]


def test_servers_that_a_url_names_in_its_query_and_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("///db?host=10.9.0.1", "u@10.1.0.1/db?hostaddr=10.9.0.1", "/db?host=10.1.0.1:1&host=10.9.0.1:2"):
        text = office("sql", "x", 1, "[10.1.0.0/16]").replace("//u@x:1/db", url if url[:2] == "//" else f"//{url}")
        assert [code for code, _ in refusals(text)] == ["target-not-allowed"], url
    text = office("sql", "x", 1, "[10.1.0.0/16]").replace("postgresql+psycopg://u@x:1/db", "${BILLING_URL}")
    monkeypatch.setenv("BILLING_URL", "postgresql+psycopg://u@10.9.0.1/db")
    with pytest.raises(ConfigError) as refused, served(text, Path()):
        raise AssertionError("it was opened")
    assert refused.value.code == "target-not-allowed"
    assert refused.value.place is not None


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("//10.9.0.1:7001", True),
        ("//10.9.0.2:7001", False),
        ("(//10.9.0.1:7001|//10.9.0.2:7001)", False),
        ("//10.9.0.1:7001,//crm.example:7001", True),
        ("//other.example:7001", False),  # nobody looks at its addresses later
        (r"\\x00021b590a090001", True),
        ("0x00021b590a090002", False),
        ("strange", False),
    ],
)
def test_the_spellings_of_a_domains_address(address: str, good: bool) -> None:
    text = office("tuxedo", "x", 1, "['10.9.0.1:7001', crm.example]").replace("'//x:1'", f'"{address}"')
    if good:
        assert parse_office(text, "interfaces.yaml", WAYS).backends
    else:
        assert [code for code, _ in refusals(text)] == ["target-not-allowed"]


# ---- at each connection ----------------------------------------------------------------------------------------------


class Trap:
    """A port of this machine that is never to be reached; ``rebound.example`` is this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.came = 0
        for module in (socket, green):
            real = module.getaddrinfo
            monkeypatch.setattr(module, "getaddrinfo", self._resolving(real))

    def _resolving(self, real: Any) -> Callable[..., Any]:
        def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            return real("127.0.0.1" if host == "rebound.example" else host, port, *more, **named)

        return getaddrinfo

    def connections(self) -> int:
        try:
            while True:
                self.socket.accept()[0].close()
                self.came += 1
        except BlockingIOError:
            return self.came


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    made = Trap(monkeypatch)
    yield made
    made.socket.close()


@pytest.mark.parametrize("way", CONNECTING)
def test_a_listed_name_that_leads_into_the_house_is_not_connected_to(way: str, trap: Trap, tmp_path: Path) -> None:
    text = office(way, "rebound.example", trap.port, "[rebound.example]")
    with served(text, tmp_path) as server:
        assert server.find("who.get", {"n": "1"}, Priority.IVR).outcome == "error"
        assert server.backend("b").tally.reasons == {"target-not-allowed": 1}
    assert trap.connections() == 0
    text = office(way, "rebound.example", trap.port, "[rebound.example, 127.0.0.0/8]")
    with served(text, tmp_path) as server:
        asking = gevent.spawn(server.find, "who.get", {"n": "1"}, Priority.IVR)
        until(lambda: trap.connections() > 0)
        asking.kill()


@pytest.mark.parametrize("way", FEEDS)
def test_a_feed_is_not_sent_into_the_house_by_a_listed_name(way: str, trap: Trap, tmp_path: Path) -> None:
    text = "security: {TARGETS}\nfeeds:\n  f: {kind: calls, " + FEEDS[way] + "}\n"
    plan = parse_office(filled(text, "rebound.example", trap.port, "[rebound.example]"), "i.yaml", WAYS).feeds["f"]
    there = open_destination(plan, tmp_path, lambda work, told: work(*told), None, lambda: 0.0)
    file = FeedFile(
        feed="f", day="20260301", seq=1, name="f.txt", rows=0, bytes=0, digest="", claimed_at=0.0, written_at=None
    )
    with pytest.raises(FeedUndelivered) as failed:
        there.deliver(file, b"")
    there.close()
    assert (failed.value.reason, trap.connections()) == ("target-not-allowed", 0)


def test_number_segments_are_not_read_from_a_server_that_is_not_listed(trap: Trap, tmp_path: Path) -> None:
    text = """\
security: {targets: [rebound.example]}
subscriber: {segments: {database: {url: "postgresql+psycopg://u@HOST/db"}}}
"""
    with served(filled(text, "rebound.example", trap.port, None), tmp_path) as server:
        found = server.segments()
        assert found is not None
        assert str(found["trouble"]).startswith("target-not-allowed")
    assert trap.connections() == 0


def test_a_new_list_holds_for_back_ends_that_stayed_as_they_were(trap: Trap, tmp_path: Path) -> None:
    text = office("http", "rebound.example", trap.port, "[rebound.example, 127.0.0.1]")
    with served(text, tmp_path) as server:
        server.use(parse_office(text.replace(", 127.0.0.1", ""), "interfaces.yaml", WAYS))
        assert server.find("who.get", {"n": "1"}, Priority.IVR).outcome == "error"
        assert server.backend("b").tally.reasons == {"target-not-allowed": 1}
    assert trap.connections() == 0
