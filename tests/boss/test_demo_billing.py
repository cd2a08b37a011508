"""The demo's billing systems, real processes: what they tell by socket, HTTP and file is what the database holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

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
    assert (systems.mobile.returncode, systems.fixed.returncode) == (0, 0)


def test_each_subscriber_is_answered_by_its_system_and_by_sql_when_the_plug_is_pulled(demo: Site) -> None:
    for lookup in ("balance.get", "subscriber.get"):
        for number in (*MOBILE, *FIXED, *NOBODY):
            expected = "fixed_billing" if number.startswith("0") else "billing"
            assert demo.asked(lookup, number) == expected, (lookup, number)
    for number in (*MOBILE, *FIXED, *NOBODY):
        assert demo.asked("bill.last", number) == "bills", number
    demo.systems.stop()
    found = demo.server.find("balance.get", {"msisdn": "13800000000"}, Priority.IVR)
    assert (found.backend, found.values["balance"]) == ("subscribers", Decimal("88.50"))
    assert demo.asked("balance.get", "01088880000") == "subscribers"
    assert demo.asked("bill.last", "13800000000") == "bills"
    ill = {one["name"] for one in demo.server.facts() if one["last_failure"] is not None}
    assert ill == {"billing", "fixed_billing"}


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
