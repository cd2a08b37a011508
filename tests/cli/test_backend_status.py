"""`cti backend status`: which back end is ill, of an engine process whose back end is down, and what it prints."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti.app import open_accounts
from cti.boss import ensure_demo_database
from cti.cli import backend_status, main
from cti.cli.backend_status import percentile, status_of, table
from cti.config import load_settings
from cti.core.access import SYSTEM, Grant, Role
from cti.core.people import UserKind
from tests.store.template import copy_database

ROOT = Path(__file__).parents[2]
NUMBER = "13800000000"
DEADLINE_S = 60.0  # of an engine that starts on a loaded machine
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, None)
FACTS: dict[str, Any] = {
    "name": "crm", "way": "http", "breaker": "closed", "services": {"GET /a": "closed"}, "retry_in_s": 0.0,
    "running": 0, "waiting": 2, "asked": 100, "repeated": 0,
    "failures": {"reset": 3, "no-answer": 4, "breaker-open": 500, "queue-full": 20, "awaited": 9},
    "last_failure": {"reason": "reset", "at": "2026-03-02T10:00:30Z"},
    "latency": [{"up_to_s": bound, "count": {0.05: 60, 1.0: 38, None: 2}.get(bound, 0)} for bound in BOUNDS],
    "facts": {},
}  # fmt: skip
INTERFACES = """\
backends:
  db: {way: sql, url: "sqlite:///boss.db"}
  gone:
    way: socket
    addresses: [{host: 127.0.0.1, port: 1}]
    breaker: {min_calls: 2}
    frame: {delimiter: "\\n"}
    messages: {Q: {body: {codec: delimited, fields: [msisdn]}, reply: {codec: delimited, fields: [balance]}}}
lookups:
  gone.get: {in: {msisdn: phone}, out: {balance: decimal}, to: {backend: gone, message: Q}}
  db.get:
    in: {msisdn: phone}
    out: {balance: decimal}
    to: {backend: db, sql: "SELECT balance FROM subscriber WHERE msisdn = :msisdn"}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_failure_that_was_none_of_the_back_end_s_does_not_count() -> None:
    found = status_of(FACTS)
    assert (found["state"], found["failed_pct"], found["waiting"]) == ("ok", 7.0, 2)
    assert (found["p50_s"], found["p99_s"]) == (0.05, ">10")


@pytest.mark.parametrize(
    ("services", "state", "breaker"),
    [
        ({"a": "closed", "b": "open", "c": "half_open"}, "ill", "open"),
        ({"a": "closed", "b": "half_open"}, "ill", "half_open"),
        ({"a": "closed", "a~shadow": "open"}, "ok", "closed"),
    ],
)
def test_a_breaker_says_who_is_ill_and_a_shadow_does_not(services: dict[str, str], state: str, breaker: str) -> None:
    found = status_of({**FACTS, "services": services})
    assert (found["state"], found["breaker"]) == (state, breaker)


def test_of_one_that_nobody_asked_nothing_is_known() -> None:
    latency = [{"up_to_s": bound, "count": 0} for bound in BOUNDS]
    found = status_of({**FACTS, "services": {}, "asked": 0, "failures": {}, "last_failure": None, "latency": latency})
    assert [found[name] for name in ("state", "failed_pct", "p50_s", "p99_s")] == ["unasked", None, None, None]


def test_a_percentile_is_the_bound_of_its_bucket() -> None:
    latency: list[dict[str, Any]] = [
        {"up_to_s": 0.1, "count": 99},
        {"up_to_s": 1.0, "count": 1},
        {"up_to_s": None, "count": 0},
    ]
    assert (percentile(latency, 0.5), percentile(latency, 0.99), percentile(latency, 1.0)) == (0.1, 0.1, 1.0)


def test_the_table_fits_into_a_hundred_columns() -> None:
    long = {**FACTS, "name": "n" * 80, "last_failure": {"reason": "r" * 80, "at": "2026-03-02T10:00:30Z"}}
    lines = table([status_of(FACTS), status_of(long)])
    assert max(map(len, lines)) <= 100
    assert " ".join(lines[1].split()) == "crm http ok closed 2 7 % 0.05 s >10 s 03-02T10:00:30 reset"


def test_all_pages_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = {
        "/v1/backends": {"items": [FACTS], "next": "crm"},
        "/v1/backends?after=crm": {"items": [{**FACTS, "name": "old", "services": {"q": "open"}}], "next": None},
    }
    monkeypatch.setattr(backend_status, "fetch", lambda url, path, key: pages[path])
    (tmp_path / "key").write_text("cti_k\n")
    assert main(["backend", "status", "--json", "--key-file", str(tmp_path / "key")]) == 1
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["backends"]] == ["crm", "old"]


class Running:
    """`cti serve` without a switch, on an office of which one back end is down."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "flows").mkdir()
        (folder / "flows" / "busy.yaml").write_text("flow: busy\nstart: bye\nnodes:\n  bye: {type: end}\n")
        (folder / "flows" / "entry.yaml").write_text("entries: []\n")
        (folder / "interfaces.yaml").write_text(INTERFACES)
        (folder / "cti.yaml").write_text(
            "data: .\nflows: flows\nboss: {file: interfaces.yaml}\nreload: {watch: false}\n"
            "switches: [{name: fs, host: 127.0.0.1, port: 1, password: only-for-tests}]\n"
            f"api: {{port: {self.port}}}\nworker: {{drain_s: 0}}\n"
        )
        ensure_demo_database(folder / "boss.db")
        copy_database(folder)
        with open_accounts(load_settings(folder / "cti.yaml")) as accounts:
            deed = accounts.deed(SYSTEM, reason="test")
            user, _ = accounts.add_user("ops", [Grant(Role.SUPERVISOR)], deed, kind=UserKind.MACHINE)
            self.key = accounts.add_key(user.user_id, "test", deed)[1]
        (folder / "key").write_text(self.key + "\n")
        with (folder / "log").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cti", "serve", "--config", str(folder / "cti.yaml")],
                cwd=ROOT, stdout=output, stderr=output, env={**os.environ},
            )  # fmt: skip

    def status(self, *options: str) -> int:
        url = f"http://127.0.0.1:{self.port}"
        return main(["backend", "status", "--url", url, "--key-file", str(self.folder / "key"), *options])

    def wait_up(self) -> None:
        until = time.monotonic() + DEADLINE_S
        while self.status() != 0:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.1)  # another process opens its port: there is nothing to be told by

    def ask(self, lookup: str) -> Any:
        body = json.dumps({"arguments": {"msisdn": NUMBER}}).encode()
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}/v1/lookups/{lookup}"
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30) as answer:
            return json.load(answer)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    engine = Running(tmp_path)
    yield engine
    engine.end()


def test_of_an_engine_whose_back_end_is_down(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    running.wait_up()
    assert running.ask("db.get")["outcome"] == "ok"
    for _ in range(4):
        assert running.ask("gone.get")["outcome"] == "error"
    capsys.readouterr()
    assert running.status() == 1
    table_of = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in table_of.splitlines()[1:]}
    assert (rows["db"][2:4], rows["gone"][2:4]) == (["ok", "closed"], ["ill", "open"])
    assert rows["gone"][-1] == "refused"
    assert running.status("--json") == 1
    whole = capsys.readouterr().out
    gone = next(one for one in json.loads(whole)["backends"] if one["name"] == "gone")
    assert (gone["failed_pct"], gone["last_failure"]["reason"], gone["ill_services"]) == (100.0, "refused", ["Q"])
    assert NUMBER not in table_of + whole
    assert NUMBER[3:] not in table_of + whole
