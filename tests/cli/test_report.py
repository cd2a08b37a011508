"""`cti report` on the records of a small centre."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cti.acd import outputs as o
from cti.acd.states import Outcome
from cti.cli import main
from cti.core.calls import TerminalCause
from cti.core.records import CallEnded, CallStarted, NodeVisit, Record
from cti.runtime.floor.ledger import Ledger
from cti.store import open_store
from tests.store.template import copy_database
from tests.store.test_floor_facts import AT, FACTS

CONFIG = "data: .\nflows: flows\ntimezone: UTC\nswitches: [{name: fs, kind: embedded, password: only-for-tests}]\n"
DAY = ("--from", "2026-03-02", "--to", "2026-03-03")
Told = tuple[int, str, str]
Run = Callable[..., Told]


def calls() -> list[Record]:
    """c1 and c2 queued (see FACTS); c3 reached its goal alone; c4 is up. c1's caller calls again after a day."""
    made: list[Record] = []
    for call, caller, at, goals in (
        ("c1", "13800000001", AT + 880, ()), ("c2", "13800000002", AT + 890, ("paid",)), ("c3", None, AT, ("paid",)),
        ("c5", "13800000001", AT + 90_000, ()),
    ):  # fmt: skip
        made.append(CallStarted(call, "fs", "10086", at, caller=caller, flow="hotline"))
        made.append(CallEnded(call, at + 60, TerminalCause.CALLER_HANGUP, goals=goals, answered_at=at + 1))
    made.append(CallStarted("c4", "fs", "10086", AT + 10, flow="hotline"))
    visits = (("c1", "1"), ("c2", "3"), ("c3", "no_input"))
    made += [NodeVisit(call, "csat", "ask", "menu", 1, AT + 1000, AT + 1005, exit) for call, exit in visits]
    return made


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    copy_database(tmp_path)
    store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    ledger = Ledger(store.record, "node/0", "r1")
    overflowed = [
        o.EntryBegan(AT + 2000, 7, "c6", "sales", "voice"),
        o.EntryEnded(AT + 2010, 7, "c6", "sales", "voice", AT + 2000, Outcome.FLOW_OUT, "overflow", 10.0),
        o.EntryBegan(AT + 2010, 8, "c6", "service", "voice"),
        o.EntryEnded(AT + 2800, 8, "c6", "service", "voice", AT + 2010, Outcome.FLOW_OUT, "overflow", 790.0),
        o.EntryBegan(AT + 2800, 9, "c6", "late", "voice"),
    ]
    for fact in (*FACTS, *overflowed):
        ledger.hear(fact)
    for record in calls():
        store.record(record)
    assert store.close(10.0)
    (tmp_path / "cti.yaml").write_text(CONFIG)

    def report(*words: str) -> Told:
        status = main(["report", *words, "--config", str(tmp_path / "cti.yaml")])
        said = capsys.readouterr()
        return status, said.out, said.err

    return report


def told(run: Run, *words: str) -> Any:
    status, out, err = run(*words, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def test_queues_by_quarter_with_formulas(run: Run) -> None:
    report = told(run, "queues", *DAY, "--interval", "15min")
    shown = [(row["begins"], row["queue"], row["offered"], row["in_progress"]) for row in report["items"]]
    assert shown == [
        ("2026-03-02T02:00:00+00:00", "sales", 1, 0),
        ("2026-03-02T02:15:00+00:00", "sales", 1, 0),
        ("2026-03-02T02:30:00+00:00", "sales", 1, 0),
        ("2026-03-02T02:30:00+00:00", "service", 1, 0),
        ("2026-03-02T02:45:00+00:00", "late", 1, 1),
    ]
    first = report["items"][0]
    assert (first["asa_s"], first["service_level_20"], first["ewt_error"]) == (11.5, 1.0, 1.0)
    assert report["formulas"]["service_level_20"] == "answered_in_20 / (answered + abandoned − short_abandoned)"
    assert "median" in report["formulas"]["ewt_error"]


def test_the_total_counts_contacts_and_not_entries(run: Run) -> None:
    report = told(run, "queues", *DAY)
    assert sum(row["offered"] for row in report["items"]) == 5
    total = report["total"]
    assert {name: total[name] for name in ("offered", "answered", "abandoned", "flow_out", "in_progress")} == {
        "offered": 3, "answered": 1, "abandoned": 1, "flow_out": 0, "in_progress": 1,
    }  # fmt: skip
    assert total["service_level_20"] == 1.0


def test_a_contact_belongs_to_the_period_of_its_first_entry(run: Run) -> None:
    """c6 comes to `sales` at 02:33:20 and overflows to `service`; split there, the two periods add up."""
    before = told(run, "queues", "--from", "2026-03-02T00:00", "--to", "2026-03-02T02:30")["total"]
    after = told(run, "queues", "--from", "2026-03-02T02:30", "--to", "2026-03-03")["total"]
    late = told(run, "queues", "--from", "2026-03-02T02:45", "--to", "2026-03-03")
    assert (before["offered"], after["offered"], late["total"]["offered"]) == (2, 1, 0)
    assert [row["queue"] for row in late["items"]] == ["late"]


def test_agents(run: Run) -> None:
    (row,) = told(run, "agents", *DAY)["items"]
    assert (row["agent"], row["handled"], row["aht_s"], row["handling_s"], row["occupancy"]) == ("ann", 1, 98.5, 150, 1)


def test_flows_contain_who_reached_a_goal_and_no_queue(run: Run) -> None:
    (row,) = told(run, "flows", *DAY)["items"]
    assert {name: row[name] for name in ("flow", "runs", "ended", "contained", "queued", "containment", "mean_s")} == {
        "flow": "hotline", "runs": 4, "ended": 3, "contained": 1, "queued": 2, "containment": 0.25, "mean_s": 60,
    }  # fmt: skip


def test_calls_with_first_contact_resolution_and_satisfaction(run: Run) -> None:
    report = told(run, "calls", *DAY, "--fcr-days", "1")
    total = report["total"]
    assert (total["calls"], total["answered"], total["handled"], total["ended_caller_hangup"]) == (4, 3, 1, 3)
    assert (total["csat"], total["csat_answers"], total["transfer_rate"]) == (0.5, 2, 0)
    assert "within 1 days" in report["formulas"]["first_contact_resolution"]


def test_who_calls_again_within_the_window_was_not_settled(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: AT + 30 * 86_400)
    for days, settled in (("1", 1), ("2", 0)):
        total = told(run, "calls", *DAY, "--fcr-days", days)["total"]
        assert (total["fcr_judged"], total["fcr_settled"]) == (1, settled)
    monkeypatch.setattr("time.time", lambda: AT + 86_000)
    total = told(run, "calls", *DAY, "--fcr-days", "1")["total"]
    assert (total["fcr_judged"], total["first_contact_resolution"]) == (0, None)


def test_csv_holds_every_figure_and_the_formulas(run: Run) -> None:
    _, out, _ = run("queues", *DAY, "--csv")
    lines = [line for line in out.splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    assert [(row["begins"][:5], row["queue"], row["offered"]) for row in rows][-1] == ("total", "all, by contact", "3")
    assert {row["queue"]: row["wait_answered_s"] for row in rows}["sales"] == "11.5"
    assert "# answer_rate: answered / offered" in out.splitlines()


def test_a_person_sees_a_table_and_the_formulas(run: Run) -> None:
    for name in ("queues", "agents", "flows", "calls"):
        status, out, err = run(name, *DAY, "--interval", "hour")
        assert (status, err) == (0, "")
        assert out.startswith(f"{name} 2026-03-02T00:00:00+00:00 to 2026-03-03T00:00:00+00:00\n")
        assert " / " in out


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("queues", "--from", "2026-03-02T00:01", "--to", "2026-03-03"), 1, "quarter of an hour"),
        (("queues", "--from", "2026-03-03", "--to", "2026-03-02"), 1, "more than nothing"),
        (("queues", *DAY, "--within", "7"), 1, "within 5, 10, 15, 20, 30, 60 s"),
        (("calls", *DAY, "--fcr-days", "0"), 1, "1 to 90 days"),
    ],
)
def test_what_cannot_be_reported(run: Run, words: tuple[str, ...], status: int, says: str) -> None:
    found, _, err = run(*words)
    assert found == status
    assert says in err


def test_verify_proves_the_counts_and_finds_a_changed_one(run: Run, tmp_path: Path) -> None:
    assert run("verify", *DAY) == (0, "all counts are what the rows say\n", "")
    with closing(sqlite3.connect(tmp_path / "cti.db")) as connection:
        connection.execute("UPDATE interval_counts SET value = value + 1 WHERE count = 'abandoned'")
        connection.commit()
    status, out, _ = run("verify", *DAY)
    assert status == 1
    assert out.splitlines() == [
        "2026-03-02T02:15:00+00:00 queue sales (voice): abandoned is 2, the rows say 1",
        "1 counts differ from the rows",
    ]
