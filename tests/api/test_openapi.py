"""The served description: every route is in it, and it is one. What is answered is held against it in `test_matrix`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from falcon import testing
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from cti.acd.states import CONTACT, OFFER, PRESENCE
from cti.api.app import create_app
from cti.api.openapi import described
from cti.api.problems import KINDS
from cti.api.schemas import OPERATIONS, SCHEMAS
from cti.runtime.floor.actions import AT_HAND, COMMANDS, EVENT_OF, WRAPUP
from cti.runtime.floor.catalogue import EVENTS
from cti.runtime.floor.permanent import PERMANENT
from cti.runtime.floor.text_actions import TEXT_AT_HAND
from tests.api.description import validator
from tests.api.site import NoVitals, Platform

#: (method, path) -> schema of its JSON body.
BODIES = {
    key: one.body for key, one in OPERATIONS.items() if one.body is not None and one.body_media == "application/json"
}


class Filled(dict[str, str]):
    def __init__(self) -> None:
        super().__init__(agent="1001", contact="k", queue="service", user_id="u-anna", team="t")

    def __missing__(self, name: str) -> str:
        return "x"


@pytest.fixture(scope="module")
def served(platform: Platform) -> dict[str, Any]:
    answer = platform.anybody.simulate_get("/v1/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def test_every_route_is_described_and_nothing_else(platform: Platform, served: dict[str, Any]) -> None:
    there = [(method.upper(), path) for path, item in served["paths"].items() for method in item]
    assert sorted(there) == described(platform.app)
    assert not OPERATIONS.keys() - set(there), "operations of routes that are not there"


def test_it_is_a_description_by_the_standard(served: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(served).iter_errors()] == []


def test_every_operation_has_an_id_of_its_own_and_says_who_may(served: dict[str, Any]) -> None:
    operations = [operation for item in served["paths"].values() for operation in item.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))
    for operation in operations:
        assert operation.get("x-permission") or operation["security"] == [], operation["operationId"]
        assert operation["description"]


def test_every_reference_leads_somewhere_and_every_schema_is_one(served: dict[str, Any]) -> None:
    text = json.dumps(served)
    for part in text.split('"$ref": "')[1:]:
        at: Any = served
        for step in part.partition('"')[0].removeprefix("#/").split("/"):
            at = at[step]
    for schema in (*SCHEMAS.values(), *BODIES.values()):
        Draft202012Validator.check_schema(schema)


def test_every_body_is_strict_as_the_server_is(platform: Platform) -> None:
    for body in BODIES.values():
        assert not validator(platform.app, body).is_valid({"a_name_with_a_typo": 1})


def test_every_body_has_an_example_that_is_one(platform: Platform) -> None:
    for key, operation in OPERATIONS.items():
        if operation.body is not None and operation.body_needed:
            assert operation.example is not None, key
            validator(platform.app, operation.body).validate(operation.example)


@pytest.mark.parametrize(("method", "path"), sorted(BODIES))
def test_an_unknown_field_is_refused(platform: Platform, method: str, path: str) -> None:
    filled = path.format_map(Filled())
    for who in ("anna", "super", "root"):
        answer = platform.do(who, method, filled, {"a_name_with_a_typo": 1})
        assert answer.status_code in (400, 403, 404), (who, answer.text)


def test_state_tables_are_served_with_events_and_errors_that_exist(platform: Platform) -> None:
    tables = platform.do("anna", "GET", "/v1/states").json
    assert {name: len(rows) for name, rows in tables.items()} == {
        "me": len(PRESENCE), "contact": len(CONTACT), "contact_at_hand": len(AT_HAND), "offer": len(OFFER),
        "written_contact_at_hand": len(TEXT_AT_HAND), "permanent_leg": len(PERMANENT),
    }  # fmt: skip
    for rows in tables.values():
        for row in rows:
            assert (row["to"] is None) != (row["error_id"] is None)
            assert row["error_id"] is None or row["error_id"] in KINDS, row
            assert row["event"] is None or row["event"] in EVENTS, row
    assert set(EVENT_OF) == {*COMMANDS, WRAPUP}


@pytest.mark.parametrize(
    "raw", [b"[" * 20_000, b'{"a":' * 20_000, b'{"phone": "1", "phone": "2"}', b"{}" + b" " * 70_000]
)
def test_bodies_that_mean_harm_are_refused(platform: Platform, raw: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = platform.client("anna").simulate_post("/v1/me/sign-in", body=raw, headers=headers)
    assert (answer.status_code, answer.json["error_id"]) in [(400, "bad-request"), (413, "body-too-large")]


def test_ten_megabytes_are_not_even_read(platform: Platform) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": str(10 * 1024 * 1024)}
    answer = platform.client("anna").simulate_post("/v1/me/sign-in", body=b"{", headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/contacts", "/v1/users", "/v1/calls"])
@pytest.mark.parametrize("query", ["page=-1", "limit=-1", "limit=0", "limit=501", "limit=x"])
def test_pages_that_are_none_are_a_problem(platform: Platform, path: str, query: str) -> None:
    who = "super" if path != "/v1/users" else "root"
    answer = platform.client(who).simulate_get(path, query_string=query)
    assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request")


def test_web_pages_of_listed_origins_only(platform: Platform) -> None:
    app = create_app(
        platform.store, NoVitals(), platform.services, floor=platform.floor, origins=["https://desk.example"]
    )
    client = testing.TestClient(app, headers={"Authorization": f"Bearer {platform.token('anna')}"})
    ours = client.simulate_get("/v1/me", headers={"Origin": "https://desk.example"})
    assert ours.headers["access-control-allow-origin"] == "https://desk.example"
    assert "access-control-allow-credentials" not in ours.headers
    others = client.simulate_get("/v1/me", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in others.headers
    ask = {"Origin": "https://desk.example", "Access-Control-Request-Method": "PUT",
           "Access-Control-Request-Headers": "authorization, idempotency-key"}  # fmt: skip
    preflight = testing.TestClient(app).simulate_options("/v1/me/state", headers=ask)
    assert (preflight.status_code, "PUT" in preflight.headers["access-control-allow-methods"]) == (200, True)
    assert preflight.headers["access-control-allow-headers"] == "authorization, idempotency-key"
    without = platform.anybody.simulate_get("/healthz", headers={"Origin": "https://desk.example"})
    assert "access-control-allow-origin" not in without.headers
