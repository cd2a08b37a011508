"""Files that cannot be used: each fault, its named outcome and reason, on a local folder and over each protocol; the
file before goes on answering, and the next one takes its place. Threads, sockets and greenlets are counted.

All faults stand in one folder, each in a feed of its own.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from cti.boss.way import Question, Surroundings, WayError
from cti.boss.ways.files import KIND
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from tests.boss.counting import nothing_left
from tests.boss.rig import until
from tests.boss.ways.files.site import Site
from tests.boss.ways.files.spoiling import spoil_names

NUMBER = "13800138000"
AMOUNT = {"name": "amount", "type": "decimal", "scale": 2}
FEED: dict[str, Any] = {
    "row": {"codec": "delimited", "fields": ["msisdn", "name", AMOUNT]},
    "charset": "gb18030",
    "key": "msisdn",
    "max_bytes": 1000,
}
FIXED = {"codec": "fixed", "fields": [{"name": "msisdn", "size": 11}, {**AMOUNT, "size": 6}]}
CHK = b"{name}|{bytes}|{rows}|{md5}\n"
Told = tuple[str, str, bool] | Decimal


def good(number: int) -> bytes:
    """A file that answers with its number."""
    return f"{NUMBER}|王䶮|{number}00\n".encode("gb18030")


@dataclass(frozen=True)
class Fault:
    """File ``number``, which ``late`` comes after file 1 has been loaded. ``loads``: it is, for all that."""

    reason: str
    data: bytes = good(2)
    chk: bytes | None = CHK
    number: int = 2
    feed: Mapping[str, Any] = field(default_factory=dict)
    seq: str = "{:03d}"
    size: int | None = None
    late: bool = False
    loads: bool = False


FAULTS = {
    "chk missing": Fault("chk-missing", chk=None),
    "chk empty": Fault("chk-unreadable", chk=b""),
    "chk is garbage": Fault("chk-unreadable", chk=b"\xff\xfe|1|1|1\n"),
    "chk without a number": Fault("chk-unreadable", chk=b"{name}|-1|{rows}|{md5}\n"),
    "chk of 1 MB": Fault("chk-unreadable", chk=b"x" * 1_000_000),
    "chk of another file": Fault("chk-name", chk=b"other.txt|{bytes}|{rows}|{md5}\n"),
    "chk of a file elsewhere": Fault("chk-name", chk=b"../../etc/passwd|{bytes}|{rows}|{md5}\n"),
    "truncated": Fault("truncated", chk=b"{name}|999|{rows}|{md5}\n"),
    "chk of fewer bytes": Fault("chk-bytes", chk=b"{name}|1|{rows}|{md5}\n"),
    "chk of more rows": Fault("chk-rows", chk=b"{name}|{bytes}|3|{md5}\n"),
    "chk of another content": Fault("chk-digest", chk=b"{name}|{bytes}|{rows}|00\n"),
    "garbage encoding": Fault("bad-encoding", b"138|\xff\xff|1\n"),
    "character cut in two": Fault("bad-encoding", b"138|a|1\xcd\n"),
    "field of another type": Fault("bad-field", f"{NUMBER}|a|x\n".encode()),
    "NaN": Fault("bad-field", f"{NUMBER}|a|NaN\n".encode()),
    "field missing": Fault("missing-field", f"{NUMBER}|a\n".encode()),
    "key missing": Fault("missing-field", b"|a|1\n"),
    "key twice": Fault("duplicate-key", f"{NUMBER}|a|1\n".encode() * 2),
    "row with too many fields": Fault("extra-field", f"{NUMBER}|a|1|1\n".encode()),
    "row too long": Fault("extra-field", f"{NUMBER}0002001\n".encode(), feed={"row": FIXED}),
    "HTML": Fault("missing-field", b"<html><body>It works</body></html>\n"),
    "too many rows": Fault("too-long", b"1|a|1\n" * 200),
    "1 GB": Fault("too-long", size=1 << 30),
    "gap, told": Fault("sequence-gap", good(3), number=3, late=True, loads=True),
    "gap, waited for": Fault("sequence-gap", good(3), number=3, late=True, feed={"gap": "hold"}),
    "duplicate by its content": Fault("duplicate", good(1), late=True),
    "duplicate by its number": Fault("duplicate", number=1, seq="{:04d}", late=True),
}


@pytest.fixture(autouse=True)
def counted() -> Iterator[None]:
    with nothing_left():
        yield


def deliver(site: Site, feed: str, number: int, data: bytes, chk: bytes | None = CHK, seq: str = "{:03d}") -> None:
    name = f"{feed}_20270115_{seq.format(number)}.txt"
    (site.folder / name).write_bytes(data)
    if chk is not None:
        facts = {"name": name, "bytes": len(data), "rows": data.count(b"\n"), "md5": hashlib.md5(data).hexdigest()}
        for key, value in facts.items():
            chk = chk.replace(b"{%s}" % key.encode(), os.fsencode(str(value)))
        (site.folder / f"{name}.chk").write_bytes(chk)


@contextmanager
def opened(site: Site, feeds: Mapping[str, Mapping[str, Any]], **options: Any) -> Iterator[Any]:
    told = {
        name: {**FEED, "match": rf".*{name}_(?P<day>\d{{8}})_(?P<seq>\d{{3,4}})\.txt", **more}
        for name, more in feeds.items()
    }
    made = FilesBackend.model_validate({"url": site.url, "every_s": 0.02, "feeds": told, **site.options(**options)})
    assert list(KIND.prove_backend(made)) == []
    way = KIND.open(made, Surroundings("files", site.home, 2))
    try:
        yield way
    finally:
        way.close()


def ask(way: Any, feed: str) -> Told:
    try:
        told = way.ask(Question(FilesTarget(feed=feed), {"msisdn": NUMBER}, None, time.monotonic() + 60))
    except WayError as error:
        return error.outcome, error.reason, error.sent
    amount: Decimal = told["amount"]
    return amount


def test_each_file_has_its_outcome_and_the_ones_before_and_after_it_answer(site: Site) -> None:
    feeds = {name: f"F{number:02d}" for number, name in enumerate(FAULTS)}

    def delivered(name: str, fault: Fault) -> None:
        deliver(site, feeds[name], fault.number, fault.data, fault.chk, fault.seq)
        if fault.size is not None:
            os.truncate(site.folder / f"{feeds[name]}_20270115_002.txt", fault.size)

    def answers(way: Any, amounts: Callable[[Fault], int], reasons: Callable[[Fault], str]) -> None:
        want = {name: (amounts(fault), reasons(fault)) for name, fault in FAULTS.items()}

        def wrong() -> list[str]:
            told = way.facts()
            bad = [name for name, (_, reason) in want.items() if told[f"{feeds[name]}.problem"] != reason]
            return bad or [name for name, (amount, _) in want.items() if ask(way, feeds[name]) != amount]

        until(lambda: not wrong(), 60.0, lambda: f"not as they should be: {wrong()}; {way.facts()}")

    for name, fault in FAULTS.items():
        if not fault.late:
            delivered(name, fault)
    with opened(site, {feeds[name]: fault.feed for name, fault in FAULTS.items()}) as way:
        assert {name: ask(way, feeds[name]) for name in FAULTS} == {
            name: ("error", "no-file" if fault.late else fault.reason, False) for name, fault in FAULTS.items()
        }
        for name, fault in FAULTS.items():
            deliver(site, feeds[name], 1, f"{NUMBER}000100\n".encode() if "row" in fault.feed else good(1))
        answers(way, lambda _: 1, lambda fault: "" if fault.late else fault.reason)
        for name, fault in FAULTS.items():
            if fault.late:
                delivered(name, fault)
        answers(way, lambda fault: fault.number if fault.loads else 1, lambda fault: fault.reason)
        for name, fault in FAULTS.items():
            for number in sorted({2, 3, 4} - {fault.number}):
                data = f"{NUMBER}000{number}00\n".encode() if "row" in fault.feed else good(number)
                deliver(site, feeds[name], number, data)
        answers(way, lambda _: 4, lambda _: "")


SECOND = "BILLS_20270115_002.txt"
#: Here; and such as only a server can tell.
NAMES = {
    "local": ("x..\\{}", "\udcff{}"),
    "served": ("../{}", "/{}", "..", "x/../../{}", "x\\{}", "C:{}", "\udcff{}"),
}


def test_names_that_are_none_are_told_and_not_touched(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver(site, "BILLS", 1, good(1))
    names = [name.format("BILLS") for name in NAMES.get(site.kind, ())]
    for name in names:
        deliver(site, name, 2, good(2))
    if not names:
        inside, site.folder = site.folder, site.folder.parent
        deliver(site, "BILLS", 2, good(2))
        site.folder = inside
        spoil_names(monkeypatch, tuple(name.format(SECOND) for name in NAMES["served"]))
    with opened(site, {"BILLS": {}}) as way:
        assert ask(way, "BILLS") == 1
        assert (way.facts()["BILLS.problem"], way.facts()["BILLS.loaded"]) == ("bad-name", 1)


def test_links_are_not_followed(site: Site) -> None:
    """By none of ours; FTP servers show them as files, and this one does not give what is elsewhere."""
    deliver(site, "BILLS", 1, good(1))
    deliver(site, "BILLS", 2, good(2))
    linked = site.folder / SECOND
    linked.rename(site.home / "secret")
    linked.symlink_to(site.home / "secret")
    with opened(site, {"BILLS": {}}) as way:
        assert ask(way, "BILLS") == 1
