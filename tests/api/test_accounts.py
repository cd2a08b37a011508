"""Sessions, passwords, users, roles, keys, teams and the audit over HTTP."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from falcon import testing

from tests.api.site import CALLER, Platform
from tests.runtime.accountkit import PASSWORD

NEW = "another horse battery staple"


def sign_in(platform: Platform, name: str, password: str = PASSWORD) -> testing.Result:
    body = json.dumps({"name": name, "password": password})  # escapes what UTF-8 has no bytes for
    return platform.anybody.simulate_post("/v1/sessions", body=body, headers={"Content-Type": "application/json"})


def bearer(platform: Platform, token: str) -> testing.TestClient:
    return testing.TestClient(platform.app, headers={"Authorization": f"Bearer {token}"})


class TestSessions:
    def test_sign_in_refresh_sign_out(self, fresh: Platform) -> None:
        first = sign_in(fresh, "anna")
        assert first.status_code == 201
        assert first.headers["cache-control"] == "no-store"
        user = {"user_id": "u-anna", "name": "anna", "title": "anna", "roles": ["agent@team:north"]}
        assert first.json["user"] == user
        second = fresh.anybody.simulate_post(
            "/v1/sessions/refresh", json={"refresh_token": first.json["refresh_token"]}
        )
        client = bearer(fresh, second.json["access_token"])
        sessions = client.simulate_get("/v1/me/sessions").json["items"]
        assert [(one["session_id"], one["current"]) for one in sessions] == [(first.json["session_id"], True)]
        assert client.simulate_delete("/v1/sessions/current").status_code == 204
        assert client.simulate_get("/v1/me").json["error_id"] == "session-ended"
        again = fresh.anybody.simulate_post(
            "/v1/sessions/refresh", json={"refresh_token": second.json["refresh_token"]}
        )
        assert (again.status_code, again.json["error_id"]) == (401, "sign-in-refused")

    def test_anothers_session_cannot_be_ended_or_seen(self, fresh: Platform) -> None:
        session = sign_in(fresh, "ben").json["session_id"]
        assert fresh.do("anna", "DELETE", f"/v1/sessions/{session}").status_code == 404
        assert fresh.do("ben", "DELETE", f"/v1/sessions/{session}").status_code == 204

    def test_the_wait_is_told(self, fresh: Platform) -> None:
        answers = [sign_in(fresh, "anna", "wrong") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
        assert (answers[3].json["error_id"], answers[3].headers["retry-after"]) == ("too-many-attempts", "1")
        known, unknown = answers[0].json, sign_in(fresh, "nobody", "wrong").json
        assert known == unknown

    @pytest.mark.parametrize(
        "body",
        [{}, {"name": "anna"}, {"name": "anna", "password": 1}, {"name": "", "password": "x"},
         {"name": "a" * 201, "password": "x"},
         {"name": "anna", "password": "x" * 257}, {"name": "anna", "password": PASSWORD, "remember": True}],
    )  # fmt: skip
    def test_bodies_that_are_none(self, platform: Platform, body: Any) -> None:
        answer = platform.anybody.simulate_post("/v1/sessions", json=body)
        assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request")

    @pytest.mark.parametrize("name", ["anna\x00", "anna' OR '1'='1", "\ud800", "ANNA ", "a" * 200])
    def test_odd_names_are_nobodys(self, platform: Platform, name: str) -> None:
        assert sign_in(platform, name).status_code == 401

    def test_the_password_is_in_no_answer_and_no_log(self, fresh: Platform, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            answers = [sign_in(fresh, "anna"), sign_in(fresh, "anna", NEW), sign_in(fresh, PASSWORD, PASSWORD)]
            answers.append(fresh.do("anna", "PUT", "/v1/me/password", {"current": PASSWORD, "new": NEW}))
            answers.append(fresh.do("anna", "PUT", "/v1/me/password", {"current": NEW, "new": "short"}))
        for secret in (PASSWORD, NEW):
            assert secret not in caplog.text
            assert all(secret not in answer.text for answer in answers)


class TestUsers:
    def test_a_user_is_added_signs_in_once_and_chooses_a_password(self, fresh: Platform) -> None:
        roles = [{"role": "agent", "scope": "team:north"}, {"role": "auditor"}]
        added = fresh.do("root", "POST", "/v1/users", {"name": "Zoe", "roles": roles})
        assert added.status_code == 201
        user, password = added.json["user_id"], added.json["one_time_password"]
        session = sign_in(fresh, "zoe", password).json
        assert session["must_change_password"]
        client = bearer(fresh, session["access_token"])
        assert client.simulate_get("/v1/calls").json["error_id"] == "password-change-required"
        changed = client.simulate_put("/v1/me/password", json={"current": password, "new": NEW})
        assert (changed.status_code, changed.json) == (200, {"sessions_ended": 0})
        assert client.simulate_get("/v1/calls").status_code == 200
        shown = fresh.do("root", "GET", f"/v1/users/{user}").json
        assert (shown["name"], shown["one_time_until"], "one_time_password" in shown) == ("zoe", None, False)
        assert shown["roles"] == [{"role": "agent", "scope": "team:north"}, {"role": "auditor", "scope": "*"}]

    def test_the_same_key_adds_one_user_and_is_nobody_elses(self, fresh: Platform) -> None:
        first, second = (
            fresh.do("root", "POST", "/v1/users", {"name": "zoe"}, headers={"Idempotency-Key": "k"}) for _ in range(2)
        )
        assert first.json == second.json
        other = fresh.do("root", "POST", "/v1/users", {"name": "yan"}, headers={"Idempotency-Key": "k"})
        assert (other.status_code, other.json["error_id"]) == (409, "idempotency-conflict")

    @pytest.mark.parametrize(
        ("body", "status", "error_id"),
        [
            ({"name": "anna"}, 409, "name-taken"),
            ({"name": "an na"}, 422, "bad-name"),
            ({"name": "zoe", "title": "a\nb"}, 422, "bad-title"),
            ({"name": "zoe", "kind": "cat"}, 400, "bad-request"),
            ({"name": "zoe", "roles": [{"role": "boss"}]}, 422, "bad-role"),
            ({"name": "zoe", "roles": [{"role": "agent", "scope": "north"}]}, 422, "bad-scope"),
            ({"name": "zoe", "roles": ["agent"]}, 400, "bad-request"),
            ({"name": "zoe", "password": "x"}, 400, "bad-request"),
        ],
    )
    def test_users_that_cannot_be(self, platform: Platform, body: Any, status: int, error_id: str) -> None:
        answer = platform.do("root", "POST", "/v1/users", body)
        assert (answer.status_code, answer.json["error_id"]) == (status, error_id)

    def test_disabling_ends_everything_at_once(self, fresh: Platform) -> None:
        assert fresh.do("anna", "GET", "/v1/me").status_code == 200
        assert fresh.do("root", "PATCH", "/v1/users/u-anna", {"disabled": True}).json["disabled_at"] is not None
        assert fresh.do("anna", "GET", "/v1/me").status_code == 401
        assert sign_in(fresh, "anna").status_code == 401
        fresh.do("root", "PATCH", "/v1/users/u-anna", {"disabled": False, "title": "Anna again"})
        assert sign_in(fresh, "anna").json["user"]["title"] == "Anna again"

    def test_new_roles_hold_at_once_and_the_last_admin_stays(self, fresh: Platform) -> None:
        assert fresh.do("anna", "GET", "/v1/audit").status_code == 403
        changed = fresh.do("root", "PUT", "/v1/users/u-anna/roles", {"roles": [{"role": "auditor"}]})
        assert changed.json["roles"] == ["auditor@*"]
        assert fresh.do("anna", "GET", "/v1/audit").status_code == 200
        refused = fresh.do("root", "PUT", "/v1/users/u-root/roles", {"roles": []})
        assert (refused.status_code, refused.json["error_id"]) == (409, "last-admin")

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [("PATCH", "", {"title": "x"}), ("PUT", "/roles", {"roles": []}), ("POST", "/one-time-password", None),
         ("POST", "/unlock", None), ("GET", "/keys", None), ("POST", "/keys", {"title": "x"})],
    )  # fmt: skip
    def test_who_is_not_there_is_404(self, platform: Platform, method: str, path: str, body: Any) -> None:
        answer = platform.do("root", method, f"/v1/users/nobody{path}", body)
        assert (answer.status_code, answer.json["error_id"]) == (404, "unknown-user")

    def test_a_machine_comes_with_a_key_until_it_is_revoked(self, fresh: Platform) -> None:
        machine = {"name": "robot", "kind": "machine", "roles": [{"role": "auditor"}]}
        added = fresh.do("root", "POST", "/v1/users", machine).json
        assert added["one_time_password"] is None
        path = f"/v1/users/{added['user_id']}/keys"
        key = fresh.do("root", "POST", path, {"title": "reports", "expires_at": "2100-01-01T00:00:00+00:00"}).json
        headers = {"X-API-Key": key["key"]}
        assert fresh.anybody.simulate_get("/v1/audit", headers=headers).status_code == 200
        assert fresh.anybody.simulate_get("/v1/users/x/keys", headers=headers).status_code == 403
        password = fresh.anybody.simulate_put("/v1/me/password", headers=headers, json={"current": "a", "new": NEW})
        assert (password.status_code, password.json["error_id"]) == (409, "no-password")
        shown = fresh.do("root", "GET", path)
        assert key["key"].split("_", 2)[2] not in shown.text
        assert fresh.do("root", "DELETE", f"{path}/{key['key_id']}").status_code == 204
        assert fresh.anybody.simulate_get("/v1/audit", headers=headers).status_code == 401

    def test_pages_of_users(self, platform: Platform) -> None:
        names: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = platform.do("root", "GET", "/v1/users", params={"limit": "3", **after}).json
            names += [user["name"] for user in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert names == sorted(names)
        assert {"anna", "ben", "lead", "root"} <= set(names)


class TestAudit:
    def test_who_did_what_is_found(self, fresh: Platform) -> None:
        fresh.do("root", "PUT", "/v1/teams/west", {"title": "West"})
        fresh.do("root", "PUT", "/v1/teams/west", {"title": "Far west"})
        found = fresh.do("auditor", "GET", "/v1/audit", params={"target": "team:west", "limit": "1"}).json
        assert [(line["before"], line["after"]) for line in found["items"]] == [
            ({"title": "West"}, {"title": "Far west"})
        ]
        assert (found["items"][0]["user_name"], found["items"][0]["reason"]) == ("root", "admin@*")
        rest = fresh.do("auditor", "GET", "/v1/audit", params={"target": "team:west", "before": found["next"]}).json
        assert [line["before"] for line in rest["items"]] == [{}]

    @pytest.mark.parametrize("query", ["before=-1", "before=x", "limit=0", "allowed=maybe", "since=now", "usr=anna"])
    def test_bad_queries(self, platform: Platform, query: str) -> None:
        assert platform.do("auditor", "GET", f"/v1/audit?{query}").status_code == 400


class TestUnmasking:
    def test_numbers_are_masked_unless_asked_for_with_a_reason_and_then_it_is_told(self, fresh: Platform) -> None:
        masked = fresh.do("super", "GET", "/v1/calls/c-north").json
        assert masked["caller"] == "138****1234"
        clear = fresh.do("super", "GET", "/v1/calls/c-north?unmask=true&reason=complaint%2017").json
        assert clear["caller"] == CALLER
        line = fresh.store.accounts.audit.lines(limit=1)[0]
        assert (line.author.name, line.target, line.permission, line.allowed, line.reason) == (
            "super", "call:c-north", "data.unmask", True, "complaint 17"
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("who", "path", "status"),
        [
            ("super", "/v1/calls/c-north?unmask=true", 400),
            ("super", "/v1/calls/c-north?unmask=true&reason=%20", 400),
            ("super", "/v1/calls/c-north?unmask=yes&reason=x", 400),
            ("super", "/v1/calls/c-south?unmask=true&reason=x", 404),
            ("super", "/v1/calls?unmask=true&reason=x", 403),  # granted for one team only
            ("auditor", "/v1/calls?unmask=true&reason=x", 200),
            ("anna", "/v1/calls/c-north?unmask=true&reason=x", 200),
            ("lead", "/v1/calls/c-north?unmask=true&reason=x", 403),
            ("root", "/v1/calls/c-north?unmask=true&reason=x", 403),
            ("author", "/v1/calls/c-north?unmask=true&reason=x", 403),
        ],
    )
    def test_who_may(self, platform: Platform, who: str, path: str, status: int) -> None:
        answer = platform.do(who, "GET", path)
        assert answer.status_code == status
        assert (CALLER in answer.text) == (status == 200)
