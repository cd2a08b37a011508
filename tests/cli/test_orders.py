"""`cti order list` against the database of an engine that may be running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti.cli import main
from cti.core.orders import OrderKind
from tests.runtime.accountkit import NOW, Office


@pytest.fixture
def config(tmp_path: Path) -> Iterator[str]:
    office = Office(tmp_path)
    orders = office.store.accounts.orders
    for n, (source, kind) in enumerate(
        (("crm", OrderKind.CALLBACK), ("crm", OrderKind.MESSAGE), ("api:desk", OrderKind.MESSAGE))
    ):
        orders.receive(source, f"k{n}", kind, "digest", NOW + n)
    orders.answer("crm", "k0", "accepted", "cb-1", "", NOW + 9)
    orders.answer("api:desk", "k2", "rejected", "", "blocked", NOW + 9)
    file = tmp_path / "cti.yaml"
    file.write_text("data: .\nswitches: [{name: fs, kind: embedded, password: only-for-tests}]\n")
    yield str(file)
    office.close()


def listed(capsys: pytest.CaptureFixture[str], config: str, *words: str) -> tuple[list[str], str | None]:
    assert main(["order", "list", "--json", "--config", config, *words]) == 0
    told = json.loads(capsys.readouterr().out)
    return [order["key"] for order in told["orders"]], told["next"]


def test_by_source_state_and_kind_and_page_by_page(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(capsys, config) == (["k2", "k1", "k0"], None)
    assert listed(capsys, config, "--source", "crm")[0] == ["k1", "k0"]
    assert listed(capsys, config, "--state", "received")[0] == ["k1"]
    assert listed(capsys, config, "--kind", "callback")[0] == ["k0"]
    first, following = listed(capsys, config, "--limit", "2")
    assert following is not None
    assert (first, listed(capsys, config, "--limit", "2", "--after", following)) == (["k2", "k1"], (["k0"], None))


def test_as_a_table_without_what_was_ordered(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["order", "list", "--limit", "1", "--state", "accepted", "--config", config]) == 0
    head, line, more = capsys.readouterr().out.splitlines()
    assert head.split() == ["received", "source", "key", "kind", "state", "made", "code"]
    assert line.split()[1:] == ["crm", "k0", "callback", "accepted", "cb-1"]
    assert more.startswith("more: --after '")
    assert main(["order", "list", "--after", "x", "--config", config]) == 1
    assert "[bad-cursor]" in capsys.readouterr().err
