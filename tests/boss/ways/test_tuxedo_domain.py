"""The Tuxedo way over a real XATMI domain, where CTI_XATMI_ENV names a file with the environment of its clients (lines
NAME=VALUE; PYTHONPATH among them, if the module is not installed for this Python).

The domain has services of FML or UBF fields MSISDN, BALANCE, NAME, ERR and SECONDS (strings): QRY_BAL (balance and
tpurcode 7; TPFAIL with ERR=NOUSER and tpurcode 1001 for numbers that end in 9, with ERR=BROKEN for those in 8), ECHO
(of no data, too), and SLEEPS (for SECONDS). Its faults stand in `test_tuxedo_faults`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from cti.boss.way import Question, Surroundings, WayError
from cti.boss.ways.tuxedo import KIND
from cti.boss.ways.tuxedo.options import TuxedoBackend, TuxedoTarget
from cti.boss.ways.tuxedo.way import TuxedoWay
from tests.boss.rig import until

ENV = os.environ.get("CTI_XATMI_ENV", "")
pytestmark = pytest.mark.skipif(
    not ENV, reason="no real XATMI domain: set CTI_XATMI_ENV to the file with its clients' environment (see the file)"
)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[TuxedoWay]:
    options = {"environment_file": ENV, "workers": {"processes": 2, "threads": 2}}
    found = KIND.open(TuxedoBackend.model_validate(options), Surroundings("domain", tmp_path))
    assert isinstance(found, TuxedoWay)
    until(lambda: found.facts()["workers"] == 2)
    print(f"the client is {found.facts()['module']}")
    yield found
    found.close()


def ask(way: TuxedoWay, service: str, seconds: float = 60.0, options: Any = None, **fields: Any) -> Any:
    target = TuxedoTarget(service=service, **(options or {}))
    return way.ask(Question(target, fields, None, time.monotonic() + seconds))


def test_a_service_is_called_and_its_fields_come_back(way: TuxedoWay) -> None:
    way.probe(time.monotonic() + 60)
    told = ask(way, "QRY_BAL", MSISDN="13800001234")
    assert (told["BALANCE"], told["NAME"], told["urcode"], told["svcfail"]) == (["12.34"], ["陈"], 7, False)


@pytest.mark.parametrize("buffer", ["string", "carray", "json"])
def test_buffers_without_fields_have_a_body(way: TuxedoWay, buffer: str) -> None:
    options = {"buffer": buffer, "body": {"codec": "json"}}
    assert ask(way, "ECHO", options=options, msisdn="138", name="陈")["name"] == "陈"


def test_many_at_once_each_have_their_own_answer(way: TuxedoWay) -> None:
    def one(number: int) -> Any:
        while True:
            try:
                return ask(way, "ECHO", MSISDN=str(number))["MSISDN"]
            except WayError as error:
                if error.reason != "no-thread":
                    raise
                gevent.sleep(0.01)

    jobs = [gevent.spawn(one, number) for number in range(100)]
    gevent.joinall(jobs)
    assert [job.value for job in jobs] == [[str(number)] for number in range(100)]
