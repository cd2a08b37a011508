"""The Tuxedo way: every fault of an XATMI domain, its named outcome and reason, over the stand-ins for both client
modules and over a real domain (`test_tuxedo_domain` tells which); then the next question is answered. Threads, sockets
and greenlets are counted before and after.

What the outcome of a request is, and what a declared code becomes, stands in `test_tuxedo.test_through_the_interface_
server`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import gevent
import pytest

from cti.boss.way import Surroundings, WayError
from cti.boss.ways.tuxedo import KIND, process
from cti.boss.ways.tuxedo.options import TuxedoBackend
from cti.boss.ways.tuxedo.way import TuxedoWay
from tests.boss.counting import nothing_left
from tests.boss.rig import until
from tests.boss.ways.test_tuxedo import SOON_S, Rig, ask, failure
from tests.boss.ways.test_tuxedo_domain import ENV

STANDINS = ("tuxedo", "endurox")
PLACES = (*STANDINS, "domain")


class Place(Protocol):
    """`down` and `up`: of the domain."""

    def open(self, **more: Any) -> TuxedoWay: ...
    def down(self) -> None: ...
    def up(self) -> None: ...
    def close(self) -> None: ...


class Standin(Rig):
    def down(self) -> None:
        self.tell("down")

    def up(self) -> None:
        self.tell("up")


class Domain:
    """Stopped and started by `xadmin`, where the clients' environment leads to it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.ways = folder, list[TuxedoWay]()
        lines = (line.strip().removeprefix("export ") for line in Path(ENV).read_text().splitlines())
        self._environment = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
        self._xadmin = shutil.which("xadmin", path=self._environment.get("PATH"))

    def open(self, **more: Any) -> TuxedoWay:
        told = {"environment_file": ENV, "workers": {"processes": 1, "threads": 4}, **more}
        way = KIND.open(TuxedoBackend.model_validate(told), Surroundings("domain", self._folder))
        assert isinstance(way, TuxedoWay)
        self.ways.append(way)
        until(lambda: way.facts()["workers"] == 1)
        return way

    def down(self) -> None:
        self._tell("stop")

    def up(self) -> None:
        self._tell("start")

    def _tell(self, word: str) -> None:
        if self._xadmin is None:
            pytest.skip("the domain is not one that `xadmin` stops and starts")
        subprocess.run([self._xadmin, word, "-y"], env=self._environment, check=True, stdout=subprocess.DEVNULL)

    def close(self) -> None:
        for way in self.ways:
            way.close()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "domain" and not ENV:
        pytest.skip("no real XATMI domain: set CTI_XATMI_ENV (see test_tuxedo_domain)")
    with nothing_left():
        found: Place = Domain(tmp_path) if request.param == "domain" else Standin(tmp_path, request.param)
        yield found
        found.close()


@dataclass(frozen=True)
class Fault:
    """What asking ``service`` with ``fields`` ends in; ``reason`` None: it is answered. ``sent``: the service may have
    run. ``does``: what happens to the worker in the middle of the call; ``hangs``: how many are ended for hanging."""

    service: str
    outcome: str
    reason: str | None
    sent: bool = True
    fields: Mapping[str, Any] = field(default_factory=lambda: {"MSISDN": "13800000009"})
    options: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = SOON_S
    does: signal.Signals | None = None
    hangs: int = 0
    where: tuple[str, ...] = PLACES


CODES = {"code": "ERR[0]", "errors": {"NOUSER": "not_found"}}
LONG = {"SECONDS": "5"}
FAULTS = {
    "service missing": Fault("NOWHERE", "error", "no-service", sent=False),
    "TPESVCFAIL, its code known": Fault("QRY_BAL", "ok", None, options=CODES),
    "TPESVCFAIL, its urcode known": Fault(
        "QRY_BAL", "ok", None, options={"code": "urcode", "errors": {"1001": "not_found"}}
    ),
    "TPESVCFAIL, a code that nobody declared": Fault(
        "QRY_BAL", "error", "service-failed", fields={"MSISDN": "13800000008"}, options=CODES
    ),
    "TPESVCFAIL, no code asked for": Fault("QRY_BAL", "error", "service-failed"),
    "TPETIME": Fault("SLEEPS", "timeout", "tpetime", fields=LONG, seconds=0.1),
    "TPEBLOCK": Fault("BLOCK", "throttled", "would-block", sent=False, where=STANDINS),
    "TPELIMIT": Fault("LIMIT", "throttled", "limit", sent=False, where=STANDINS),
    "TPESVCERR": Fault("SVCERR", "error", "service-broke", where=STANDINS),
    "TPESYSTEM": Fault("SYSTEM", "error", "system", where=STANDINS),
    "field that the tables do not know": Fault("ECHO", "rejected", "bad-field", sent=False, fields={"NOFIELD": "1"}),
    "garbage encoding": Fault("ECHO", "error", "bad-encoding", fields={"NAME": "\udcb3\udcc2"}),
    "answer that the client cannot read": Fault("UNREADABLE", "error", "client-ValueError", where=STANDINS),
}
OF_WORKERS = {
    "killed": Fault("SLEEPS", "error", "worker-died", fields=LONG, does=signal.SIGKILL),
    "aborts": Fault("DIES", "error", "worker-died", where=STANDINS),
    "hangs in the library": Fault("HANGS", "error", "worker-died", seconds=0.1, hangs=1, where=STANDINS),
    "hangs": Fault(
        "SLEEPS", "error", "worker-died", fields=LONG, seconds=0.1, does=signal.SIGSTOP, hangs=1, where=("domain",)
    ),
}


def test_each_fault_has_its_outcome_and_the_next_question_is_answered(
    place: Place, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other by one worker, which none of these ends."""
    monkeypatch.setattr(process, "RENEW_S", 600.0)  # that a missing service begins it anew stands in test_tuxedo
    here = request.node.callspec.params["place"]
    faults = {name: fault for name, fault in FAULTS.items() if here in fault.where}
    way = place.open()
    found = {name: ended(way, fault) for name, fault in faults.items()}
    assert found == {name: (fault.outcome, fault.reason, fault.sent) for name, fault in faults.items()}
    assert way.facts()["starts"] == 1
    if isinstance(place, Standin):
        assert place.called("ECHO") == len(faults) + 1, "after each; and what the tables do not know is not called"


@pytest.mark.parametrize(
    ("place", "name"),
    [(place, name) for name, fault in OF_WORKERS.items() for place in fault.where],
    indirect=["place"],
)
def test_a_worker_that_is_gone_has_its_outcome_and_another_answers(place: Place, name: str) -> None:
    fault = OF_WORKERS[name]
    way = place.open(hang_s=1)
    asked = gevent.spawn(ended, way, fault)
    if fault.does is not None:
        until(lambda: way.facts()["calls"] == 1 or asked.ready())
        os.kill(way._workers[0].pid or 0, fault.does)
    assert asked.get(timeout=120) == (fault.outcome, fault.reason, fault.sent)
    assert (way.facts()["starts"], way.facts()["ended_for_hanging"]) == (2, fault.hangs)


def ended(way: TuxedoWay, fault: Fault) -> tuple[str, str | None, bool]:
    try:
        told = ask(way, fault.service, fault.seconds, options=fault.options, **fault.fields)
    except WayError as error:
        found: tuple[str, str | None, bool] = error.outcome, error.reason, error.sent
    else:
        assert told["ERR"] == ["NOUSER"]
        found = "ok", None, True
    until(lambda: way.facts()["workers"] == 1)
    assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]
    return found


def test_a_domain_that_is_stopped_and_started(place: Place) -> None:
    """A client of Enduro/X may join a domain that is not there: the probe has a service to call. What was sent to one
    that is going may wait in its queue for good."""
    way = place.open(probe="ECHO")
    assert ask(way, "ECHO", MSISDN="1")["MSISDN"] == ["1"]
    place.down()
    try:
        outcome, reason, _ = failure(way, "ECHO", 5.0, MSISDN="1")
        stopped = {("error", reason) for reason in ("system", "join-system", "no-service")}
        assert (outcome, reason) in {*stopped, ("timeout", "tpetime")}
        with pytest.raises(WayError):
            way.probe(time.monotonic() + 5.0)
    finally:
        place.up()
    until(lambda: answers(way), 60.0)
    way.probe(time.monotonic() + SOON_S)


def answers(way: TuxedoWay) -> bool:
    try:
        return bool(ask(way, "ECHO", MSISDN="1"))
    except WayError:
        return False
