"""Every POST may be sent again: those that answer with secrets, and all others in a walk over the description."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from falcon import testing

from cti.api.openapi import describe
from cti.api.schemas import OPERATIONS
from cti.api.sessions import SIGNED_IN_S
from cti.core.access import Role
from cti.core.people import AgentProfile
from cti.runtime.shared_rate import SharedRate
from cti.runtime.tokens import TICKET_S
from cti.store.credentials import REPEATED_S
from tests.api.site import DEED, Platform, staffed_office
from tests.api.test_fuzz import THERE, at_work
from tests.runtime.accountkit import PASSWORD

KEYED = {"Idempotency-Key": "k"}
#: Changes nothing, and mod_xml_curl sends no such header.
ASKS_ONLY = {"/switch/directory"}


def sign_in(platform: Platform, password: str = PASSWORD, name: str = "anna", key: str = "k") -> testing.Result:
    body, headers = {"name": name, "password": password}, {"Idempotency-Key": key}
    return platform.anybody.simulate_post("/v1/sessions", json=body, headers=headers)


def refresh(platform: Platform, token: str, key: str | None = "k") -> testing.Result:
    headers = {} if key is None else {"Idempotency-Key": key}
    return platform.anybody.simulate_post("/v1/sessions/refresh", json={"refresh_token": token}, headers=headers)


def works(platform: Platform, session: testing.Result) -> bool:
    headers = {"Authorization": f"Bearer {session.json['access_token']}"}
    return platform.anybody.simulate_get("/v1/me", headers=headers).status_code == 200


def told(platform: Platform, action: str) -> int:
    return sum(line.action == action for line in platform.store.accounts.audit.lines(limit=50))


class TestSignIn:
    @pytest.mark.parametrize("restarted", [False, True])
    def test_sent_again_it_is_the_same_session(self, fresh: Platform, restarted: bool) -> None:
        first = sign_in(fresh)
        again = sign_in(Platform(fresh.office) if restarted else fresh)
        assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["cache-control"] == "no-store"
        assert told(fresh, "session.begin") == 1

    def test_the_key_alone_opens_nothing(self, fresh: Platform) -> None:
        first = sign_in(fresh)
        wrong = sign_in(fresh, "wrong horse battery staple")
        assert (wrong.status_code, wrong.json["error_id"]) == (401, "sign-in-refused")
        other = sign_in(fresh, name="ben")
        assert other.json["session_id"] != first.json["session_id"]

    def test_used_for_something_else_it_is_a_conflict(self, fresh: Platform) -> None:
        fresh.do("anna", "POST", "/v1/me/stream-ticket", headers=KEYED)
        refused = sign_in(fresh)
        assert (refused.status_code, refused.json["error_id"]) == (409, "idempotency-conflict")

    def test_the_tokens_are_kept_sealed_and_not_for_long(self, fresh: Platform) -> None:
        first = sign_in(fresh)
        for file in fresh.office.folder.iterdir():
            assert first.json["refresh_token"].encode() not in file.read_bytes()
            assert first.json["access_token"].encode() not in file.read_bytes()
        fresh.office.clock.move(SIGNED_IN_S)
        assert sign_in(fresh).json["session_id"] != first.json["session_id"]


class TestRefresh:
    def test_a_request_sent_again_is_no_theft(self, fresh: Platform) -> None:
        token = sign_in(fresh).json["refresh_token"]
        first, again = refresh(fresh, token), refresh(Platform(fresh.office), token)
        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json["refresh_token"] == first.json["refresh_token"]
        assert works(fresh, first)
        assert works(fresh, again)
        third = refresh(fresh, again.json["refresh_token"], "k2")
        assert third.status_code == 200
        assert third.json["refresh_token"] != first.json["refresh_token"]

    def test_a_late_copy_gains_nothing_and_ends_nothing(self, fresh: Platform) -> None:
        token = sign_in(fresh).json["refresh_token"]
        first = refresh(fresh, token)
        second = refresh(fresh, first.json["refresh_token"], "k2")
        late = refresh(fresh, token)
        assert (late.status_code, late.json["error_id"]) == (401, "sign-in-refused")
        assert works(fresh, second)

    @pytest.mark.parametrize(("key", "seconds"), [(None, 0), ("other", 0), ("k", REPEATED_S + 1)])
    def test_whoever_has_the_token_and_not_the_request_ends_the_session(
        self, fresh: Platform, key: str | None, seconds: float
    ) -> None:
        token = sign_in(fresh).json["refresh_token"]
        first = refresh(fresh, token)
        fresh.office.clock.move(seconds)
        assert refresh(fresh, token, key).status_code == 401
        assert not works(fresh, first)
        assert told(fresh, "session.reuse") == 1

    def test_a_key_after_none_is_theft_too(self, fresh: Platform) -> None:
        token = sign_in(fresh).json["refresh_token"]
        first = refresh(fresh, token, None)
        assert refresh(fresh, token, "k").status_code == 401
        assert not works(fresh, first)

    def test_another_token_with_the_same_key_is_a_conflict_and_not_spent(self, fresh: Platform) -> None:
        first = refresh(fresh, sign_in(fresh).json["refresh_token"])
        refused = refresh(fresh, first.json["refresh_token"])
        assert (refused.status_code, refused.json["error_id"]) == (409, "idempotency-conflict")
        assert refresh(fresh, first.json["refresh_token"], "k2").status_code == 200

    def test_the_next_token_is_not_kept(self, fresh: Platform) -> None:
        first = refresh(fresh, sign_in(fresh).json["refresh_token"])
        for file in fresh.office.folder.iterdir():
            assert first.json["refresh_token"].encode() not in file.read_bytes()


def test_a_ticket_comes_again_while_it_is_good_and_opens_one_stream(fresh: Platform) -> None:
    first, again = (fresh.do("anna", "POST", "/v1/me/stream-ticket", headers=KEYED).json for _ in range(2))
    assert first == again
    opened = [fresh.anybody.simulate_get(f"/v1/events?ticket={first['ticket']}").status_code for _ in range(2)]
    assert opened == [200, 401]
    fresh.office.clock.move(TICKET_S)
    assert fresh.do("anna", "POST", "/v1/me/stream-ticket", headers=KEYED).json != first


def test_unlocking_is_done_once(fresh: Platform) -> None:
    done = [fresh.do("root", "POST", "/v1/users/u-anna/unlock", headers=KEYED).status_code for _ in range(2)]
    assert done == [204, 204]
    assert fresh.do("root", "POST", "/v1/users/u-ben/unlock", headers=KEYED).json["error_id"] == "idempotency-conflict"
    assert told(fresh, "user.unlock") == 1


# ---- all of them ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """With ``omni``, who has every role and is an agent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedRate, "take", lambda *_: 0.0)
        office = staffed_office(tmp_path_factory.mktemp("walk"))
        office.person("omni", *(role.value for role in Role if role is not Role.SWITCH))
        office.person("spare", "agent@team:north")
        office.store.accounts.agents.save([AgentProfile("1009", "u-omni", "omni", "north", phone="1009")], DEED)
        yield Platform(office)
        office.close()


POSTS = sorted(path for method, path in OPERATIONS if method == "POST" and path not in ASKS_ONLY)


def test_every_post_is_described_with_a_key(walked: Platform) -> None:
    paths = describe(walked.app)["paths"]
    described = {path for path, methods in paths.items() if "post" in methods}
    assert described <= {*POSTS, *ASKS_ONLY}
    for path in described - ASKS_ONLY:
        names = [one["name"] for one in paths[path]["post"]["parameters"] if one["in"] == "header"]
        assert "Idempotency-Key" in names, path
        conflict = paths[path]["post"]["responses"]["409"]["content"]["application/problem+json"]["schema"]
        assert "idempotency-conflict" in conflict["allOf"][1]["properties"]["error_id"]["enum"], path


def post(platform: Platform, path: str, body: Any, key: str) -> testing.Result:
    at_work(platform)
    operation = OPERATIONS["POST", path]
    options: dict[str, Any] = {"headers": {"Idempotency-Key": key}}
    if isinstance(body, str):
        options["body"] = body
        options["headers"]["Content-Type"] = operation.body_media
    elif body is not None or operation.body is not None:
        options["json"] = {} if body is None else body
    filled = re.sub(r"\{(\w+)\}", lambda name: THERE.get(name[1], "nope"), path)
    return platform.do("omni", "POST", filled, **options)


def other_than(body: Any) -> Any:
    """Another body, which need not be a good one."""
    if isinstance(body, str):
        return f"{body}\n"
    return {name: _another(value) for name, value in body.items()}


def _another(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case str() | int():
            return value + type(value)(1)
        case dict():
            return other_than(value)
        case _:
            return [value]


@pytest.mark.parametrize("path", POSTS)
def test_a_key_that_is_none_is_refused(walked: Platform, path: str) -> None:
    for key in ("k" * 256, "cl\xe9"):
        answer = post(walked, path, OPERATIONS["POST", path].example, key)
        assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request"), answer.text


def test_the_same_request_is_answered_alike_and_another_one_with_its_key_is_refused(walked: Platform) -> None:
    """As far as it can be done as things stand here: what is refused has done nothing."""
    done, refused = [], []
    for path in POSTS:
        body, key = OPERATIONS["POST", path].example, f"walk {path}"
        first = post(walked, path, body, key)
        if first.status_code >= 300:
            continue
        done.append(path)
        again = post(walked, path, body, key)
        assert (again.status_code, again.content) == (first.status_code, first.content), path
        if body:
            changed = post(walked, path, other_than(body), key)
            assert changed.status_code >= 400, path
            refused += [path] if changed.json["error_id"] == "idempotency-conflict" else []
    assert len(done) >= 15, done
    assert len(refused) >= 8, refused
