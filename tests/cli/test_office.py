"""`cti lookup`, `cti backend check` and `cti request` over a demo office of the test's own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest

from cti.app.clocks import SystemClock
from cti.boss import WAYS, InterfaceServer, ensure_demo_database, load_office
from cti.boss.way import Outbox
from cti.cli import main
from cti.core.async_requests import AsyncRequest
from cti.core.noted_writes import Noted
from cti.store.sealing import Sealer
from tests.boss.rig import until
from tests.runtime.accountkit import Office

INTERFACES = """\
backends:
  db: {way: sql, url: "sqlite:///boss.db"}
  gone:
    way: socket
    addresses: [{host: 127.0.0.1, port: 1}]
    frame: {delimiter: "\\n"}
    messages: {Q: {body: {codec: delimited, fields: [msisdn]}, reply: {codec: delimited, fields: [balance]}}}
lookups:
  balance.get:
    in: {msisdn: phone}
    out: {balance: decimal, name: text!}
    to:
      - {backend: gone, message: Q}
      - {backend: db, sql: "SELECT balance, name FROM subscriber WHERE msisdn = :msisdn"}
  gone.get: {in: {msisdn: phone}, out: {balance: decimal}, to: {backend: gone, message: Q}}
requests:
  service.rate:
    in: {score: int}
    to:
      backend: db
      idempotent: false
      write: INSERT INTO rating (key, score) VALUES (:key, :score)
      read: SELECT score FROM rating WHERE key = :key
"""


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "cti.yaml").write_text(
        "data: .\nboss: {file: interfaces.yaml}\nswitches: [{name: fs, host: 127.0.0.1, password: only-for-tests}]\n"
    )
    (tmp_path / "interfaces.yaml").write_text(INTERFACES)
    ensure_demo_database(tmp_path / "boss.db")
    monkeypatch.setenv("CTI_CONFIG", str(tmp_path / "cti.yaml"))
    office = Office(tmp_path)
    yield office
    office.close()


def actions(office: Office) -> list[tuple[str, str, str]]:
    lines = office.store.accounts.audit.lines(limit=20)
    return [(line.action, line.target, line.reason) for line in lines if line.author.via.startswith("cli:")]


def test_a_look_up_says_what_came_and_by_which_way(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lookup", "balance.get", "msisdn=13800000000", "--explain"]) == 0
    said = capsys.readouterr().out
    assert "88.50" in said
    assert "王伟" not in said
    assert "- gone: error, refused" in said
    assert "asked, by db" in said
    assert main(["lookup", "balance.get", "msisdn=13800000000", "--unmask", "--reason", "case 7", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["values"]["name"] == "王伟"
    assert actions(office) == [("lookup.unmask", "lookup:balance.get", "case 7")]


def test_what_cannot_be_asked_is_told(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lookup", "gone.get", "msisdn=13800000000"]) == 1
    assert capsys.readouterr().out == "error (refused)\n"
    for arguments, told in (
        (["balanse.get"], "did you mean 'balance.get'"),
        (["balance.get"], "it takes msisdn (phone)"),
        (["balance.get", "msisdn=13800000000", "--unmask"], "[bad-reason]"),
    ):
        assert main(["lookup", *arguments]) == 1
        assert told in capsys.readouterr().err


def test_each_back_end_is_tried(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backend", "check", "--seconds", "30", "--json"]) == 1
    db, gone = json.loads(capsys.readouterr().out)["backends"]
    assert (db["name"], db["way"], db["ok"]) == ("db", "sql", True)
    assert (gone["ok"], gone["outcome"], gone["reason"]) == (False, "error", "refused")
    assert main(["backend", "check", "db"]) == 0
    assert "ok" in capsys.readouterr().out
    assert main(["backend", "check", "nothing"]) == 1


def test_a_person_decides_about_dead_letters(
    office: Office, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log = office.store.accounts.office_writes
    for key in ("call/a", "call/b"):
        log.note(Noted(key, "service.rate", {"score": 5}, 0.0, state="dead", backend="db"), 0.0, 60.0)
    assert main(["request", "dead"]) == 0
    said = capsys.readouterr().out
    assert "call/a" in said
    assert "service.rate" in said
    assert main(["request", "replay", "call/a", "--reason", "the customer waits"]) == 0
    assert capsys.readouterr().out == "done\n"
    with closing(sqlite3.connect(tmp_path / "boss.db")) as connection:
        assert connection.execute("SELECT key, score FROM rating").fetchall() == [("call/a", 5)]
    asked = AsyncRequest("r-1", "u-x", "service.rate", "call/b", {"score": 5}, 0.0, 60.0, state="dead", phase="over")
    assert office.store.accounts.async_requests.add(asked)
    assert main(["request", "drop", "call/b", "--reason", "done by hand"]) == 0
    settled = office.store.accounts.async_requests.find("r-1")
    assert settled is not None
    assert settled.state == "dropped"
    assert log.dead() == []
    assert main(["request", "replay", "call/a", "--reason", "again"]) == 1
    assert "[unknown-request]" in capsys.readouterr().err
    assert actions(office) == [
        ("request.drop", "request:call/b", "done by hand"),
        ("request.replay", "request:call/a", "the customer waits"),
    ]


FILES = """\
backends:
  bulk:
    way: files
    url: out
    every_s: 0.05
    send:
      name: "ASK_{date:%Y%m%d}_{seq:06d}.txt"
      every_s: 0.05
      row: {codec: delimited, fields: [serial, msisdn]}
      key: serial
    answers:
      folder: ../back
      match: 'RSP_(?P<seq>\\d+)\\.txt'
      ready: stable
      row: {codec: delimited, fields: [serial, {name: balance, type: decimal}]}
      key: serial
lookups:
  balance.get: {in: {msisdn: phone}, out: {balance: decimal}, deadline_ms: 60000, to: {backend: bulk}}
"""


def test_a_look_up_by_files_goes_by_an_engine(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    folder, accounts = office.folder, office.store.accounts
    (folder / "interfaces.yaml").write_text(FILES)
    for name in ("out", "back"):
        (folder / name).mkdir()
    engine = InterfaceServer(
        load_office(folder / "interfaces.yaml", WAYS),
        SystemClock(),
        folder=folder,
        sealing=Sealer({"k1": b"k" * 32}, "k1", b"b" * 32),
        writes=accounts.office_writes,
        outbox=Outbox(accounts.request_files, "cti/0", SystemClock().now),
    )

    def answers() -> None:
        until(lambda: any(folder.glob("out/ASK_*.txt")))
        (file,) = folder.glob("out/ASK_*.txt")
        serial, msisdn = file.read_text().strip().split("|")
        (folder / "back" / "RSP_1.txt").write_text(f"{serial}|{'12.50' if msisdn == '13800000000' else '0'}\n")

    back_office = gevent.spawn(answers)
    try:
        status = main(["lookup", "balance.get", "msisdn=13800000000"])
        back_office.get(timeout=60)
    finally:
        engine.close()
    assert (status, capsys.readouterr().out) == (0, "ok\n  balance          12.50\n")
