"""The demo's billing system, a real process: what it tells by the socket is what the database holds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cti.boss import DEMO_INTERFACES, InterfaceServer, ensure_demo_database
from cti.boss.demo_billing import start_billing, stop_billing, with_billing
from cti.boss.guard.bulkhead import Priority
from tests.boss.served import served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ensure_demo_database(tmp_path_factory.mktemp("demo") / "boss-demo.db").parent


@pytest.fixture
def demo(folder: Path) -> Iterator[InterfaceServer]:
    process, port = start_billing(folder / "boss-demo.db")
    interfaces = DEMO_INTERFACES.read_text(encoding="utf-8")
    with served(with_billing(interfaces, port), folder) as server, served(interfaces, folder) as by_sql:
        server.by_sql, server.process = by_sql, process  # type: ignore[attr-defined]
        yield server
    stop_billing(process)
    assert process.returncode == 0


def test_balances_travel_by_a_socket_and_by_sql_when_the_plug_is_pulled(demo: InterfaceServer) -> None:
    numbers = [f"1380000{n:04d}" for n in (0, 3, 5, 7, 13)] + ["01088880000", "01088880005", "13999999999"]
    process, by_sql = demo.process, demo.by_sql  # type: ignore[attr-defined]
    for name in ("balance.get", "subscriber.get"):
        for number in numbers:
            found = demo.find(name, {"msisdn": number}, Priority.IVR)
            assert found.backend == "billing", found
            other = by_sql.ask(name, {"msisdn": number}, 60.0)
            assert (found.outcome, found.values) == (other.outcome, other.values), number
    stop_billing(process)
    found = demo.find("balance.get", {"msisdn": "13800000000"}, Priority.IVR)
    assert (found.backend, found.values["balance"]) == ("subscribers", Decimal("88.50"))
    billing, _ = demo.facts()
    assert billing["name"] == "billing"
    assert billing["last_failure"] is not None
