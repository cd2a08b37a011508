"""The Tuxedo way in real worker processes, over stand-ins for both client modules. `test_tuxedo_domain` has it over a
real XATMI domain, `test_tuxedo_faults` all that goes wrong."""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.boss.configuration import OfficeRefused, parse_office
from cti.boss.server import InterfaceServer
from cti.boss.way import Question, Surroundings, WayError
from cti.boss.ways import WAYS
from cti.boss.ways.tuxedo import KIND, process
from cti.boss.ways.tuxedo.options import TuxedoBackend, TuxedoTarget
from cti.boss.ways.tuxedo.process import WorkerProcess
from cti.boss.ways.tuxedo.way import TuxedoWay
from tests.boss.rig import until
from tests.boss.served import served

STANDIN = Path(__file__).parents[1] / "offices" / "xatmi"
SOON_S = 60.0


class Rig:
    def __init__(self, folder: Path, module: str) -> None:
        self.folder, self.module, self.ways = folder, module, list[TuxedoWay]()
        self.state = folder / "domain"
        self.tell("up")

    def tell(self, state: str) -> None:
        (self.folder / "domain.tmp").write_text(state)
        (self.folder / "domain.tmp").rename(self.state)

    def options(self, **more: Any) -> dict[str, Any]:
        environment = {"PYTHONPATH": str(STANDIN), "XATMI_STANDIN": str(self.state)}
        workers = {"processes": 1, "threads": 4}
        return {"module": self.module, "environment": environment, "workers": workers, **more}

    def open(self, **more: Any) -> TuxedoWay:
        way = KIND.open(TuxedoBackend.model_validate(self.options(**more)), Surroundings("boss", self.folder))
        assert isinstance(way, TuxedoWay)
        self.ways.append(way)
        until(lambda: all(worker.up or worker.trouble for worker in way._workers))
        return way

    def close(self) -> None:
        pids = [worker.pid for way in self.ways for worker in way._workers if worker.pid]
        for way in self.ways:
            way.close()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))

    def called(self, service: str) -> int:
        file = Path(f"{self.state}.called")
        return file.read_text().split().count(service) if file.exists() else 0


@pytest.fixture(params=["tuxedo", "endurox"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    found, before = Rig(tmp_path, request.param), _sockets()
    yield found
    found.close()
    assert _sockets() <= before
    gc.collect()
    left = [one for one in gc.get_objects() if isinstance(one, gevent.Greenlet) and one]
    assert [
        one
        for one in left
        if isinstance(getattr(getattr(one, "_run", None), "__self__", None), WorkerProcess | TuxedoWay)
    ] == []


def _sockets() -> set[str]:
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one of the listing itself
            found.add(os.readlink(one))
    return {name for name in found if name.startswith("socket:")}


def ask(way: TuxedoWay, service: str, seconds: float = SOON_S, /, key: str | None = None, **fields: Any) -> Any:
    options = fields.pop("options", {})
    target = TuxedoTarget(service=service, **options)
    return way.ask(Question(target, fields, key, time.monotonic() + seconds))


def failure(way: TuxedoWay, service: str, seconds: float = SOON_S, /, **fields: Any) -> tuple[str, str, bool]:
    with pytest.raises(WayError) as failed:
        ask(way, service, seconds, **fields)
    return failed.value.outcome, failed.value.reason, failed.value.sent


def test_a_service_is_called_and_its_fields_come_back(rig: Rig) -> None:
    way = rig.open()
    assert ask(way, "QRY_BAL", MSISDN="13800001234") == {
        "BALANCE": ["12.34"], "NAME": ["陈"], "urcode": 7, "svcfail": False,
    }  # fmt: skip
    assert ask(way, "ECHO", MSISDN="1", BALANCE=Decimal("1.50"), NAME=None)["BALANCE"] == ["1.50"]
    assert (way.facts()["module"], way.facts()["workers"], way.facts()["calls"]) == (rig.module, 1, 0)


@pytest.mark.parametrize("buffer", ["string", "carray", "json"])
def test_buffers_without_fields_have_a_body(rig: Rig, buffer: str) -> None:
    body = {} if buffer == "json" else {"body": {"codec": "delimited", "fields": ["msisdn", "name"]}}
    told = ask(rig.open(), "ECHO", msisdn="138", name="陈", options={"buffer": buffer, **body})
    assert (told["msisdn"], told["name"]) == ("138", "陈")


def test_a_service_may_have_several_bodies(rig: Rig) -> None:
    way = rig.open()
    first = {"buffer": "string", "body": {"codec": "delimited", "fields": ["op", "msisdn"]}}
    assert ask(way, "ECHO", op="Q", msisdn="138", options=first)["msisdn"] == "138"
    other = {"buffer": "carray", "body": {"codec": "json"}}
    assert ask(way, "ECHO", op="Q", amount="5", options=other)["amount"] == "5"


def test_long_messages_at_once_do_not_mix(rig: Rig) -> None:
    way = rig.open()
    texts = [str(number) * 400_000 for number in range(4)]
    jobs = [gevent.spawn(ask, way, "ECHO", NAME=text) for text in texts]
    assert [job.get()["NAME"] == [text] for job, text in zip(jobs, texts, strict=True)] == [True] * 4
    assert way.facts()["starts"] == 1


def test_a_time_out_of_one_leaves_its_neighbours_their_context(rig: Rig) -> None:
    way = rig.open()
    other = gevent.spawn(ask, way, "SLEEPS", SECONDS="1.6")
    until(lambda: rig.called("SLEEPS") == 1)
    assert failure(way, "SLEEPS", 0.1, SECONDS="30") == ("timeout", "tpetime", True)
    assert other.get()["BALANCE"] == ["1.00"]


def test_the_probe_calls_a_service_without_data(rig: Rig) -> None:
    rig.open(probe="ECHO").probe(time.monotonic() + SOON_S)
    assert rig.called("ECHO") == 1


def test_a_call_is_over_when_its_thread_is(rig: Rig) -> None:
    """The library's time limit is in whole seconds; the thread is at work until then, and joins the domain anew."""
    way = rig.open(workers={"processes": 1, "threads": 1})
    job = gevent.spawn(failure, way, "SLEEPS", 0.1, SECONDS="30")
    until(lambda: way.facts()["calls"] == 1)
    assert failure(way, "ECHO", MSISDN="1") == ("throttled", "no-thread", False)
    assert job.get() == ("timeout", "tpetime", True)
    joined = Path(f"{rig.state}.joined").read_text()
    assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]
    assert Path(f"{rig.state}.joined").read_text() == joined + "+"


def test_a_worker_that_dies_in_a_call_takes_nothing_else_along(rig: Rig) -> None:
    way = rig.open(workers={"processes": 2, "threads": 2})
    other = gevent.spawn(ask, way, "SLEEPS", SECONDS="1")
    until(lambda: way._workers[0].busy == 1)  # the first of those with the least to do
    dying = gevent.spawn(failure, way, "HANGS", MSISDN="1")
    until(lambda: rig.called("HANGS") == 1)
    os.kill(way._workers[1].pid or 0, signal.SIGKILL)
    assert dying.get() == ("error", "worker-died", True)
    assert other.get()["BALANCE"] == ["1.00"]


def test_a_client_that_finds_no_service_any_more_is_begun_anew(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a domain that was started again while this one was attached; not while it has other calls."""
    monkeypatch.setattr(process, "RENEW_S", 0.0)
    way = rig.open()
    other = gevent.spawn(ask, way, "SLEEPS", SECONDS="1")
    until(lambda: way.facts()["calls"] == 1)
    assert failure(way, "NOWHERE", MSISDN="1") == ("error", "no-service", False)
    assert other.get()["BALANCE"] == ["1.00"]
    assert way.facts()["starts"] == 1
    assert failure(way, "NOWHERE", MSISDN="1") == ("error", "no-service", False)
    until(lambda: way.facts()["starts"] == 2 and way.facts()["workers"] == 1)
    assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]


def test_a_service_that_is_never_there_costs_the_others_little(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker is begun anew once, then not for a long time; a call that comes in between waits for the new one."""
    monkeypatch.setattr(process, "RENEW_S", 0.0)
    way = rig.open()
    worker = way._workers[0]
    worker._missing["NOWHERE"] = (0.0, 3600.0)
    assert failure(way, "NOWHERE", MSISDN="1") == ("error", "no-service", False)
    assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]
    assert way.facts()["starts"] == 2
    for _ in range(3):
        assert failure(way, "NOWHERE", MSISDN="1") == ("error", "no-service", False)
        assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]
    assert way.facts()["starts"] == 2


def test_the_password_is_the_domain_s_and_the_environment_the_worker_s(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.tell("password")
    (rig.folder / "secret").write_text("sesame\n")
    (rig.folder / "secret").chmod(0o600)
    (rig.folder / "client.env").write_text("# of the client\nexport TUXCONFIG='/x/y'\n")
    monkeypatch.setenv("OUR_SECRET", "s3cret")
    assert failure(rig.open(), "ECHO", MSISDN="1") == ("error", "join-not-permitted", False)
    if rig.module == "endurox":  # its clients join without a user
        rig.tell("up")
    way = rig.open(user="cti", password_file="secret", environment_file="client.env")
    assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]
    told = Path(f"/proc/{way._workers[0].pid}/environ").read_text()
    assert "TUXCONFIG=/x/y" in told
    assert "s3cret" not in told
    assert "sesame" not in told
    assert "sesame" not in Path(f"/proc/{way._workers[0].pid}/cmdline").read_text()


def test_without_the_module_it_is_told_and_nothing_hangs(rig: Rig) -> None:
    way = rig.open(module="tuxedowsc")
    assert failure(way, "ECHO", MSISDN="1") == ("error", "no-module", False)
    assert way.facts()["trouble"] == "no-module"


FILE = """
backends:
  boss: {way: tuxedo, module: MODULE, environment: ENV, workers: {processes: 1, threads: 4}}
lookups:
  balance.get:
    in: {msisdn: subscriber}
    out: {balance: decimal}
    to: {backend: boss, service: QRY_BAL, send: {MSISDN: msisdn}, take: {balance: "BALANCE[0]"}, code: "ERR[0]",
         errors: {NOUSER: not_found}}
requests:
  fault.file:
    in: {seconds: int}
    out: {}
    deadline_ms: 300
    to: {backend: boss, service: SLEEPS, send: {SECONDS: seconds}}
  card.stop:
    in: {name: text}
    out: {}
    deadline_ms: 30000
    to: {backend: boss, service: UNREADABLE, send: {NAME: name}}
  card.kill:
    in: {name: text}
    out: {}
    deadline_ms: 30000
    to: {backend: boss, service: DIES, send: {NAME: name}}
"""


@contextmanager
def office(rig: Rig) -> Iterator[InterfaceServer]:
    environment = "{" + ", ".join(f"{name}: '{value}'" for name, value in rig.options()["environment"].items()) + "}"
    with served(FILE.replace("MODULE", rig.module).replace("ENV", environment), rig.folder) as boss:
        until(lambda: boss.facts()[0]["way"]["workers"] == 1)
        yield boss


def test_through_the_interface_server(rig: Rig) -> None:
    with office(rig) as boss:
        told = boss.ask("balance.get", {"msisdn": "13800001234"}, SOON_S)
        assert (told.outcome, dict(told.values)) == ("ok", {"balance": Decimal("12.34")})
        assert boss.ask("balance.get", {"msisdn": "13800000009"}, SOON_S).outcome == "not_found"
        assert boss.request("fault.file", {"seconds": 30}, "k1").outcome == "unknown", "it may have been done"
        until(lambda: boss.facts()[0]["way"]["calls"] == 0)
        assert boss.request("card.stop", {"name": "x"}, "k2").outcome == "unknown", "its answer could not be read"
        assert boss.request("card.kill", {"name": "x"}, "k3").outcome == "unknown", "its worker died"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("service: QRY_BAL, ", ""), "missing-option"),
        (('code: "ERR[0]",', ""), "missing-option"),
        (("service: QRY_BAL", "service: QRY_BAL, buffer: string"), "missing-option"),
        (("service: QRY_BAL", "service: QRY_BAL, buffer: view"), "bad-value"),
        (("MSISDN: msisdn", "MS-ISDN: msisdn"), "unknown-field"),
        (("BALANCE[0]", "BALANCE[x]"), "bad-option"),
        (("module: MODULE", "module: jolt"), "bad-value"),
        (("module: MODULE", "password: sesame"), "secret-in-clear"),
        (("module: MODULE", "module: endurox, user: cti"), "bad-option"),
        (("threads: 4", "threads: 0"), "bad-value"),
    ],
)
def test_options_that_cannot_be(change: tuple[str, str], code: str) -> None:
    text = FILE.replace(*change).replace("MODULE", "auto").replace("ENV", "{}")
    with pytest.raises(OfficeRefused) as refused:
        parse_office(text, "interfaces.yaml", WAYS)
    assert code in {issue.code for issue in refused.value.issues}, str(refused.value)
