"""Requests and look-ups that go as files and are answered by files, over a real store and real servers."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest
from sqlalchemy import select

from cti.boss.way import AWAITED, OUTCOME, Carried, Outbox, Question, Surroundings, WayError
from cti.boss.ways.files import KIND, remote
from cti.boss.ways.files.answers import Answers
from cti.boss.ways.files.options import AnswerOptions, FilesBackend, FilesTarget
from cti.boss.ways.files.proving import BadFile
from cti.boss.ways.files.sending import Sending
from cti.store import SqlStore
from cti.store.schema_request_files import request_files, request_rows
from tests.boss.rig import until
from tests.boss.ways.files.site import KINDS, Site
from tests.store.conftest import Folder
from tests.store.template import copy_database

NUMBER = "13800138000"
SEND: dict[str, Any] = {
    "every_s": 0.01,
    "row": {"codec": "delimited", "fields": ["serial", "msisdn", {"name": "pack", "required": False}]},
    "charset": "gb18030",
    "key": "serial",
}
ANSWERS: dict[str, Any] = {
    "match": r"RSP_(?P<day>\d{8})_(?P<seq>\d{3})\.txt",
    "row": {"codec": "delimited", "fields": ["serial", "code", {"name": "fee", "type": "decimal", "scale": 2}]},
    "key": "serial",
    "max_bytes": 1000,
}
BEGIN, DAY = 1_800_000_000.0, "20270115"


class Rig:
    """One store, and ways over it as engines have them."""

    def __init__(self, path: Path) -> None:
        copy_database(path)
        self.folder = Folder(path)
        self.store: SqlStore = self.folder.open()
        self.ways = list[Any]()
        self.ahead_s, self._began = 0.0, time.monotonic()

    def now(self) -> float:
        return BEGIN + time.monotonic() - self._began + self.ahead_s

    def outbox(self, worker: str = "n/0", **more: Any) -> Outbox:
        return Outbox(self.store.accounts.request_files, worker, self.now, **more)

    def way(self, site: Site, *, outbox: Outbox | None = None, answers: Any = ANSWERS, **send: Any) -> Any:
        told = {"url": site.url, "every_s": 0.01, "send": {**SEND, **send}, "answers": answers, **site.options()}
        options = FilesBackend.model_validate({name: value for name, value in told.items() if value is not None})
        assert list(KIND.prove_backend(options)) == []
        around = Surroundings("orders", site.home, 4, outbox or self.outbox())
        self.ways.append(KIND.open(options, around))
        return self.ways[-1]

    def rows(self) -> list[tuple[str, int]]:
        """(key, number of its file) in the order of keys."""
        with self.store._engine.connect() as connection:
            at = request_rows.c
            return [(row.key, row.seq) for row in connection.execute(select(at.key, at.seq).order_by(at.key))]

    def kept(self) -> bytes:
        """What the disk has of the database; its log may go at any moment."""
        found = self.folder.db.read_bytes()
        with suppress(FileNotFoundError):
            found += Path(f"{self.folder.db}-wal").read_bytes()
        return found

    def close(self) -> None:
        for way in self.ways:
            way.close()
            assert way._sending._greenlet.dead
        self.folder.close()


@pytest.fixture
def rig(tmp_path: Path, nothing_left: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(remote, "PAUSE_S", (0.01, 0.02))
    home = tmp_path / "store"
    home.mkdir()
    found = Rig(home)
    yield found
    found.close()


def order(key: str | None = "call/1", wait_s: float = 60.0, waits: bool = True, **fields: Any) -> Question:
    told = {"msisdn": NUMBER, **fields, **({"key": key} if key is not None else {})}
    return Question(FilesTarget(), told, key, time.monotonic() + wait_s, waits=waits)


def put_in(way: Any, key: str, **fields: Any) -> None:
    """Nobody waits."""
    with pytest.raises(WayError, match=AWAITED) as raised:
        way.ask(order(key, waits=False, **fields))
    assert (raised.value.outcome, raised.value.sent) == ("timeout", True)


def sent(site: Site, seq: int = 1) -> bytes:
    """A file, once its chk is there; the chk agrees."""
    file = site.folder / f"REQ_{DAY}_{seq:06d}.txt"
    chk = file.with_name(f"{file.name}.chk")
    until(chk.exists)
    data = file.read_bytes()
    assert chk.read_text() == f"{file.name}|{len(data)}|{data.count(10)}|{hashlib.md5(data).hexdigest()}\n"
    return data


def answer(site: Site, seq: int, text: str | bytes, chk: str | None = "{name}|{bytes}|{rows}|{md5}") -> Path:
    file = site.folder / f"RSP_{DAY}_{seq:03d}.txt"
    data = text.encode() if isinstance(text, str) else text
    part = file.with_suffix(".tmp")
    part.write_bytes(data)
    if chk is not None:
        md5 = hashlib.md5(data).hexdigest()
        told = chk.format(name=file.name, bytes=len(data), rows=data.count(10), md5=md5)
        file.with_name(f"{file.name}.chk").write_text(told)
    part.rename(file)
    return file


def problem(way: Any, reason: str, side: str = "answers") -> None:
    until(lambda: way.facts()[f"{side}.problem"] == reason)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_goes_as_a_file_and_is_answered_by_one(kind: str, make: Callable[..., Site], rig: Rig) -> None:
    site = make(kind)
    way = rig.way(site)
    way.probe(time.monotonic() + 60)
    asked = gevent.spawn(way.ask, order(pack="王䶮"))
    assert sent(site) == f"call/1|{NUMBER}|王䶮\n".encode("gb18030")
    answer(site, 1, "call/1|00|1250\n")
    assert asked.get(timeout=60) == {"serial": "call/1", "code": "00", "fee": Decimal("12.50")}
    assert way.ask(order(pack="another"))["code"] == "00"  # the same request: nothing goes again
    assert sorted(os.listdir(site.folder)) == [
        f"REQ_{DAY}_000001.txt", f"REQ_{DAY}_000001.txt.chk", f"RSP_{DAY}_001.txt", f"RSP_{DAY}_001.txt.chk"
    ]  # fmt: skip
    told = way.facts()
    assert (told["files"], told["answered"], told["send.problem"], told["answers.problem"]) == (1, 1, "", "")


def test_requests_are_gathered_by_time_and_by_number_in_numbered_files(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, every_s=3600, max_rows=2)
    for number in range(5):
        put_in(way, f"k{number}")
    assert [sent(site, 1).count(b"\n"), sent(site, 2).count(b"\n")] == [2, 2]
    until(lambda: way.facts()["waiting"] == 1)
    assert not (site.folder / f"REQ_{DAY}_000003.txt").exists()
    rig.ahead_s = 3600.0
    until(lambda: way.facts()["files"] == 3)
    assert rig.rows() == [("k0", 1), ("k1", 1), ("k2", 2), ("k3", 2), ("k4", 3)]


def test_numbers_that_do_not_begin_anew_and_other_names(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, name="Q{seq:04d}.dat", temp="tmp_{name}", done=None, seq="continuous")
    put_in(way, "a")
    until(lambda: way.facts()["files"] == 1)
    rig.ahead_s = 86_400.0
    put_in(way, "b")
    until(lambda: way.facts()["files"] == 2)
    assert sorted(os.listdir(site.folder)) == ["Q0001.dat", "Q0002.dat"]


def test_an_answer_that_comes_too_late_is_found_by_who_asks_again(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site)
    with pytest.raises(WayError, match=AWAITED) as raised:
        way.ask(order(wait_s=0.2))
    assert (raised.value.outcome, raised.value.sent) == ("timeout", True)
    sent(site)
    answer(site, 1, "call/1|00|1\n")
    until(lambda: way.facts()["answered"] == 1)
    assert way.ask(order())["fee"] == Decimal("0.01")


def test_without_answers_a_request_is_done_when_its_file_stands_there(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, answers=None)
    assert way.ask(order()) == {}
    assert sent(site) == f"call/1|{NUMBER}|\n".encode()


def test_a_look_up_may_go_as_a_file_and_expires_before_it_does(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    slow = rig.way(site, every_s=0.5)
    with pytest.raises(WayError):
        slow.ask(order(None, wait_s=0.1))  # in no file: nobody waits for it any more
    asked = gevent.spawn(slow.ask, order(None))
    key, _, rest = sent(site).decode().partition("|")
    assert rest == f"{NUMBER}|\n"
    answer(site, 1, f"{key}|00|7\n")
    assert asked.get(timeout=60)["fee"] == Decimal("0.07")
    assert len(rig.rows()) == 1


@pytest.mark.parametrize(
    ("text", "reason", "counted"),
    [
        ("call/1|00|1\ncall/1|99|1\n", "answered-twice", "twice"),
        ("call/1|00|1\ncall/9|00|1\n", "unknown-key", "strange"),
        ("call/1|00|1\ncall/1|00|x\n", "bad-field", "bad_rows"),
        ("call/1|00|1\ncall/1\n", "missing-field", "bad_rows"),
        ("call/1|00|1\n|00|1\n", "missing-field", "bad_rows"),
        ("call/1|00|1\ncall/1|00|1|more\n", "extra-field", "bad_rows"),
        (b"call/1|00|1\ncall/1|\xff\xff|1\n", "bad-encoding", "bad_rows"),
        ("call/1|00|1\ncall/1|00|NaN\n", "bad-field", "bad_rows"),
    ],
)
def test_a_line_that_does_not_belong_is_counted_and_the_others_count(
    text: str | bytes, reason: str, counted: str, make: Callable[..., Site], rig: Rig, caplog: Any
) -> None:
    site = make("local")
    way = rig.way(site)
    asked = gevent.spawn(way.ask, order())
    sent(site)
    answer(site, 1, text)
    assert asked.get(timeout=60)["code"] == "00"
    until(lambda: way.facts()[counted] == 1)
    until(lambda: f"{reason} (1)" in caplog.text)
    assert NUMBER not in caplog.text
    assert "call/" not in caplog.text


@pytest.mark.parametrize(
    ("chk", "reason"),
    [
        (None, "chk-missing"),
        ("", "chk-unreadable"),
        ("other|{bytes}|{rows}|{md5}", "chk-name"),
        ("{name}|999|{rows}|{md5}", "truncated"),
        ("{name}|1|{rows}|{md5}", "chk-bytes"),
        ("{name}|{bytes}|3|{md5}", "chk-rows"),
        ("{name}|{bytes}|{rows}|00", "chk-digest"),
    ],
)
def test_a_file_that_is_not_what_its_chk_says_is_named_until_it_is(
    chk: str | None, reason: str, make: Callable[..., Site], rig: Rig
) -> None:
    site = make("local")
    way = rig.way(site)
    asked = gevent.spawn(way.ask, order())
    sent(site)
    file = answer(site, 1, "call/1|00|1\n", chk)
    problem(way, reason)
    assert not asked.ready()
    file.with_name(f"{file.name}.chk").unlink(missing_ok=True)
    file.unlink()
    answer(site, 1, "call/1|00|1250\n")
    assert asked.get(timeout=60)["fee"] == Decimal("12.50")


def test_gaps_duplicates_and_names_that_lead_elsewhere_are_told(
    make: Callable[..., Site], rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    site = make("local")
    told = rig.way(site)
    asked = gevent.spawn(told.ask, order())
    sent(site)
    answer(site, 2, "call/1|00|1\n")
    assert asked.get(timeout=60)["code"] == "00"  # an answer is one, whatever else is missing
    problem(told, "sequence-gap")
    answer(site, 1, "call/1|00|1\n")  # the content of the other one
    until(lambda: f"RSP_{DAY}_001.txt has the content of another file" in caplog.text)
    until(lambda: told.facts()["answers.problem"] == "")
    assert told.facts()["twice"] == 0
    answer(site, 2, "call/1|00|100000\n")  # a name that was taken up already
    problem(told, "duplicate")
    (site.folder / "x..\\RSP_20270101_001.txt").write_text("")
    (site.folder / f"RSP_{DAY}_002.txt").unlink()
    problem(told, "bad-name")
    assert told.facts()["answered"] == 1


def test_a_gap_may_be_waited_for(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, answers={**ANSWERS, "gap": "hold"})
    asked = gevent.spawn(way.ask, order())
    sent(site)
    answer(site, 2, "call/1|00|2\n")
    problem(way, "sequence-gap")
    assert not asked.ready()
    answer(site, 1, "call/1|00|1\n")
    assert asked.get(timeout=60)["fee"] == Decimal("0.01")  # in their order
    until(lambda: way.facts()["twice"] == 1)


def test_without_chk_an_answer_counts_when_it_has_stopped_growing_and_may_be_removed(site: Site, rig: Rig) -> None:
    way = rig.way(site, answers={**ANSWERS, "ready": "stable", "after": "remove"})
    asked = gevent.spawn(way.ask, order())
    sent(site)
    file = answer(site, 1, "call/1|00|1\n", chk=None)
    assert asked.get(timeout=60)["code"] == "00"
    until(lambda: not file.exists())


def test_what_still_grows_is_left(site: Site) -> None:
    options = AnswerOptions.model_validate({**ANSWERS, "ready": "stable"})
    answers = Answers(options, site.open())
    file = answer(site, 1, "a|00|1\n", chk=None)
    for more in ("b|00|1\n", ""):
        [entry] = answers.look({})
        with pytest.raises(BadFile, match="growing"):
            answers.read(entry)
        with file.open("a") as open_file:
            open_file.write(more)
    [entry] = answers.look({})
    assert [key for key, _ in answers.read(entry).rows] == ["a", "b"]


def test_another_s_file_of_the_same_name_is_left_alone_and_no_number_is_left_out(site: Site, rig: Rig) -> None:
    foreign = site.folder / f"REQ_{DAY}_000001.txt"
    foreign.write_bytes(b"foreign")
    way = rig.way(site)
    put_in(way, "a")
    problem(way, "exists", "send")
    put_in(way, "b")
    assert foreign.read_bytes() == b"foreign"
    assert not (site.folder / f"REQ_{DAY}_000002.txt").exists()
    foreign.unlink()
    assert (sent(site, 1), sent(site, 2)) == (f"a|{NUMBER}|\n".encode(), f"b|{NUMBER}|\n".encode())
    problem(way, "", "send")


def test_a_server_that_is_away_costs_time_only(server: Site, rig: Rig) -> None:
    way = rig.way(server)
    server.stop()
    put_in(way, "a")
    until(lambda: way.facts()["send.problem"] in ("unreachable", "reset"))
    with pytest.raises(WayError):
        way.probe(time.monotonic() + 60)
    server.start()
    sent(server)
    answer(server, 1, "a|00|1\n")
    assert way.ask(order("a"))["code"] == "00"


def test_what_is_no_line_is_rejected_and_nothing_goes(make: Callable[..., Site], rig: Rig) -> None:
    way = rig.way(make("local"))
    for text in ("a|b", "a\nb"):
        assert way.ask(order(pack=text)) == {OUTCOME: "rejected"}
        with pytest.raises(WayError, match="bad-value"):
            way.ask(order(None, pack=text))
    assert rig.rows() == []


def test_two_engines_of_one_store_put_no_request_into_two_files(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    ways = [rig.way(site, outbox=rig.outbox(f"n/{number}"), max_rows=3) for number in range(2)]
    for number in range(20):
        put_in(ways[number % 2], f"k{number:02d}")
    until(lambda: sum(way.facts()["files"] for way in ways) > 0 and all(seq for _, seq in rig.rows()))
    until(lambda: all(way.facts()["waiting"] == 0 for way in ways))
    last = max(seq for _, seq in rig.rows())
    lines = [line for seq in range(1, last + 1) for line in sent(site, seq).splitlines()]
    assert sorted(line.partition(b"|")[0].decode() for line in lines) == [f"k{number:02d}" for number in range(20)]
    answer(site, 1, "".join(f"k{number:02d}|00|1\n" for number in range(20)))
    assert [ways[1 - number % 2].ask(order(f"k{number:02d}"))["code"] for number in range(4)] == ["00"] * 4


def test_beside_an_engine_nothing_is_sent_and_its_answers_are_found(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    tool = rig.way(site, outbox=rig.outbox("cli", sends=False))
    asked = gevent.spawn(tool.ask, order())
    until(lambda: len(rig.rows()) == 1)
    rig.way(site)
    sent(site)
    answer(site, 1, "call/1|00|1\n")
    assert asked.get(timeout=60)["code"] == "00"
    assert tool.facts()["files"] == 0


def test_what_is_kept_shows_no_data_and_is_forgotten_in_time(make: Callable[..., Site], rig: Rig) -> None:
    site = make("local")
    way = rig.way(site, every_s=3600)
    put_in(way, "call/1")
    assert NUMBER.encode() not in rig.kept()
    rig.ahead_s = 3600.0
    until(lambda: way.facts()["files"] == 1)
    assert NUMBER.encode() not in rig.kept()
    files = rig.store.accounts.request_files
    files.purge("orders", BEGIN + 10 * 86_400, ())
    assert len(rig.rows()) == 1  # no answer yet
    assert files.take_up("orders", "x", "0" * 64, 1, [("call/1", {"code": "00"})], BEGIN).answered == 1  # type: ignore[union-attr]
    files.purge("orders", BEGIN + 10 * 86_400, ["x"])
    assert (rig.rows(), files.taken("orders")) == ([], {"x": 1})
    with rig.store._engine.connect() as connection:
        assert len(connection.execute(select(request_files)).all()) == 1  # the last number is known


@pytest.mark.parametrize(
    ("send", "answers", "found"),
    [
        ({"name": "REQ_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "REQ_{date:%d}_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "REQ_{date:%H}_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "../{date:%Y%m%d}_{seq:03d}.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "REQ.txt"}, {}, [("bad-option", ("send", "name"))]),
        ({"name": "{other}_{date:%Y%m%d}_{seq:03d}"}, {}, [("bad-option", ("send", "name"))]),
        ({"temp": "{name}"}, {}, [("bad-option", ("send", "temp"))]),
        ({"temp": "{name}.chk"}, {}, [("bad-option", ("send", "temp"))]),
        ({"done": {"name": "x/{name}"}}, {}, [("bad-option", ("send", "done", "name"))]),
        ({"done": {"body": "{name}|{sum}"}}, {}, [("bad-option", ("send", "done", "body"))]),
        ({"key": "nobody"}, {}, [("unknown-field", ("send", "key"))]),
        ({"charset": "klingon"}, {}, [("unknown-charset", ("send", "charset"))]),
        ({}, {"match": "("}, [("bad-option", ("answers", "match"))]),
        ({}, {"match": "x", "gap": "hold"}, [("missing-option", ("answers", "gap"))]),
        ({}, {"key": "nobody"}, [("unknown-field", ("answers", "key"))]),
    ],
)
def test_options_are_proved(send: dict[str, Any], answers: dict[str, Any], found: list[Any]) -> None:
    told = {"url": "out", "send": {**SEND, **send}, "answers": {**ANSWERS, **answers}}
    findings = KIND.prove_backend(FilesBackend.model_validate(told))
    assert [(finding.code, finding.path) for finding in findings] == found


def test_targets_are_proved() -> None:
    def codes(fields: set[str], *, write: bool = True, **told: Any) -> list[str]:
        backend = FilesBackend.model_validate({"url": "out", "send": SEND, **told})
        found = KIND.prove_target(backend, FilesTarget(), Carried(frozenset(fields), write))
        return [finding.code for finding in found]

    assert codes({"msisdn", "pack", "key"}) == []
    assert codes({"msisdn", "key", "other"}) == ["unknown-field"]
    assert codes({"pack", "key"}) == ["missing-field"]
    assert codes({"msisdn"}, write=False) == ["missing-option"]
    assert codes({"msisdn"}, write=False, answers=ANSWERS) == []
    for told in ({"url": "out"}, {"url": "out", "answers": ANSWERS}):
        with pytest.raises(ValueError, match=re.escape("'send'")):
            FilesBackend.model_validate(told)


def test_a_sender_that_is_closed_in_the_middle_leaves_nothing(server: Site, rig: Rig) -> None:
    way = rig.way(server)
    asked = gevent.spawn(way.ask, order(wait_s=0.3))
    sent(server)
    assert isinstance(way._sending, Sending)
    way.close()
    rig.ways.remove(way)
    asked.join()
    assert isinstance(asked.exception, WayError)
