"""The entry table by the API on a whole platform: real files, real child processes, a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from falcon import testing

from cti.runtime.reload.files import text_version
from tests.api.test_flow_files import Site
from tests.runtime.platform import Platform
from tests.runtime.test_reload import ENTRY

TABLE = """\
entries:
  - {name: night, called: "777", caller: {number: "139*"}, when: {days: sat, time: "22:00-06:00"}, flow: busy}
  - {name: two, called: "888", attributes: {trunk: a}, flow: talk}
  - {name: talk, called: "777", medium: voice, flow: talk}
"""
SOURCE = "/v1/entries/source"


@pytest.fixture
def site(make_platform: Callable[..., Platform], tmp_path: Path) -> Site:
    return Site(tmp_path / "live", make_platform())


def put(site: Site, text: str) -> str:
    """The version of the draft."""
    made = site.do("PUT", SOURCE, {"text": text}, If_Match=site.do("GET", SOURCE).headers["etag"])
    assert made.status_code == 200, made.text
    return str(made.json["version"])


def test_a_table_is_read_checked_tried_put_live_and_taken_back(site: Site) -> None:
    before = site.do("GET", "/v1/entries")
    assert [one["name"] for one in before.json["items"]] == ["talk"]
    assert before.json["version"] == before.json["file_version"] == text_version(ENTRY % "")
    assert site.do("GET", "/v1/entries", If_None_Match=before.headers["etag"]).status_code == 304

    assert site.do("POST", "/v1/entries/check", {"text": TABLE}).json["good"]
    version = put(site, TABLE)
    assert site.do("GET", "/v1/entries").json["draft"]["version"] == version
    assert site.do("POST", "/v1/entries/match", {"called": "888"}).json["flow"] is None  # nobody meets a draft

    done = site.do("POST", "/v1/entries/activate", {"version": version})
    assert done.status_code == 200, done.text
    assert (done.json["version"], done.json["draft"]) == (version, None)
    night, two, talk = done.json["items"]
    assert night["when"]["week"]["sat"] == ["22:00-06:00"]
    assert night["caller"]["numbers"] == ["139*"]
    assert two["attributes"] == {"trunk": ["a"]}
    assert talk["media"] == ["voice"]
    assert (site.folder.path / "entry.yaml").read_text() == TABLE

    def meets(**asked: object) -> tuple[str, str]:
        found = site.do("POST", "/v1/entries/match", asked)
        assert found.status_code == 200, found.text
        return found.json["entry"], found.json["flow"]

    saturday = "2026-03-07T23:00+08:00"
    assert meets(called="777", caller="13900001234", at=saturday) == ("night", "busy")
    assert meets(called="777", caller="13900001234", at="2026-03-07T21:00+08:00") == ("talk", "talk")
    assert meets(called="888", attributes={"trunk": "a"}) == ("two", "talk")
    assert meets(called="888", attributes={"trunk": "b"}) == (None, None)

    lines = site.do("GET", "/v1/entries/history", None).json["items"]
    assert (lines[0]["version"], lines[0]["author"]) == (version, "wang")
    assert lines[1]["version"] == text_version(ENTRY % "")
    client, cursor = testing.TestClient(site.app, headers={"X-API-Key": site.key}), ""
    for line in lines:  # page by page, it is the same list
        page = client.simulate_get("/v1/entries/history", query_string=f"limit=1{cursor}").json
        assert page["items"] == [line]
        cursor = f"&before={page['next']}"
    back = site.do("POST", "/v1/entries/rollback", {"version": lines[1]["version"][:10]})
    assert [one["name"] for one in back.json["items"]] == ["talk"]
    assert (site.folder.path / "entry.yaml").read_text() == ENTRY % ""
    actions = [(one.action, one.target, one.permission) for one in site.services.store.audit.lines(limit=10)]
    for action in ("entries.upload", "entries.activate", "POST /v1/entries/rollback"):
        assert (action, "entries:entry.yaml", "entries.edit") in actions


def test_what_is_wrong_is_told_at_its_place_and_nothing_changes(site: Site) -> None:
    for text, code, line in (
        (TABLE.replace("flow: busy", "flow: bussy"), "unknown-flow", 2),
        (TABLE.replace("trunk: a}, flow", "trunk: a}, flows"), "unknown-option", 3),
    ):
        refused = site.do("POST", "/v1/entries/activate", {"version": put(site, text)})
        assert (refused.status_code, refused.json["error_id"]) == (422, "flows-refused")
        places = {(one["file"], one["line"], one["code"]) for one in refused.json["findings"]}
        assert ("entry.yaml", line, code) in places, places
        assert (site.folder.path / "entry.yaml").read_text() == ENTRY % ""
    checked = site.do("POST", "/v1/entries/check", {"text": "entries: ["}).json
    assert not checked["good"]
    assert checked["held_back"] == ["entry.yaml"]

    # A change names what it has seen, and an editor's work is not overwritten.
    assert site.do("PUT", SOURCE, {"text": TABLE}).status_code == 428
    assert site.do("PUT", SOURCE, {"text": TABLE}, If_Match='"nonsense"').status_code == 412
    version = put(site, TABLE)
    assert site.do("POST", "/v1/entries/activate", {"version": "0" * 64}).status_code == 412
    site.folder.save("entry.yaml", (ENTRY % "") + "  - {name: x, called: '9', flow: busy}\n")
    refused = site.do("POST", "/v1/entries/activate", {"version": version})
    assert (refused.status_code, refused.json["error_id"]) == (412, "stale")
    assert "name: x" in (site.folder.path / "entry.yaml").read_text()
    etag = site.do("GET", SOURCE).headers["etag"]
    assert site.do("DELETE", SOURCE, If_Match=etag).status_code == 204
    assert site.do("DELETE", SOURCE, If_Match=etag).status_code == 404


def test_a_table_goes_live_with_the_flow_that_it_needs_and_with_a_canary(site: Site) -> None:
    flow = "flow: fresh\nstart: bye\nlanguages: {default: en-US}\nnodes:\n  bye: {type: end}\n"
    made = site.do("PUT", "/v1/flows/fresh/source", {"text": flow}, If_None_Match="*")
    table = (ENTRY % "") + "  - {name: fresh, called: '99', flow: fresh}\n"
    version = put(site, table)
    assert site.do("POST", "/v1/entries/activate", {"version": version}).status_code == 422  # no such flow yet
    drafts = {"fresh.yaml": made.json["version"], "entry.yaml": version}
    done = site.do("POST", "/v1/flows/activate", {"drafts": drafts})
    assert done.status_code == 200, done.text
    assert site.do("POST", "/v1/entries/match", {"called": "99"}).json["flow"] == "fresh"

    # A canary's share is told.
    draft = site.upload("second")
    version = put(site, ENTRY % ", canary: {version: new, percent: 50}")
    done = site.do("POST", "/v1/flows/activate", {"drafts": {"talk.yaml": draft, "entry.yaml": version}})
    assert done.status_code == 200, done.text
    assert site.do("GET", "/v1/entries").json["items"][0]["canary"] == {"version": "new", "percent": 50}
    told = [
        site.do("POST", "/v1/entries/match", {"called": "777", "caller": f"1380000{n:04d}"}).json for n in range(12)
    ]
    assert {one["canary"] for one in told} == {True, False}
    assert {one["version"] for one in told if one["canary"]} == {site.library.canaries["talk"].version}
