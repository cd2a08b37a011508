"""Look-ups from files that are fetched from a real server."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent.socket
import pytest

from cti.boss.way import Question, Surroundings, WayError
from cti.boss.ways.files import KIND
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from tests.boss.rig import until
from tests.boss.ways.files.servers import FINGERPRINT
from tests.boss.ways.files.site import KINDS, Site

NUMBER = "13800138000"
FEED: dict[str, Any] = {
    "match": r"账单_(?P<day>\d{8})_(?P<seq>\d{3})\.txt",
    "row": {"codec": "delimited", "fields": ["msisdn", "name", {"name": "amount", "type": "decimal", "scale": 2}]},
    "charset": "gb18030",
    "key": "msisdn",
    "gap": "hold",
}


def backend(url: str, options: dict[str, Any], **feed: Any) -> FilesBackend:
    told = {"url": url, "every_s": 0.02, "feeds": {"BILLS": {**FEED, **feed}}, **options}
    made = FilesBackend.model_validate(told)
    assert list(KIND.prove_backend(made)) == []
    return made


@pytest.fixture
def way(nothing_left: None, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    ways = list[Any]()

    def open_way(site: Site, **feed: Any) -> Any:
        made = backend(site.url, site.options(), **feed)
        ways.append(KIND.open(made, Surroundings("files", tmp_path, 2)))
        return ways[-1]

    yield open_way
    for one in ways:
        one.close()


def deliver(site: Site, seq: int, data: bytes, chk: bool = True) -> None:
    name = f"账单_20270115_{seq:03d}.txt"
    (site.folder / name).write_bytes(data)
    if chk:
        told = f"{len(data)}|{data.count(10)}|{hashlib.md5(data).hexdigest()}\n"
        (site.folder / f"{name}.chk").write_text("-|" + told)


CHK = {"fields": ["-", "bytes", "rows", "md5"]}


def row(amount: int, name: str = "王䶮") -> bytes:
    return f"{NUMBER}|{name}|{amount}\n".encode("gb18030")


def amount(way: Any) -> Any:
    return way.ask(Question(FilesTarget(feed="BILLS"), {"msisdn": NUMBER}, None, time.monotonic() + 60))["amount"]


def problem(way: Any, reason: str) -> None:
    until(lambda: way.facts()["BILLS.problem"] == reason)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_files_are_fetched_proved_and_asked(
    kind: str, make: Callable[..., Site], way: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    site = make(kind, "gb18030")
    deliver(site, 1, row(1250))
    one = way(site, chk=CHK)
    assert amount(one) == Decimal("12.50")
    one.probe(time.monotonic() + 60)
    deliver(site, 2, row(9900), chk=False)
    problem(one, "chk-missing")
    deliver(site, 3, row(7700))
    until(lambda: amount(one) == 77)  # 2 is there, though it is not complete, so 3 may take its place
    deliver(site, 5, row(8800))
    problem(one, "sequence-gap")
    deliver(site, 4, row(6600))
    until(lambda: amount(one) == 88)
    deliver(site, 6, row(8800))
    problem(one, "duplicate")
    assert one.facts()["BILLS.loaded"] == 3
    assert NUMBER not in caplog.text


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_server_that_is_away_is_told_and_what_was_fetched_goes_on_answering(
    kind: str, make: Callable[..., Site], way: Callable[..., Any]
) -> None:
    site = make(kind)
    deliver(site, 1, row(1250))
    one = way(site, chk=CHK)
    assert amount(one) == Decimal("12.50")
    site.stop()
    until(lambda: one.facts()["folder"] in ("unreachable", "reset"))
    assert amount(one) == Decimal("12.50")
    with pytest.raises(WayError, match="unreachable"):
        one.probe(time.monotonic() + 60)
    deliver(site, 2, row(9900))
    site.start()
    until(lambda: amount(one) == 99 and one.facts()["folder"] == "ok")


def test_a_refused_file_is_not_fetched_at_each_look(
    make: Callable[..., Site], way: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make("ftp")
    one, read, looks = way(site, chk=CHK), list[str](), list[int]()
    inner, listed = one._transport.read, one._transport.list
    monkeypatch.setattr(one._transport, "read", lambda name, *a, **k: read.append(name) or inner(name, *a, **k))
    monkeypatch.setattr(one._transport, "list", lambda: looks.append(1) or listed())
    deliver(site, 1, row(1), chk=False)
    (site.folder / "账单_20270115_001.txt.chk").write_text("-|1|1|00")
    problem(one, "chk-bytes")
    before, fetched = len(looks), len(read)
    until(lambda: len(looks) > before + 3)
    assert len(read) == fetched
    deliver(site, 1, row(100))
    until(lambda: one.facts()["BILLS.loaded"] == 1)


def test_without_chk_a_file_is_taken_when_it_has_stopped_growing(site: Site, way: Callable[..., Any]) -> None:
    one = way(site, ready="stable")
    deliver(site, 1, row(1250), chk=False)
    until(lambda: one.facts()["BILLS.loaded"] == 1)
    assert amount(one) == Decimal("12.50")
    assert one.facts()["BILLS.problem"] == ""


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_way_ends_while_its_server_says_nothing(kind: str, nothing_left: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"{kind}://cti@127.0.0.1:{listener.getsockname()[1]}/"
        told = {"connect_s": 120, "fingerprint": FINGERPRINT, "password": "x"}
        one = KIND.open(backend(url, told), Surroundings("files", tmp_path, 2))
        gevent.socket.wait_read(listener.fileno())  # the hub must run for the way to look
        sock, _ = listener.accept()
        one.close()
        sock.close()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://billing.example/out", "insecure"),
        ("sftp://x@billing.example/", "missing-option"),
        ("smb://x/y", "bad-url"),
    ],
)
def test_urls_are_proved(url: str, code: str) -> None:
    made = FilesBackend.model_validate({"url": url, "feeds": {"BILLS": FEED}})
    assert [finding.code for finding in KIND.prove_backend(made)] == [code]


def test_a_fetch_that_was_cut_off_goes_on_where_it_was(
    make: Callable[..., Site], way: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make("sftp")
    rows = row(1250) + b"".join(b"139%08d|x|1\n" % number for number in range(20_000))
    one, offsets = way(site, chk=CHK), list[int]()
    read = one._transport.read

    def cut_off(name: str, into: Any, *, offset: int, most: int) -> int:
        if name.endswith(".chk"):
            return int(read(name, into, offset=offset, most=most))
        offsets.append(offset)
        if len(offsets) == 1:
            write, came = into.write, list[int]()

            class Cut:
                def write(self, data: bytes) -> int:
                    if came:
                        one._transport._cut()
                    came.append(len(data))
                    return int(write(data))

            return int(read(name, Cut(), offset=offset, most=most))
        return int(read(name, into, offset=offset, most=most))

    monkeypatch.setattr(one._transport, "read", cut_off)
    deliver(site, 1, rows)
    until(lambda: one.facts()["BILLS.loaded"] == 1)
    assert offsets[0] == 0
    assert 0 < offsets[1] < len(rows)
    assert amount(one) == Decimal("12.50")
