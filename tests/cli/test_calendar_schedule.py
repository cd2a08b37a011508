"""`cti calendar`, `cti schedule` and `cti flow meet`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti.cli import main
from cti.core.access import SYSTEM, Deed, Grant
from cti.core.people import AgentProfile, Team, User
from cti.store import open_store

CONFIG = "data: .\nflows: flows\nswitches: [{name: fs, kind: embedded, password: only-for-tests}]\n"
FLOW = "flow: %s\nstart: bye\nlanguages: {default: en-US}\nnodes:\n  bye: {type: end}\n"
ENTRY = """\
entries:
  - {name: nights, called: "100*", when: {calendar: office, is: [closed, holiday]}, flow: busy}
  - {name: days, called: "100*", flow: day}
"""
OFFICE = "calendar: office\ntitle: Office\ntimezone: Asia/Shanghai\nweek: {mon-fri: 08:00-18:00}\n"
DEED = Deed(SYSTEM, 1.0, "", "test")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    flows = tmp_path / "flows"
    (flows / "calendars").mkdir(parents=True)
    for name in ("busy", "day"):
        (flows / f"{name}.yaml").write_text(FLOW % name)
    (flows / "entry.yaml").write_text(ENTRY)
    (flows / "calendars/office.yaml").write_text(OFFICE)
    store = open_store(f"sqlite:///{tmp_path / 'cti.db'}", tmp_path / "keys.json")
    store.accounts.people.save_team(Team("north"), DEED)
    store.accounts.people.add_user(User("u-anna", "anna", "", grants=(Grant.parse("agent"),)), None, DEED)
    store.accounts.agents.save([AgentProfile("1001", "u-anna", "Anna", "north", phone="1001")], DEED)
    store.close(5.0)
    file = tmp_path / "cti.yaml"
    file.write_text(CONFIG)
    return file


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(list(words))
    said = capsys.readouterr()
    return status, said.out, said.err


def test_calendars_go_out_as_a_table_and_come_back(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named, file = ("--config", str(config)), config.parent / "house.csv"
    assert "Asia/Shanghai" in run(capsys, "calendar", "list", *named)[1]
    status, table, _ = run(capsys, "calendar", "export", *named)
    assert (status, table.splitlines()[0]) == (0, "calendar,kind,from,to,hours,name")
    file.write_text(table.replace("08:00-18:00", "08:00-88:00") + "office,special,soon,,open,\n")
    status, _, err = run(capsys, "calendar", "import", str(file), *named)
    assert status == 1
    assert [line.split(" ")[0] for line in err.splitlines()] == [f"{file}:4", f"{file}:6"]
    assert (config.parent / "flows/calendars/office.yaml").read_text() == OFFICE
    file.write_text(table.replace("08:00-18:00", "07:00-19:00"))
    assert "nothing has changed" in run(capsys, "calendar", "import", str(file), "--check", *named)[1]
    assert (config.parent / "flows/calendars/office.yaml").read_text() == OFFICE
    assert run(capsys, "calendar", "import", str(file), *named)[0] == 0
    assert run(capsys, "calendar", "export", *named)[1] == file.read_text()


def test_shifts_are_planned_from_a_table(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named, file = ("--config", str(config)), config.parent / "shifts.csv"
    good = "agent_id,from,to,note\n1001,2026-03-02T08:00+08:00,2026-03-02T16:00+08:00,early\n"
    file.write_text(good + "nobody,2026-03-02T08:00+08:00,2026-03-02T16:00+08:00,\n1001,x,y,\n")
    status, _, err = run(capsys, "schedule", "import", str(file), *named)
    assert status == 1
    assert [line.split(" ")[0] for line in err.splitlines()] == [f"{file}:3", f"{file}:4"]
    file.write_text(good)
    assert "nothing has changed" in run(capsys, "schedule", "import", str(file), "--check", *named)[1]
    assert run(capsys, "schedule", "import", str(file), *named)[1] == "1 shifts are planned\n"
    assert run(capsys, "schedule", "import", str(file), *named)[0] == 1  # the agent is on duty then
    assert run(capsys, "schedule", "import", str(file), "--replace", *named)[2] == "1 shifts gave way\n"
    days = ("--from", "2026-03-01", "--to", "2026-03-03T00:00")
    listed = run(capsys, "schedule", "list", *days, *named)[1].splitlines()
    assert listed[1] == "1001,2026-03-02T00:00:00.000+00:00,2026-03-02T08:00:00.000+00:00,early"
    assert run(capsys, "schedule", "list", *days, "--agent", "1002", *named)[1].splitlines() == listed[:1]


def test_which_flow_a_caller_would_meet(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flows = ("--flows", str(config.parent / "flows"))
    by_day = run(capsys, "flow", "meet", "10086", "--at", "2026-03-02T10:00+08:00", *flows)
    assert (by_day[0], by_day[1].splitlines()[0]) == (0, "entry 'days' (voice): flow day")
    by_night = run(capsys, "flow", "meet", "10086", "--at", "2026-03-02T22:00+08:00", *flows)
    assert by_night[1].startswith("entry 'nights' (voice): flow busy")
    assert run(capsys, "flow", "meet", "999", *flows)[0] == 1
