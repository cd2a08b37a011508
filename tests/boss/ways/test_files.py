"""Files that a back office delivers into a folder: proved, loaded, asked. Those that cannot be used stand in
`files/test_file_faults`."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cti.boss.way import OUTCOME, Carried, Question, Surroundings, WayError
from cti.boss.ways.files import KIND
from cti.boss.ways.files.options import FilesBackend, FilesTarget
from tests.boss.rig import until
from tests.boss.served import served

NUMBER, AT = "13800138000", 1_800_000_000
FEED: dict[str, Any] = {
    "match": r"BILL_(?P<day>\d{8})_(?P<seq>\d{3})\.txt",
    "row": {"codec": "delimited", "fields": ["msisdn", "name", {"name": "amount", "type": "decimal", "scale": 2}]},
    "charset": "gb18030",
    "key": "msisdn",
    "max_bytes": 1000,
}
GOOD = f"{NUMBER}|王䶮|1250\n13900139000|李四|7\n"


def options(**feed: Any) -> FilesBackend:
    made = FilesBackend.model_validate({"url": "out", "every_s": 0.01, "feeds": {"BILLS": {**FEED, **feed}}})
    assert list(KIND.prove_backend(made)) == []
    return made


class Office:
    def __init__(self, folder: Path) -> None:
        self.folder, self.ways = folder, list[Any]()
        (folder / "out").mkdir()

    def delivers(self, seq: int, text: str | bytes = GOOD, chk: str | None = "{name}|{bytes}|{rows}|{md5}\n") -> None:
        name = f"BILL_20270115_{seq:03d}.txt"
        data = text.encode("gb18030") if isinstance(text, str) else text
        file = self.folder / "out" / name
        file.with_suffix(".tmp").write_bytes(data)
        os.utime(file.with_suffix(".tmp"), (AT + seq, AT + seq))
        file.with_suffix(".tmp").rename(file)
        if chk is not None:
            facts = {"name": name, "bytes": len(data), "rows": data.count(b"\n"), "md5": hashlib.md5(data).hexdigest()}
            (self.folder / "out" / (name + ".chk")).write_text(chk.format(**facts))

    def way(self, **feed: Any) -> Any:
        self.ways.append(KIND.open(options(**feed), Surroundings("files", self.folder, 2)))
        return self.ways[-1]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    threads = threading.active_count()
    one = Office(tmp_path)
    yield one
    for way in one.ways:
        way.close()
        assert not way._home.exists()
    until(lambda: threading.active_count() <= threads)


def ask(way: Any, msisdn: str = NUMBER) -> Any:
    return way.ask(Question(FilesTarget(feed="BILLS"), {"msisdn": msisdn}, None, time.monotonic() + 60))


def test_the_newest_complete_file_answers_and_says_of_when(office: Office) -> None:
    office.delivers(1)
    way = office.way()
    assert ask(way) == {
        "as_of": datetime.fromtimestamp(AT + 1, UTC), "msisdn": NUMBER, "name": "王䶮", "amount": Decimal("12.50")
    }  # fmt: skip
    assert ask(way, "13700137000") == {OUTCOME: "not_found"}
    office.delivers(2, f"{NUMBER}|王䶮|9900\n")
    until(lambda: ask(way)["amount"] == Decimal("99.00"))
    assert ask(way, "13900139000") == {OUTCOME: "not_found"}
    assert way.facts() == {"folder": "ok", "BILLS.rows": 1, "BILLS.loaded": 2, "BILLS.problem": ""}


def test_what_is_kept_on_disk_shows_no_data(office: Office) -> None:
    office.delivers(1)
    way = office.way()
    ask(way)
    kept = b"".join(file.read_bytes() for file in way._home.iterdir())
    assert kept
    assert NUMBER.encode() not in kept
    assert "王".encode() not in kept


def test_a_folder_that_is_away_is_told_and_comes_back(office: Office) -> None:
    (office.folder / "out").rmdir()
    way = office.way()
    with pytest.raises(WayError, match="unreachable"):
        ask(way)
    with pytest.raises(WayError, match="unreachable"):
        way.probe(time.monotonic() + 1)
    (office.folder / "out").mkdir()
    office.delivers(1)
    until(lambda: way.facts()["BILLS.loaded"] == 1)
    way.probe(time.monotonic() + 1)


def test_a_flow_gets_its_bill_by_a_file(office: Office) -> None:
    office.delivers(1)
    text = f"""
backends: {{bills: {{way: files, url: out, feeds: {{BILLS: {json.dumps(FEED)}}}}}}}
lookups:
  bill.get:
    in: {{msisdn: phone}}
    out: {{amount: decimal, as_of: datetime}}
    to: {{backend: bills, feed: BILLS}}
"""
    with served(text, office.folder) as server:
        ended = server.ask("bill.get", {"msisdn": NUMBER}, 60.0)
        assert ended.values == {"amount": Decimal("12.50"), "as_of": datetime.fromtimestamp(AT + 1, UTC)}
        assert server.ask("bill.get", {"msisdn": "13700137000"}, 60.0).outcome == "not_found"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"match": "("}, "bad-option"),
        ({"match": "x"}, "missing-option"),
        ({"charset": "klingon"}, "unknown-charset"),
        ({"key": "nobody"}, "unknown-field"),
    ],
)
def test_options_are_proved(change: dict[str, Any], code: str) -> None:
    made = FilesBackend.model_validate({"url": "out", "feeds": {"BILLS": {**FEED, **change}}})
    assert [finding.code for finding in KIND.prove_backend(made)] == [code]


def test_targets_are_proved() -> None:
    def codes(feed: str, fields: set[str], write: bool = False) -> list[str]:
        found = KIND.prove_target(options(), FilesTarget(feed=feed), Carried(frozenset(fields), write))
        return [finding.code for finding in found]

    assert codes("BILLS", {"msisdn"}) == []
    assert codes("BILL", {"msisdn"}) == ["unknown-feed"]
    assert codes("BILLS", {"msisdn", "cycle"}) == ["unknown-field"]
    assert codes("BILLS", {"msisdn"}, write=True) == ["bad-option"]
