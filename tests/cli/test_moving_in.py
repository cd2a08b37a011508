"""What another platform exports, imported: users with profiles, and the calls that it took; whole or not at all."""

from __future__ import annotations

import csv
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cti.app import open_accounts, open_records, open_reports
from cti.cli import main
from cti.config import load_settings
from cti.core.imported import LineRefused, records_of
from tests.store.template import copy_database

CONFIG = "data: .\ntimezone: Asia/Shanghai\nswitches:\n  - {name: fs1, password: a-long-enough-one}\n"
USERS = """user,title,roles,agent_id,team,phone,skills,wrapup_s
zoe,Zoe,agent@team:north,1001,north,1001,billing:3 english:5,15
yan,,agent@team:north supervisor@team:north,1002,north,1002,billing:7,
ann,,auditor,,,,,
"""
#: 3 March.
NOW = datetime(2026, 3, 3, tzinfo=UTC).timestamp()
CALLS = """id,began_at,ended_at,called,caller,answered_at,outcome,queue,wait_s,agent,talk_s,hold_s,work_s,disposition
17,2026-03-02T09:15:00,2026-03-02T09:20:00,10086,13800000001,2026-03-02T09:15:02,done,sales,12.5,1001,200,10,30,sold
18,2026-03-02T09:16:00,2026-03-02T09:17:00,10086,,2026-03-02T09:16:02,,sales,40,,,,,
19,2026-03-02T01:16:00+00:00,2026-03-02T01:18:00+00:00,10086,13800000002,,quiet,,,,,,,
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy_database(tmp_path)
    found = tmp_path / "cti.yaml"
    found.write_text(CONFIG)
    return found


def run(file: Path, text: str, *words: str) -> int:
    table = file.parent / "table.csv"
    table.write_text(text)
    return main([*words, str(table), "--config", str(file)])


def test_users_come_with_profiles_teams_and_skills(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = file.parent / "passwords.csv"
    assert run(file, USERS, "user", "import", "--check") == 0
    assert capsys.readouterr().out == "3 users are good; nothing has changed\n"
    assert run(file, USERS, "user", "import", "--passwords", str(secret)) == 0
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    passwords = dict(csv.reader(secret.read_text().splitlines()[1:]))
    assert list(passwords) == ["zoe", "yan", "ann"]
    with open_accounts(load_settings(file)) as accounts:
        profiles = {one.agent_id: one for one in accounts.store.agents.list_agents()}
        zoe = accounts.store.people.find_user_named("zoe")
    assert zoe is not None
    assert (profiles["1001"].user_id, profiles["1001"].skills, profiles["1001"].wrapup_s) == (
        zoe.user_id,
        {"billing": 3, "english": 5},
        15.0,
    )
    assert profiles["1002"].name == "yan"
    assert run(file, USERS.replace("15\n", "20\n"), "user", "import", "--passwords", str(secret) + "2") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("3 users: 0 new")
    with open_accounts(load_settings(file)) as accounts:
        found = accounts.store.agents.find("1001")
    assert found is not None
    assert found.wrapup_s == 20.0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("zoe,,,1003,north,1003,,", "table.csv:5 [duplicate-key] line 2 has it already"),
        ("bob,,,1001,north,1003,,", "table.csv:5 [conflict] agent_id 1001 is zoe's"),
        ("bob,,,1003,north,1002,,", "table.csv:5 [conflict] phone 1002 is yan's"),
        ("bob,,king,1003,north,1003,,", "table.csv:5 ["),
        ("bob,,,1003,north,1003,billing,", "table.csv:5 [bad-csv] 'billing' is not name:number"),
        ("b b,,,1003,north,1003,,", "table.csv:5 [bad-name] user name 'b b' cannot be used ("),
        ("bob,,,1003,north,1003,,soon", "table.csv:5 [bad-wrapup] wrapup_s 'soon' is no number of seconds"),
        (",,,1003,north,1003,,", "table.csv:5 [missing-option] no user"),
    ],
)
def test_one_wrong_line_and_nobody_is_added(
    file: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    secret = file.parent / "passwords.csv"
    assert run(file, USERS + line + "\n", "user", "import", "--passwords", str(secret)) == 1
    assert told in capsys.readouterr().err
    assert not secret.exists()
    with open_accounts(load_settings(file)) as accounts:
        assert accounts.store.people.find_user_named("zoe") is None


def test_one_report_over_both_platforms_and_a_second_import_changes_nothing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(file, CALLS, "call", "import", "--platform", "old", "--check") == 0
    for _ in range(2):
        assert run(file, CALLS, "call", "import", "--platform", "old") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 calls of old are on record"
    settings = load_settings(file)
    with open_records(settings) as store:
        rows = store.list_calls(limit=9, unmask=True)
    assert sorted((row.call_id, row.caller, row.entry, row.duration_s) for row in rows) == [
        ("old.17", "13800000001", "old (imported)", 300.0),
        ("old.18", None, "old (imported)", 60.0),
        ("old.19", "13800000002", "old (imported)", 120.0),
    ]
    assert {datetime.fromtimestamp(row.started_at, UTC).hour for row in rows} == {1}
    report = ["report", "queues", "--from", "2026-03-02", "--to", "2026-03-03", "--csv", "--config", str(file)]
    assert main(report) == 0
    shown = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    head, *lines = csv.reader(shown)
    sales = next(dict(zip(head, line, strict=True)) for line in lines if "sales" in line)
    assert [float(sales[name]) for name in ("offered", "answered", "abandoned", "handled")] == [2, 1, 1, 1]
    assert main(["report", "verify", "--from", "2026-03-02", "--to", "2026-03-03", "--config", str(file)]) == 0
    with open_reports(settings):
        pass


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("17,2026-03-02T09:15:00,2026-03-02T09:20:00,10086", "[duplicate-key] id 17 is given twice"),
        ("20,yesterday,2026-03-02T09:20:00,10086", "[bad-option] began_at: 'yesterday' is no time"),
        ("20,2026-03-02T09:15:00,2026-03-02T09:14:00,10086", "[bad-option] ended_at: the call ends before it begins"),
        ("20,2026-03-02T09:15:00,2026-03-02T09:20:00,sip:x", "[bad-option] called: 'sip:x' is not a number"),
        ("20,2026-03-02T09:15:00,2026-03-02T09:20:00,10086,,,,,nan", "[bad-option]"),
        ("20,2026-03-02T09:15:00,2026-03-02T09:20:00,10086,,,,,,1001", "[bad-option] queue: an agent had the call"),
        ("20,2026-03-02T09:15:00,,10086", "[missing-option] no ended_at"),
    ],
)
def test_one_wrong_call_and_none_is_on_record(
    file: Path, capsys: pytest.CaptureFixture[str], line: str, told: str
) -> None:
    if ",,,,,nan" in line:
        line = line.replace(",,,,,nan", ",,,,sales,nan")
    assert run(file, CALLS + line + "\n", "call", "import", "--platform", "old") == 1
    error = capsys.readouterr().err
    assert "table.csv:5 " in error
    assert told in error
    with open_records(load_settings(file)) as store:
        assert store.list_calls(limit=9) == []


def test_a_table_that_is_not_utf8_is_refused_at_its_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = file.parent / "table.csv"
    table.write_bytes("user,title\nzoe,Zoe\nyan,\u5f20\u4e09\n".encode("gb18030"))
    assert main(["user", "import", str(table), "--config", str(file), "--check"]) == 2
    assert "table.csv:3:0: [bad-csv] this is not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["answered_at", "queued_at"])
def test_what_happened_in_a_call_lies_within_it(column: str) -> None:
    names = ["id", "began_at", "ended_at", "called", "queue"]
    cells = dict(zip(names, ["17", "2026-03-02T09:15:00", "2026-03-02T09:20:00", "1", "sales"], strict=True))
    assert records_of({**cells, column: "2026-03-02T09:16:00"}, "old", UTC, NOW)
    with pytest.raises(LineRefused, match=f"{column}: this is not between"):
        records_of({**cells, column: "2027-03-02T09:16:00"}, "old", UTC, NOW)


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "1970-01-01T00:00:00", "2026-03-05"])
def test_a_call_is_of_a_time_that_has_been(when: str) -> None:
    with pytest.raises(LineRefused, match=r"is no time of a call|lies in the future"):
        records_of({"id": "17", "began_at": when, "ended_at": when, "called": "1"}, "old", UTC, NOW)


def test_no_two_platforms_make_the_same_id() -> None:
    cells = {"began_at": "2026-03-02T09:15:00", "ended_at": "2026-03-02T09:20:00", "called": "1"}
    ids = [
        getattr(record, "call_id", None)
        for platform, own in (("a-b", "c"), ("a", "b-c"), ("a", "b.c"))
        for record in records_of({**cells, "id": own}, platform, UTC, NOW)[:1]
    ]
    assert ids == ["a-b.c", "a.b-c", "a.b.c"]


def test_a_column_that_is_there_twice_is_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(file, "user,title,title\nzoe,Zoe,Zora\n", "user", "import", "--check") == 1
    assert "[duplicate-key] the column 'title' is there twice" in capsys.readouterr().err


def test_long_ids_stay_apart_in_every_column(file: Path) -> None:
    """Ids of facts are cut at 64 signs by the database."""
    head, line = CALLS.splitlines()[:2]
    lines = "\n".join([head, *("x" * 70 + end + line[2:] for end in ("1", "2"))])
    assert run(file, lines, "call", "import", "--platform", "old") == 0
    facts = [
        fact
        for end in ("1", "2")
        for record in records_of(
            dict(zip(head.split(","), ("x" * 70 + end + line[2:]).split(","), strict=True)), "old", UTC, NOW
        )
        for name in ("entry_id", "fact_id", "handling_id")
        if (fact := getattr(record, name, None)) is not None
    ]
    assert (len(facts), len({fact[:64] for fact in facts})) == (6, 4)


HEAD, CALL = CALLS.splitlines()[:2]


def test_a_long_table_is_read_whole_or_not_at_all(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part of it would look like the whole. Blanks around a cell are no part of it."""
    table = "\n".join([HEAD, *(f"x{n}{' ' * 6000}{CALL[2:]}" for n in range(200))]) + "\n"
    assert len(table) > 1 << 20
    assert run(file, table, "call", "import", "--platform", "old", "--check") == 0
    assert capsys.readouterr().out == "200 calls are good; nothing has changed\n"
    assert run(file, table, "schedule", "import", "--check") == 2
    assert "table.csv: [too-large] more than 1 MiB, nothing of it is read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (CALLS.encode("utf-16-le"), "table.csv: [bad-csv] this is UTF-16, or no text"),
        ("id,began_at\n1,客户\n".encode("gb18030"), "table.csv:2:0: [bad-csv] this is not UTF-8"),
        (CALLS.replace(",", ";").encode(), "table.csv:1 [bad-csv] its columns are apart by ';'"),
        (b"", "table.csv:1 [bad-csv] there is nothing in it"),
        (f"{HEAD}\n{CALL},,,\n".encode(), "table.csv:2 [bad-option] 17 cells, and the head has 14 columns"),
        (f'{HEAD}\n"{CALL}\n'.encode(), "(a quotation mark that is not closed?)"),
        ("\n".join([HEAD, *([CALL] * 60)]).encode(), "table.csv: and 9 more findings"),
    ],
)
def test_a_file_that_is_no_table_says_why(
    file: Path, capsys: pytest.CaptureFixture[str], raw: bytes, told: str
) -> None:
    table = file.parent / "table.csv"
    table.write_bytes(raw)
    assert main(["call", "import", str(table), "--platform", "old", "--config", str(file)]) in (1, 2)
    assert told in capsys.readouterr().err


def test_passwords_go_into_a_new_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = file.parent / "there.csv"
    there.write_text("of yesterday\n")
    for name in (there, file.parent / "nowhere" / "passwords.csv"):
        assert run(file, USERS, "user", "import", "--passwords", str(name)) == 2
        assert f"{name}: [unwritable-file]" in capsys.readouterr().err
    assert there.read_text() == "of yesterday\n"
    with open_accounts(load_settings(file)) as accounts:
        assert accounts.store.people.find_user_named("zoe") is None
