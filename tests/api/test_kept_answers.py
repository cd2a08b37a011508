"""Idempotency-Key over a restart: a second application on the same database."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import select

from cti.core.errors import StoreUnavailable
from cti.store.idempotency import KEPT_S
from cti.store.schema_api import idempotency_keys
from tests.api.site import Platform

BODY = {"name": "robot", "kind": "machine"}


def add(platform: Platform, key: str, body: Any = None) -> Any:
    return platform.do("root", "POST", "/v1/users", body or BODY, headers={"Idempotency-Key": key})


def restarted(platform: Platform) -> Platform:
    return Platform(platform.office)


def test_a_restart_keeps_what_was_answered(fresh: Platform) -> None:
    first = add(fresh, "k1")
    assert first.status_code == 201, first.text
    again = add(restarted(fresh), "k1")
    assert (again.status_code, again.json) == (first.status_code, first.json)
    assert again.headers.get("location") == first.headers.get("location")
    assert len([one for one in fresh.do("root", "GET", "/v1/users").json["items"] if one["name"] == "robot"]) == 1


def test_with_another_body_it_is_a_conflict_after_a_restart_too(fresh: Platform) -> None:
    add(fresh, "k1")
    refused = add(restarted(fresh), "k1", {**BODY, "name": "robot2"})
    assert (refused.status_code, refused.json["error_id"]) == (409, "idempotency-conflict")


def test_a_request_that_was_cut_off_is_not_done_twice(fresh: Platform) -> None:
    keys, now = fresh.services.store.idempotency, fresh.services.clock.now()
    seen: list[str] = []
    claim = keys.claim

    def remember(user: str, key: str, digest: str, at: float, **how: Any) -> Any:
        seen.append(digest)
        return claim(user, key, digest, at, **how)

    keys.claim = remember  # type: ignore[method-assign]
    add(fresh, "k0")
    keys.claim = claim  # type: ignore[method-assign]
    claim("u-root", "k1", seen[0], now)  # begun, and the process ended
    refused = add(restarted(fresh), "k1")
    assert (refused.status_code, refused.json["error_id"]) == (409, "outcome-unknown")


def test_what_failed_may_be_tried_again(fresh: Platform) -> None:
    assert add(fresh, "k1", {"name": "anna"}).status_code == 409
    assert add(fresh, "k1").status_code == 201


def test_a_key_expires(fresh: Platform) -> None:
    add(fresh, "k1")
    row = fresh.services.store.idempotency.claim("u-root", "k1", "another", fresh.services.clock.now() + KEPT_S + 1)
    assert row is None


def test_answers_are_sealed(fresh: Platform) -> None:
    made = add(fresh, "k1", {"name": "person"})
    password = made.json["one_time_password"]
    keys = fresh.services.store.idempotency
    rows = keys._read(lambda connection: list(connection.execute(select(idempotency_keys.c.answer_sealed))))
    assert rows
    assert all(row[0] and password not in row[0] for row in rows)


def test_what_is_kept_of_a_request_tells_nothing_of_it(fresh: Platform) -> None:
    wish = {"number": "13800005678", "reason": "nuisance"}
    assert fresh.do("root", "POST", "/v1/blocked", wish, headers={"Idempotency-Key": "k1"}).status_code == 201
    body = json.dumps(["/v1/blocked", wish], sort_keys=True)
    keys = fresh.services.store.idempotency
    kept = keys._read(lambda connection: list(connection.execute(select(idempotency_keys.c.digest)).scalars()))
    assert len(kept) == 1
    assert kept != [hashlib.sha256(body.encode()).hexdigest()]


def test_in_memory_a_key_ends_as_well(fresh: Platform) -> None:
    assert add(fresh, "k1").status_code == 201
    fresh.office.clock.move(KEPT_S)
    fresh._tokens.clear()
    assert add(fresh, "k1").json["error_id"] == "name-taken"


def test_without_the_database_keys_are_known_in_memory(fresh: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(fresh.services.store.idempotency, "claim", away)
    first, again = add(fresh, "k1"), add(fresh, "k1")
    assert (first.status_code, again.json) == (201, first.json)
