"""``/v1/reports``: who sees which rows, as JSON and CSV, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cti.acd import outputs as o
from cti.acd.states import Outcome
from cti.runtime.floor.ledger import Ledger
from tests.api.site import Platform
from tests.runtime.accountkit import NOW

BEGIN = NOW - NOW % 86_400
PERIOD = {
    "from": datetime.fromtimestamp(BEGIN, UTC).isoformat(),
    "to": datetime.fromtimestamp(BEGIN + 86_400, UTC).isoformat(),
}


@pytest.fixture(scope="module")
def counted(platform: Platform) -> Platform:
    """A contact in each of two queues, answered by anna (1001, north) and ben (1002, south)."""
    ledger = Ledger(platform.store.record, "node/0", "r1")
    for number, (queue, agent) in enumerate((("sales", "1001"), ("service", "1002"))):
        at = BEGIN + 1800 * number
        ledger.hear(o.EntryBegan(at, number, f"k{number}", queue, "voice"))
        ledger.hear(
            o.EntryEnded(at + 8, number, f"k{number}", queue, "voice", at, Outcome.ANSWERED, "connected", 8.0, agent)
        )
        ledger.hear(o.Handled(at + 100, f"k{number}", agent, queue, "voice", 60.0, 0.0, 32.0))
    assert platform.store.flush(10.0)
    platform.office.person("chief", "supervisor@queue:sales")
    return platform


def ask(platform: Platform, who: str, name: str, **more: str) -> Any:
    return platform.client(who).simulate_get(f"/v1/reports/{name}", params={**PERIOD, **more})


def test_queues_with_counts_kpis_formulas_and_what_is_now(counted: Platform) -> None:
    report = ask(counted, "auditor", "queues", interval="15min").json
    assert [(row["begins"][11:16], row["queue"], row["offered"], row["asa_s"]) for row in report["items"]] == [
        ("00:00", "sales", 1, 8.0),
        ("00:30", "service", 1, 8.0),
    ]
    assert report["total"]["offered"] == 2
    assert report["formulas"]["asa_s"] == "Σ wait of answered / answered"
    assert report["now"]["sales"] == {"waiting": 2}


@pytest.mark.parametrize(
    ("who", "name", "seen"),
    [
        ("auditor", "agents", ["1001", "1002"]),
        ("lead", "agents", ["1001"]),
        ("anna", "agents", ["1001"]),
        ("chief", "queues", ["sales"]),
        ("lead", "queues", []),
        ("author", "queues", ["sales", "service"]),
    ],
)
def test_each_sees_the_rows_of_the_own_teams_and_queues(
    counted: Platform, who: str, name: str, seen: list[str]
) -> None:
    report = ask(counted, who, name).json
    assert [row[name[:-1]] for row in report["items"]] == seen
    if name == "queues":
        assert report["total"]["offered"] == len(seen)
        assert sorted(report["now"]) == seen


def test_calls_and_flows_are_for_who_may_see_all(counted: Platform) -> None:
    for name in ("calls", "flows"):
        assert ask(counted, "auditor", name).status_code == 200
        assert ask(counted, "lead", name).status_code == 403


def test_csv(counted: Platform) -> None:
    answer = ask(counted, "auditor", "agents", format="csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0].startswith("begins,agent,offers,accepted")
    assert [line.split(",")[1] for line in lines[1:4]] == ["1001", "1002", "all"]
    assert "# occupancy: handling / (handling + ready)" in lines


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"to": ""}, "to"),
        ({"from": "2026-03-02"}, "offset"),
        ({"from": "2026-03-02T00:01+00:00"}, "quarter"),
        ({"to": "2020-01-01T00:00+00:00"}, "more than nothing"),
        ({"interval": "week"}, "15min, hour, day, period"),
        ({"within": "7"}, "within 5"),
        ({"within": "-1"}, "whole number"),
        ({"fcr_days": "365"}, "90 days"),
        ({"format": "xml"}, "json, csv"),
        ({"intervall": "day"}, "did you mean 'interval'"),
    ],
)
def test_what_cannot_be_asked(counted: Platform, more: dict[str, str], says: str) -> None:
    answer = ask(counted, "auditor", "calls", **more)
    assert answer.status_code == 400
    assert says in answer.json["detail"]


def test_there_is_no_other_report(counted: Platform) -> None:
    assert ask(counted, "auditor", "secrets").status_code == 404
