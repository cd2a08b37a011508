"""Flows by the API on a whole platform: real files, real child processes, a real store."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from falcon import testing

from cti.api.app import create_app
from cti.api.flows import Flows
from cti.core.access import SYSTEM, Deed, Grant, Role
from cti.core.people import UserKind
from cti.core.versions import Origin
from cti.runtime.reload.files import text_version
from tests.api.site import NoVitals
from tests.runtime.platform import Platform
from tests.runtime.test_reload import ENTRY, FLOW, FLOWS, Folder

DEED = Deed(SYSTEM, 1.0, "", "test")
SOURCE = "/v1/flows/talk/source"


class Site:
    """A folder with a flow `talk` that is live, and somebody who writes flows."""

    def __init__(self, path: Path, platform: Platform) -> None:
        path.mkdir()
        shutil.copy(FLOWS / "busy.yaml", path / "busy.yaml")
        self.folder = Folder(path, platform)
        self.folder.talk("first")
        self.folder.save("entry.yaml", ENTRY % "")
        assert self.folder.reloader.attempt().taken
        application = platform.application
        self.store, self.library, self.services = application.store, self.folder.library, application.accounts
        flows = Flows(self.library, self.folder.reloader, self.folder.history)
        self.app = create_app(self.store, NoVitals(), self.services, flows=flows)
        user, _ = self.services.accounts.add_user("wang", [Grant(Role.FLOW_AUTHOR)], DEED, kind=UserKind.MACHINE)
        _, self.key = self.services.accounts.add_key(user.user_id, "test", DEED)

    def do(self, method: str, path: str, body: Any = None, **headers: str) -> testing.Result:
        named = {"X-API-Key": self.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
        client = testing.TestClient(self.app)
        if body is None:
            return client.simulate_request(method, path, headers=named)
        named["Content-Type"] = "application/json"
        return client.simulate_request(method, path, headers=named, body=json.dumps(body))

    def upload(self, word: str) -> str:
        """Its version."""
        seen = self.do("GET", SOURCE).headers["etag"]
        made = self.do("PUT", SOURCE, {"text": FLOW % ((word,) * 4)}, If_Match=seen)
        assert made.status_code == 200, made.text
        return str(made.json["version"])

    def activate(self, version: str, **more: Any) -> testing.Result:
        return self.do("POST", "/v1/flows/activate", {"drafts": {"talk.yaml": version}, **more})


@pytest.fixture
def site(make_platform: Callable[..., Platform], tmp_path: Path) -> Site:
    return Site(tmp_path / "live", make_platform())


def test_what_is_uploaded_meets_nobody_until_it_is_activated(site: Site) -> None:
    before = site.library.plans["talk"].version
    version = site.upload("second")
    assert site.library.plans["talk"].version == before
    assert [one["file"] for one in site.do("GET", "/v1/flows/drafts").json["items"]] == ["talk.yaml"]
    done = site.activate(version)
    assert done.status_code == 200, done.text
    assert done.json["items"][0]["version"] == site.library.plans["talk"].version != before
    assert "second" in (site.folder.path / "talk.yaml").read_text()
    line = site.folder.history.active()["talk"]
    assert (line.author, line.origin) == ("wang", Origin.FILE)
    assert site.do("GET", "/v1/flows/drafts").json["items"] == []
    actions = [one.action for one in site.services.store.audit.lines(limit=10)]
    assert "flow.upload" in actions
    assert "flow.activate" in actions


def test_a_draft_with_a_mistake_is_refused_at_its_place_and_nothing_changes(site: Site) -> None:
    before, text = site.library.plans["talk"].version, (site.folder.path / "talk.yaml").read_text()
    etag = site.do("GET", SOURCE).headers["etag"]
    made = site.do("PUT", SOURCE, {"text": text.replace("to: {else: last}", "to: {else: nowhere}")}, If_Match=etag)
    refused = site.activate(made.json["version"])
    assert (refused.status_code, refused.json["error_id"]) == (422, "flows-refused")
    assert any(one["file"] == "talk.yaml" and one["line"] == 8 for one in refused.json["findings"]), refused.text
    assert site.library.plans["talk"].version == before
    assert (site.folder.path / "talk.yaml").read_text() == text
    assert site.do("GET", "/v1/flows/drafts").json["items"] != []


def test_a_draft_whose_tests_fail_is_refused(site: Site) -> None:
    text = FLOW % ("a", "a", "a", "b")
    etag = site.do("GET", SOURCE).headers["etag"]
    made = site.do("PUT", SOURCE, {"text": text}, If_Match=etag)
    refused = site.activate(made.json["version"])
    assert refused.status_code == 422
    assert "test-failed" in {one["code"] for one in refused.json["findings"]}
    assert "first" in (site.folder.path / "talk.yaml").read_text()


def test_half_of_a_surrogate_pair_is_refused_wherever_a_text_becomes_a_file(site: Site) -> None:
    half, live = "# \ud800", site.do("GET", "/v1/entries/source").json["version"]
    etag = site.do("GET", SOURCE).headers["etag"]
    calendar = {"timezone": "Asia/Shanghai", "week": {"mon": ["09:00-18:00"]}}
    version = site.upload("second")
    refused = [
        site.do("PUT", SOURCE, {"text": half}, If_Match=etag),
        site.activate(version, entries={"text": half, "version": live}),
        site.do("POST", "/v1/flows/check", {"files": {"talk.yaml": half}}),
        site.do("POST", "/v1/entries/check", {"text": half}),
        site.do("PUT", "/v1/calendars/house", {**calendar, "title": half}, If_None_Match="*"),
        site.do("PUT", "/v1/calendars/house", {**calendar, "week": {half: []}}, If_None_Match="*"),
        site.do("PUT", "/v1/calendars/house", {**calendar, "week": {"mon": [half]}}, If_None_Match="*"),
    ]
    assert [one.status_code for one in refused] == [400] * len(refused)
    assert all("\\ud800" in one.json["detail"] for one in refused), [one.text for one in refused]


def test_a_change_names_the_version_that_it_has_seen(site: Site) -> None:
    body = {"text": "flow: talk\n"}
    assert site.do("PUT", SOURCE, body).status_code == 428
    assert site.do("PUT", SOURCE, body, If_None_Match="*").status_code == 412
    assert site.do("PUT", SOURCE, body, If_Match='"nonsense"').status_code == 412
    etag = site.do("GET", SOURCE).headers["etag"]
    assert site.do("GET", SOURCE, If_None_Match=etag).status_code == 304
    assert site.do("PUT", SOURCE, body, If_Match=etag).status_code == 200
    assert site.do("PUT", SOURCE, body, If_Match=etag).status_code == 412  # the draft is another version now
    assert site.do("DELETE", SOURCE).status_code == 428
    assert site.do("DELETE", SOURCE, If_Match=site.do("GET", SOURCE).headers["etag"]).status_code == 204
    assert site.do("GET", SOURCE).headers["etag"] == etag
    assert site.do("PUT", "/v1/flows/fresh/source", body, If_None_Match="*").status_code == 201


def test_a_file_that_was_saved_meanwhile_is_not_overwritten(site: Site) -> None:
    version = site.upload("second")
    site.folder.save("talk.yaml", FLOW % (("other",) * 4))
    refused = site.activate(version)
    assert (refused.status_code, refused.json["error_id"]) == (412, "stale")
    assert "other" in (site.folder.path / "talk.yaml").read_text()


def test_a_canary_goes_live_with_its_draft(site: Site) -> None:
    before = site.library.plans["talk"].version
    entries = {"text": ENTRY % ", canary: {version: new, percent: 10}", "version": text_version(ENTRY % "")}
    done = site.activate(site.upload("second"), entries=entries)
    assert done.status_code == 200, done.text
    assert done.json["items"][0]["version"] == before
    assert done.json["items"][0]["canary"]["percent"] == 10


def test_roll_back_holds_when_it_is_answered(site: Site) -> None:
    first = site.library.plans["talk"].version
    assert site.activate(site.upload("second")).status_code == 200
    assert site.do("POST", "/v1/flows/talk/rollback", {"version": "123456789"}).status_code == 404
    back = site.do("POST", "/v1/flows/talk/rollback", {"version": first[:12]})
    assert (back.status_code, back.json["version"]) == (200, first), back.text
    assert site.library.plans["talk"].version == first
    assert site.folder.history.active()["talk"].author == "wang"


DEEP = "flow: deep\nnodes: " + "[" * 5000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize("text", [DEEP, BOMB, "flow: [", "\0", ""])
def test_a_check_tells_where_and_has_no_effect(site: Site, text: str) -> None:
    before = site.library.plans["talk"].version
    found = site.do("POST", "/v1/flows/check", {"files": {"wild.yaml": text}})
    assert found.status_code == 200, found.text
    assert not found.json["good"]
    assert {one["file"] for one in found.json["findings"]} == {"wild.yaml"}
    assert all(one["line"] and one["col"] for one in found.json["findings"])
    assert site.library.plans["talk"].version == before
    assert not (site.folder.path / "wild.yaml").exists()


def test_a_good_check_tells_the_version_that_activation_would_make(site: Site) -> None:
    text = FLOW % (("second",) * 4)
    found = site.do("POST", "/v1/flows/check", {"files": {"talk.yaml": text}})
    assert found.json["good"], found.text
    assert site.activate(site.upload("second")).json["items"][0]["version"] == found.json["versions"]["talk"]


def test_too_much_and_names_that_lead_elsewhere_are_refused(site: Site) -> None:
    ten_megabytes = {"files": {"a.yaml": "x" * (10 << 20)}}
    assert site.do("POST", "/v1/flows/check", ten_megabytes).status_code == 413
    for name in ("../a.yaml", "/etc/a.yaml", "calendars/../a.yaml", ".a.yaml", "a", "a.yaml\n"):
        assert site.do("POST", "/v1/flows/check", {"files": {name: ""}}).status_code == 400, name
    assert site.do("PUT", "/v1/flows/entry/source", {"text": "x"}, If_None_Match="*").status_code == 404
