"""The demo's systems, real processes: what they tell by socket, HTTP, interface table and file is what the database
holds."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cti.api.office import backend_json
from cti.api.office_metrics import OfficeCollector
from cti.boss import DEMO_INTERFACES, InterfaceServer, ensure_demo_database
from cti.boss.demo_bills import deliver
from cti.boss.demo_systems import Systems, start_systems, with_systems
from cti.boss.guard.bulkhead import Priority
from tests.boss.rig import until
from tests.boss.served import served

MOBILE = tuple(f"1380000{n:04d}" for n in (0, 3, 5, 7, 13))
FIXED = ("01088880000", "01088880005")
NOBODY = ("13999999999", "01099999999")


@dataclass
class Site:
    server: InterfaceServer
    by_sql: InterfaceServer
    systems: Systems
    folder: Path

    def asked(self, lookup: str, number: str) -> str | None:
        """Which back end answered, as the database does."""
        found = self.server.find(lookup, {"msisdn": number}, Priority.IVR)
        other = self.by_sql.ask(lookup, {"msisdn": number}, 60.0)
        assert (found.outcome, found.values) == (other.outcome, other.values), (lookup, number, found)
        return found.backend


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Site]:
    systems = start_systems(ensure_demo_database(tmp_path / "boss-demo.db"))
    interfaces = DEMO_INTERFACES.read_text(encoding="utf-8")
    text = with_systems(interfaces, systems.mobile_port, systems.fixed_port)
    with served(text, tmp_path) as server, served(interfaces, tmp_path) as by_sql:
        yield Site(server, by_sql, systems, tmp_path)
    systems.stop()
    assert {systems.mobile.returncode, systems.fixed.returncode, systems.packages.returncode} <= {0, -signal.SIGKILL}


def test_each_subscriber_is_answered_by_its_system_and_by_sql_when_the_plug_is_pulled(demo: Site) -> None:
    for lookup in ("balance.get", "subscriber.get"):
        for number in (*MOBILE, *FIXED, *NOBODY):
            expected = "fixed_billing" if number.startswith("0") else "billing"
            assert demo.asked(lookup, number) == expected, (lookup, number)
    for number in (*MOBILE, *FIXED, *NOBODY):
        assert demo.asked("bill.last", number) == "bills", number
        assert demo.asked("package.get", number) == "packages", number
    demo.systems.stop()
    assert (demo.systems.mobile.returncode, demo.systems.fixed.returncode) == (0, 0)
    found = demo.server.find("balance.get", {"msisdn": "13800000000"}, Priority.IVR)
    assert (found.backend, found.values["balance"]) == ("subscribers", Decimal("88.50"))
    assert demo.asked("balance.get", "01088880000") == "subscribers"
    assert demo.asked("bill.last", "13800000000") == "bills"
    ill = {one["name"] for one in demo.server.facts() if one["last_failure"] is not None}
    assert ill == {"billing", "fixed_billing"}
    assert demo.asked("package.get", "13800000000") == "subscribers"  # two thirds of the deadline later


def test_bills_come_from_the_database_where_no_file_can_be_used(demo: Site) -> None:
    (folder := demo.folder / "bills").joinpath("BILL_00000001.txt.chk").write_text("BILL_00000001.txt|1|1|0\n")
    text = with_systems(DEMO_INTERFACES.read_text(encoding="utf-8"), 1, 1)
    with served(text, demo.folder) as anew:
        found = anew.find("bill.last", {"msisdn": "13800000000"}, Priority.IVR)
        assert (found.outcome, found.backend) == ("ok", "subscribers")
        (bills,) = [one for one in anew.facts() if one["name"] == "bills"]
        assert bills["way"]["BILLS.problem"] == "chk-bytes"
    assert deliver(demo.folder / "boss-demo.db", folder).name == "BILL_00000002.txt"
    assert sorted(one.name for one in folder.iterdir()) == ["BILL_00000002.txt", "BILL_00000002.txt.chk"]
    with served(text, demo.folder) as anew:
        until(lambda: anew.find("bill.last", {"msisdn": "13800000000"}, Priority.IVR).backend == "bills")


def test_what_operators_see_has_no_number_and_no_name(demo: Site) -> None:
    """After answers, faults of three ways and breakers that open, nothing of the fifty subscribers is shown."""
    with closing(sqlite3.connect(demo.folder / "boss-demo.db")) as database:
        people = database.execute("SELECT msisdn, name FROM subscriber").fetchall()
    (demo.folder / "bills" / "BILL_13800000001.txt").write_text("13800000001|x\n")
    for lookup in ("subscriber.get", "bill.last"):
        for number, _ in people:
            demo.server.find(lookup, {"msisdn": number}, Priority.AGENT)
    for process in (demo.systems.mobile, demo.systems.fixed):
        process.kill()
        process.wait()
    for number, _ in people * 2:
        assert demo.server.find("subscriber.get", {"msisdn": number}, Priority.AGENT).outcome != "error"
    shown = {one["name"]: backend_json(one) for one in demo.server.facts()}
    for name in ("billing", "fixed_billing"):
        assert shown[name]["last_failure"]["reason"] in shown[name]["failures"]
        assert shown[name]["breaker"] in ("open", "half_open")
    metrics = CollectorRegistry()
    metrics.register(OfficeCollector(demo.server))
    told = generate_latest(metrics).decode()
    assert 'cti_backend_breaker{backend="billing",service="QRYSUB"} 2.0' in told
    assert 'cti_backend_latency_seconds_bucket{backend="bills",le="+Inf"} 50.0' in told
    assert 'cti_backend_asked_total{backend="bills"} 50.0' in told
    screen = json.dumps(shown, ensure_ascii=False) + told
    assert not [number for number, _ in people if number in screen or number.lstrip("0") in screen]
    assert not [name for _, name in people if name in screen]
