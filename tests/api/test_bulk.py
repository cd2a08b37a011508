"""Many agents at once: imports that tell everything that is wrong, states by period, shifts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from falcon import testing

from cti.core.errors import CtiError
from cti.core.floor_records import PresencePeriod as Kept
from cti.core.moments import iso
from cti.core.schedules import PresencePeriod, Shift, attendance
from tests.api.site import DEED, NOW, Platform

HEAD = "agent_id,user,name,team,phone,remote_answer,wrapup_s,skills,capacity,beside_call\n"


def csv(platform: Platform, who: str, path: str, text: str, query: str = "") -> testing.Result:
    return platform.client(who).simulate_post(
        path, body=text.encode(), headers={"Content-Type": "text/csv"}, query_string=query
    )


def findings(answer: testing.Result) -> list[tuple[Any, ...]]:
    return [(one["line"] or one["file"], one["code"]) for one in answer.json["findings"]]


def listed(platform: Platform, who: str, path: str, query: str) -> Any:
    answer = platform.client(who).simulate_get(path, query_string=query)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_imports_tell_every_line_that_is_wrong_and_write_all_or_nothing(fresh: Platform) -> None:
    agents = fresh.store.accounts.agents
    assert csv(fresh, "root", "/v1/skills/import", "skill,title\nbilling,Billing\n,x\n-bad,y\nbilling,z\n").json[
        "findings"
    ] == [
        {"file": "skill", "line": 3, "col": 0, "code": "missing-option", "severity": "error", "message": "no skill",
         "path": []},
        {"file": "", "line": 4, "col": 0, "code": "bad-name", "severity": "error",
         "message": "skill '-bad' cannot be used", "path": []},
        {"file": "skill", "line": 5, "col": 0, "code": "duplicate-key", "severity": "error",
         "message": "skill billing is given twice", "path": []},
    ]  # fmt: skip
    assert agents.list_skills() == {}
    checked = csv(fresh, "root", "/v1/skills/import", "skill,title\nbilling,Billing\n", "check=true")
    assert (checked.json["good"], checked.json["saved"], agents.list_skills()) == (True, 0, {})
    assert csv(fresh, "root", "/v1/skills/import", "skill,title\nbilling,Billing\n").json["saved"] == 1

    good = HEAD + "1001,anna,Anna,north,1001,none,10,billing:3,call:1 chat:2,chat\n"
    before = agents.list_agents()
    bad = good + (
        "1003,nobody,X,north,1003,none,0,,,\n"
        "1004,lead,Lead,nowhere,1004,none,0,,,\n"
        "1005,super,Super,north,1001,none,0,,,\n"
        "1006,author,A,north,1006,perhaps,0,,,\n"
        "1007,auditor,B,north,1007,none,0,billing:11,,\n"
        "1008,root,C,north,1008,none,0,typing:1,,\n"
        "1009,anna,D,north,1009,none,0,,,\n"
        "1001,anna,again,north,1001,none,0,,,\n"
        "1010,,no user,north,1010,none,0,,,\n"
        "1011,web1,E,north,1011,none,long,,,\n"
        "1012,web2,F,north,1012,none,0,billing=3,,,,,,\n"
    )
    expected = [
        (3, "unknown-user"), (4, "unknown-team"), (5, "phone-taken"), (6, "bad-csv"), (7, "bad-level"),
        (8, "unknown-skill"), (9, "agent-taken"), (10, "duplicate-key"), (11, "missing-option"), (12, "bad-csv"),
        (13, "bad-option"),
    ]  # fmt: skip
    for query in ("", "check=true"):
        answer = csv(fresh, "root", "/v1/agents/import", bad, query)
        assert findings(answer) == expected, answer.text
        assert answer.status_code == (200 if query else 422)
        assert agents.list_agents() == before
    assert csv(fresh, "root", "/v1/agents/import", "agent,user\n1,2\n").json["error_id"] == "bad-csv"
    # Of another team, an agent is not there.
    others = csv(fresh, "lead", "/v1/agents/import", HEAD + "1002,ben,Ben,north,1002,none,0,,,\n")
    assert (others.status_code, findings(others)) == (404, [(2, "unknown-user")])
    # Nor is a user who is not of the team: a profile would give root a new name, and draw ben out of his team.
    for line in ("1009,root,Evil,north,1009,none,0,,,\n", "1009,ben,Ben,north,1009,none,0,,,\n"):
        others = csv(fresh, "lead", "/v1/agents/import", HEAD + line)
        assert (others.status_code, findings(others)) == (404, [(2, "unknown-user")])
    assert csv(fresh, "lead", "/v1/agents/import", good).json == {"good": True, "rows": 1, "findings": [], "saved": 1}
    saved = agents.find("1001")
    assert saved is not None
    assert (saved.skills, saved.capacity, saved.beside_call) == ({"billing": 3}, {"call": 1, "chat": 2}, {"chat"})


def test_skills_of_many_agents_are_judged_one_by_one_and_changed_together(fresh: Platform) -> None:
    fresh.store.accounts.agents.save_skills({"billing": "", "english": ""}, DEED)
    wrong = {"1001": {"billing": 11}, "1002": {"german": 3, "english": 1}, "nobody": {}, "1001x": {"billing": 1}}
    answer = fresh.do("root", "PATCH", "/v1/agents/skills", {"agents": wrong})
    assert (answer.status_code, answer.json["error_id"]) == (422, "bad-items")
    assert findings(answer) == [
        ("1001", "bad-level"), ("1002", "unknown-skill"), ("nobody", "not-found"), ("1001x", "not-found")
    ]  # fmt: skip
    answer = fresh.do(
        "lead", "PATCH", "/v1/agents/skills", {"agents": {"1001": {"billing": 2}, "1002": {"billing": 2}}}
    )
    assert (answer.status_code, findings(answer)) == (404, [("1002", "not-found")])
    assert fresh.store.accounts.agents.find("1001").skills == {}  # type: ignore[union-attr]
    done = fresh.do("root", "PATCH", "/v1/agents/skills", {"agents": {"1001": {"billing": 2}, "1002": {"english": 1}}})
    assert [one["skills"] for one in done.json["items"]] == [{"billing": 2}, {"english": 1}]


def recorded(platform: Platform, *periods: tuple[str, str, str, float, float | None]) -> None:
    for number, (agent, presence, reason, begin, end) in enumerate(periods):
        told = Kept(
            fact_id=f"f-{agent}-{number}", worker="w", run="r", agent=agent, presence=presence, reason=reason,
            began_at=NOW + begin, ended_at=None if end is None else NOW + end,
        )  # fmt: skip
        platform.store.record(told)
    assert platform.store.flush(10.0)


PERIOD = f"from={iso(NOW).replace('+', '%2B')}&to={iso(NOW + 3600).replace('+', '%2B')}"


def test_states_by_period_come_page_by_page_and_of_who_may_be_seen(fresh: Platform) -> None:
    recorded(
        fresh,
        ("1001", "NOT_READY", "sign_in", -600, -60),
        ("1001", "READY", "", -60, 100),
        ("1001", "NOT_READY", "break", 100, 400),
        ("1002", "READY", "", 200, 5000),
        ("1001", "READY", "", 400, None),
        ("1002", "NOT_READY", "break", 5000, None),
    )
    fresh.office.clock.at = NOW + 1000
    whole = listed(fresh, "root", "/v1/agents/states", PERIOD)["items"]
    assert [(one["agent"], one["state"], one["reason"], one["seconds"]) for one in whole] == [
        ("1001", "READY", None, 100.0), ("1001", "NOT_READY", "break", 300.0), ("1002", "READY", None, 3400.0),
        ("1001", "READY", None, 600.0),
    ]  # fmt: skip
    assert whole[3]["to"] is None
    paged, cursor = [], ""
    while True:
        page = listed(fresh, "root", "/v1/agents/states", f"{PERIOD}&limit=1{cursor}")
        paged += page["items"]
        if page["next"] is None:
            break
        cursor = f"&after={page['next']}"
    assert paged == whole
    assert {one["agent"] for one in listed(fresh, "lead", "/v1/agents/states", PERIOD)["items"]} == {"1001"}
    assert listed(fresh, "lead", "/v1/agents/states", f"{PERIOD}&agent=1002")["items"] == []
    assert len(listed(fresh, "root", "/v1/agents/states", f"{PERIOD}&state=NOT_READY")["items"]) == 1
    assert len(listed(fresh, "root", "/v1/agents/states", f"{PERIOD}&team=south")["items"]) == 1
    text = fresh.client("root").simulate_get("/v1/agents/states", query_string=f"{PERIOD}&format=csv").text
    assert text.splitlines()[0] == "agent,state,reason,from,to,seconds"
    assert len(text.splitlines()) == 5
    for query in ("", "from=2026-03-02T10:00Z&to=2026-03-01T10:00Z", f"{PERIOD}&after=x", f"{PERIOD}&state=WORK"):
        assert fresh.client("root").simulate_get("/v1/agents/states", query_string=query).status_code == 400, query


def shift(agent: str, begin: float, end: float, note: str = "") -> dict[str, str]:
    return {"agent": agent, "from": iso(NOW + begin), "to": iso(NOW + end), "note": note}


def test_a_shift_is_planned_changed_and_held_against_what_was(fresh: Platform) -> None:
    recorded(fresh, ("1001", "NOT_READY", "sign_in", 300, 600), ("1001", "READY", "", 600, 2000))
    made = fresh.do("lead", "POST", "/v1/schedules", shift("1001", 0, 3600, "early"))
    assert (made.status_code, made.json["attendance"]) == (201, None)
    path, etag = made.headers["location"], made.headers["etag"]
    assert fresh.do("lead", "POST", "/v1/schedules", shift("1001", 3000, 4000)).json["error_id"] == "shift-overlaps"
    assert (
        fresh.do("lead", "POST", "/v1/schedules", shift("1001", 3600, 4000)).status_code == 201
    )  # one after the other
    assert fresh.do("lead", "POST", "/v1/schedules", shift("1002", 0, 60)).json["error_id"] == "unknown-agent"
    for bad in (shift("1001", 60, 60), shift("1001", 0, 25 * 3600)):
        assert fresh.do("root", "POST", "/v1/schedules", bad).json["error_id"] == "bad-shift"

    fresh.office.clock.at = NOW + 1800
    fresh._tokens.clear()  # they have expired
    there = fresh.do("anna", "GET", path).json["attendance"]
    assert there == {"passed_s": 1800.0, "signed_in_s": 1500.0, "ready_s": 1200.0, "first_at": iso(NOW + 300)}
    assert fresh.do("ben", "GET", path).json["error_id"] == "unknown-shift"

    changed = shift("1001", 0, 1800, "short")
    assert fresh.do("lead", "PUT", path, changed).status_code == 428
    done = fresh.do("lead", "PUT", path, changed, headers={"If-Match": etag})
    assert (done.json["note"], done.json["version"], done.headers["etag"] != etag) == ("short", 2, True)
    assert fresh.do("lead", "PUT", path, changed, headers={"If-Match": etag}).status_code == 412
    assert fresh.do("lead", "PUT", path, shift("1002", 0, 60), headers={"If-Match": "*"}).status_code == 404
    assert fresh.do("lead", "DELETE", path, headers={"If-Match": done.headers["etag"]}).status_code == 204
    actions = [(line.action, line.permission) for line in fresh.store.accounts.audit.lines(limit=3)]
    assert ("shift.remove", "schedules.edit") in actions


def test_shifts_are_imported_whole_or_not_at_all(fresh: Platform) -> None:
    lines = "agent_id,from,to,note\n"
    for day in range(3):
        for agent in ("1001", "1002"):
            one = shift(agent, day * 86400, day * 86400 + 3600)
            lines += f"{agent},{one['from']},{one['to']},day {day}\n"
    assert csv(fresh, "root", "/v1/schedules/import", lines).json["saved"] == 6
    again = csv(fresh, "root", "/v1/schedules/import", lines)
    assert (again.status_code, again.json["error_id"]) == (409, "shift-overlaps")
    assert [place for place, _ in findings(again)] == [2, 3, 4, 5, 6, 7]
    later, late = shift("1001", 600, 4200), shift("1001", 86400 * 9, 86400 * 9 + 60)
    text = (
        f"agent_id,from,to,note\n1001,{later['from']},{later['to']},later\n1001,tomorrow,{later['to']},\n"
        f"1001,{later['to']},{later['from']},\nnobody,{late['from']},{late['to']},\n1001,{late['from']},{late['to']},\n"
        f"1001,{late['from']},{late['to']},\n"
    )
    wrong = csv(fresh, "root", "/v1/schedules/import", text)
    assert findings(wrong) == [
        (2, "shift-overlaps"), (3, "bad-request"), (4, "bad-shift"), (5, "unknown-agent"), (7, "shift-overlaps")
    ]  # fmt: skip
    fine = f"agent_id,from,to,note\n1001,{later['from']},{later['to']},later\n"
    assert csv(fresh, "lead", "/v1/schedules/import", fine, "check=true&replace=true").json["good"] is False
    first = shift("1001", 0, 4200)
    fine = f"agent_id,from,to,note\n1001,{first['from']},{first['to']},longer\n"
    assert csv(fresh, "lead", "/v1/schedules/import", fine, "check=true&replace=true").json["good"] is True
    assert csv(fresh, "lead", "/v1/schedules/import", fine, "replace=true").json["saved"] == 1
    days = f"from={iso(NOW).replace('+', '%2B')}&to={iso(NOW + 3 * 86400).replace('+', '%2B')}"
    found = listed(fresh, "lead", "/v1/schedules", days)["items"]
    assert [one["note"] for one in found] == ["longer", "day 1", "day 2"]
    paged = listed(fresh, "root", "/v1/schedules", f"{days}&limit=4")
    rest = listed(fresh, "root", "/v1/schedules", f"{days}&limit=4&after={paged['next']}")
    assert len(paged["items"] + rest["items"]) == 6
    text = fresh.client("root").simulate_get("/v1/schedules", query_string=f"{days}&format=csv").text
    assert text.splitlines()[0] == "agent_id,from,to,note"
    assert csv(fresh, "root", "/v1/schedules/import", text, "replace=true").json["saved"] == 6
    after = fresh.client("root").simulate_get("/v1/schedules", query_string=f"{days}&format=csv").text
    assert sorted(after.splitlines()) == sorted(text.splitlines())


@pytest.mark.parametrize(
    ("periods", "now", "expected"),
    [
        ([], 50.0, None),
        ([("a", "READY", 0.0, 1000.0)], 200.0, (100.0, 100.0, 100.0, 100.0)),
        ([("b", "READY", 0.0, None)], 200.0, (100.0, 0.0, 0.0, None)),
        ([("a", "NOT_READY", 120.0, 150.0), ("a", "READY", 150.0, None)], 300.0, (100.0, 80.0, 50.0, 120.0)),
        ([("a", "READY", 0.0, 100.0), ("a", "READY", 200.0, None)], 999.0, (100.0, 0.0, 0.0, None)),
    ],
)
def test_attendance_is_what_of_the_shift_the_agent_was_there(
    periods: list[tuple[str, str, float, float | None]], now: float, expected: Any
) -> None:
    rows = [PresencePeriod(f"f{n}", agent, state, "", *ends) for n, (agent, state, *ends) in enumerate(periods)]  # type: ignore[arg-type]
    found = attendance(Shift("s", "a", 100.0, 200.0), rows, now)
    told = None if found is None else (found.passed_s, found.signed_in_s, found.ready_s, found.first_at)
    assert told == expected


def test_of_two_changes_of_one_shift_that_saw_the_same_the_second_is_refused(fresh: Platform) -> None:
    shifts, seen = fresh.store.accounts.schedules, Shift("s-1", "1001", NOW, NOW + 60)
    shifts.add([seen], DEED)
    assert shifts.change(replace(seen, note="first"), DEED).version == 2
    with pytest.raises(CtiError, match="version 2") as found:
        shifts.change(replace(seen, note="second"), DEED)
    assert found.value.code == "stale"
    kept = shifts.find("s-1")
    assert kept is not None
    assert kept.note == "first"
