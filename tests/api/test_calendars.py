"""Calendars by the API on a whole platform: real files, real child processes, a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from tests.api.test_flow_files import Site
from tests.runtime.platform import Platform

HOUSE = {
    "title": "The house",
    "timezone": "Asia/Shanghai",
    "week": {"mon-fri": ["08:00-12:00", "13:00-18:00"], "sat": []},
    "holidays": [{"from": "2026-10-01", "to": "2026-10-07", "name": "National Day"}],
    "special": [{"date": "2026-10-10", "hours": ["09:00-12:00"]}],
}
#: Has a test that wants the house to be open on a Tuesday at noon and shut at night.
ASKS = """\
flow: asks
start: hours
languages: {default: en-US}
nodes:
  hours: {type: hours, calendar: house, to: {open: yes, closed: no, holiday: no}}
  yes: {type: end, outcome: open}
  no: {type: end, outcome: shut}
tests:
  - name: by day
    given: {now: "2026-03-03T11:00:00+08:00"}
    script: []
    expect: {outcome: open}
"""


@pytest.fixture
def site(make_platform: Callable[..., Platform], tmp_path: Path) -> Site:
    return Site(tmp_path / "live", make_platform())


def raw(site: Site, method: str, path: str, text: str | None = None, query: str = "", **headers: str) -> testing.Result:
    named = {"X-API-Key": site.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if text is not None:
        named["Content-Type"] = "text/csv"
    return testing.TestClient(site.app).simulate_request(method, path, headers=named, body=text, query_string=query)


def places(answer: testing.Result) -> list[tuple[Any, ...]]:
    return [(one["line"] or one["file"], one["code"]) for one in answer.json["findings"]]


def test_a_calendar_goes_back_is_deleted_and_comes_again(site: Site) -> None:
    path = "/v1/calendars/house"
    first = site.do("PUT", path, HOUSE, If_None_Match="*").headers["etag"]
    longer = site.do("PUT", path, {**HOUSE, "week": {"mon-sun": ["08:00-20:00"]}}, If_Match=first)
    lines = site.do("GET", f"{path}/history").json["items"]
    assert [(one["version"], one["author"]) for one in lines] == [
        (longer.json["version"], "wang"),
        (first.strip('"'), "wang"),
    ]
    page = site.do("GET", f"{path}/history?limit=1").json
    assert site.do("GET", f"{path}/history?limit=1&before={page['next']}").json["items"] == lines[1:]

    back = {"version": lines[1]["version"][:12]}
    assert site.do("POST", f"{path}/rollback", back).status_code == 428
    assert site.do("POST", f"{path}/rollback", back, If_Match=first).status_code == 412
    other = site.do("POST", f"{path}/rollback", {"version": "0" * 12}, If_Match=longer.headers["etag"])
    assert other.json["error_id"] == "unknown-version"
    done = site.do("POST", f"{path}/rollback", back, If_Match=longer.headers["etag"])
    assert (done.status_code, done.headers["etag"]) == (200, first), done.text
    assert done.json["week"]["sun"] == []
    assert site.services.store.audit.lines(limit=1)[0].action == "calendar.rollback"

    # What a flow, or a queue, asks cannot be taken away.
    site.folder.save("asks.yaml", ASKS)
    assert site.folder.reloader.attempt().taken
    assert site.do("DELETE", path).status_code == 428
    refused = site.do("DELETE", path, If_Match=first)
    assert (refused.status_code, refused.json["error_id"]) == (422, "flows-refused")
    assert "unknown-calendar" in {one["code"] for one in refused.json["findings"]}
    (site.folder.path / "asks.yaml").unlink()
    site.folder.reloader.attempt()
    site.library.asked_by_settings["queue service"] = "house"
    assert site.do("DELETE", path, If_Match=first).json["error_id"] == "calendar-in-use"
    site.library.asked_by_settings.clear()
    assert site.do("DELETE", path, If_Match=longer.headers["etag"]).status_code == 412
    assert (site.folder.path / "calendars/house.yaml").exists()
    gone = site.do("DELETE", path, If_Match=first)
    assert gone.status_code == 204, gone.text
    assert not (site.folder.path / "calendars/house.yaml").exists()
    assert (site.do("GET", path).status_code, site.do("GET", "/v1/calendars").json["items"]) == (404, [])
    assert site.do("DELETE", path, If_Match="*").status_code == 404
    assert site.services.store.audit.lines(limit=1)[0].action == "calendar.delete"

    again = site.do("POST", f"{path}/rollback", back, If_None_Match="*")
    assert (again.status_code, again.headers["etag"]) == (200, first), again.text
    assert site.do("GET", path).json["title"] == "The house"


def test_a_calendar_is_written_read_exported_and_imported(site: Site) -> None:
    path = "/v1/calendars/house"
    assert site.do("PUT", path, HOUSE).status_code == 428
    wrong = {**HOUSE, "week": {"mon-fry": ["8-12"]}, "special": [{"date": "soon", "hours": []}]}
    checked = raw(site, "PUT", path, query="check=true")
    assert checked.status_code == 415
    refused = site.do("PUT", path, wrong, If_None_Match="*")
    assert (refused.status_code, refused.json["error_id"]) == (422, "bad-calendar")
    assert [one[0] for one in places(refused)] == ["special[0]", "week.mon-fry", "week.mon-fry"], refused.text
    assert not (site.folder.path / "calendars/house.yaml").exists()
    made = site.do("PUT", path, HOUSE, If_None_Match="*")
    assert made.status_code == 201, made.text
    assert made.json["week"]["tue"] == ["08:00-12:00", "13:00-18:00"]
    assert site.do("PUT", path, HOUSE, If_None_Match="*").status_code == 412
    assert site.do("GET", path, If_None_Match=made.headers["etag"]).status_code == 304
    line = site.services.store.audit.lines(limit=1)[0]
    assert (line.action, line.target, line.author.name) == ("calendar.save", "calendar:house", "wang")
    assert site.folder.history.active()["calendars/house.yaml"].author == "wang"

    # A flow that asks it: its tests judge the next change, and running calls see the one that holds.
    site.folder.save("asks.yaml", ASKS)
    assert site.folder.reloader.attempt().taken
    shut = {**HOUSE, "week": {"sun": ["08:00-09:00"]}}
    etag = site.do("GET", path).headers["etag"]
    refused = site.do("PUT", path, shut, If_Match=etag)
    assert (refused.status_code, refused.json["error_id"]) == (422, "flows-refused")
    assert "test-failed" in {one["code"] for one in refused.json["findings"]}
    assert site.do("GET", path).headers["etag"] == etag
    longer = {**HOUSE, "week": {"mon-sun": ["08:00-20:00"]}}
    assert site.do("PUT", path, longer, If_Match=etag).status_code == 200
    assert site.library.plans["asks"].calendars["house"].week[6] == ((480, 1200),)
    assert site.do("PUT", path, HOUSE, If_Match=etag).status_code == 412

    # What is exported can be imported, and all that is wrong with a file is told at once.
    listed = raw(site, "GET", "/v1/calendars", query="format=csv")
    assert listed.text.splitlines()[0] == "calendar,kind,from,to,hours,name"
    assert "house,holiday,2026-10-01,2026-10-07,,National Day" in listed.text
    text = listed.text.replace("2026-10-07", "2026-10-08") + "night,timezone,,,,UTC\nnight,week,mon,sun,22:00-06:00,\n"
    bad = text + "house,special,2026-10-33,,open,\nhouse,week,sun,,open,\nnight,kind,,,,\n,week,mon,,open,\n"
    before = raw(site, "GET", "/v1/calendars").json
    count = len(bad.splitlines())
    for answer in (
        raw(site, "POST", "/v1/calendars/import", bad, If_Match=listed.headers["etag"]),
        raw(site, "POST", "/v1/calendars/import", bad, query="check=true"),
    ):
        assert [one[0] for one in places(answer)] == [count - 3, count - 2, count - 1, count], answer.text
    assert raw(site, "GET", "/v1/calendars").json == before
    assert raw(site, "POST", "/v1/calendars/import", text).status_code == 428
    checked = raw(site, "POST", "/v1/calendars/import", text, query="check=true")
    assert (checked.json["good"], checked.json["saved"]) == (True, [])
    assert raw(site, "GET", "/v1/calendars").json == before
    done = raw(site, "POST", "/v1/calendars/import", text, If_Match=listed.headers["etag"])
    assert done.status_code == 200, done.text
    assert done.json["saved"] == ["house", "night"]
    assert site.do("GET", path).json["holidays"][0]["to"] == "2026-10-08"
    assert raw(site, "GET", "/v1/calendars", query="format=csv").text == text
    assert raw(site, "POST", "/v1/calendars/import", text, If_Match=listed.headers["etag"]).status_code == 412
    shut_file = text.replace("mon,sun,08:00-20:00", "mon,sun,closed")
    refused = raw(site, "POST", "/v1/calendars/import", shut_file, If_Match="*")
    assert (refused.status_code, refused.json["error_id"]) == (422, "flows-refused")
