"""What all routes have in common, held against the served description: moments, pages, and when to come back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cti.api.paging import LIMIT_MAX
from cti.api.problems import KINDS
from cti.core.moments import iso
from cti.core.people import AgentProfile
from cti.runtime.floor.catalogue import EVENTS
from tests.api.description import description
from tests.api.floorsite import come, sit
from tests.api.site import DEED, Platform

#: Answers with `items` that are one document, and not a list that grows: they have an ETag, or a bound of their own.
DOCUMENTS = {
    "/v1/reports/{name}": "a report of at most 400 days",
    "/v1/entries": "the entry table, whose lines are read from the top",
}
MOMENT_NAME = re.compile(r"(^|_)(at|since|until)$")
#: Named like a moment, and is none.
NO_MOMENTS = {"data"}


@pytest.fixture(scope="module")
def served(platform: Platform) -> dict[str, Any]:
    return description(platform.app)


def operations(served: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in served["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def resolved(served: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = served["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def listed(served: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Path -> operation of each GET that answers with a list."""
    found = {}
    for method, path, operation in operations(served):
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        if method == "GET" and content is not None:
            properties = resolved(served, content["schema"]).get("properties", {})
            if properties.get("items", {}).get("type") == "array":
                found[path] = operation
    return found


def test_every_list_is_read_page_by_page(served: dict[str, Any]) -> None:
    lists = listed(served)
    assert len(lists) > 20
    assert DOCUMENTS.keys() <= lists.keys()
    for path, operation in lists.items():
        if path in DOCUMENTS:
            continue
        parameters = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
        limit = parameters.get("limit", {})
        assert (limit.get("minimum"), limit.get("maximum")) == (1, LIMIT_MAX), path
        assert len({"after", "before"} & parameters.keys()) == 1, path
        answer = resolved(served, operation["responses"]["200"]["content"]["application/json"]["schema"])
        assert "next" in answer["required"], path
        assert {one.get("type") for one in answer["properties"]["next"]["anyOf"]} == {"string", "null"}, path
        errors = json.dumps(operation["responses"]["400"])
        assert "bad-cursor" in errors, path


@pytest.fixture(scope="module")
def filled(platform: Platform) -> Platform:
    """Two of everything, as far as it can be had."""
    platform.office.person("omni", "agent", "team_lead", "supervisor", "flow_author", "auditor", "admin")
    agents = platform.store.accounts.agents
    agents.save([AgentProfile("1009", "u-omni", "omni", "north", phone="1009")], DEED)
    via = platform.services.authentication.by_token(platform.token("omni")).via
    sit(platform.floor, "1009", "u-omni", "north", via)
    for contact in ("k1", "k2", "k3"):
        come(platform.floor, platform.legs, contact)
    for number in range(3):
        agents.save_skill(f"skill{number}", "", DEED)
        platform.do("omni", "POST", "/v1/blocked", {"number": f"1380000999{number}", "reason": "x"})
        hook = {"url": "https://crm.example/", "user_id": "u-omni", "events": ["*"]}
        platform.do("omni", "POST", "/v1/webhooks", hook)
        platform.do("omni", "POST", "/v1/users/u-omni/keys", {"title": "x"})
        notice = {"notice_id": f"n{number}", "say": "Because of the storm some calls are cut off."}
        platform.do("omni", "POST", "/v1/notices", notice)
        platform.office.token("omni")
        platform.office.clock.move(1.0)
    return platform


FILLED = {"user_id": "u-omni", "call_id": "c-north", "contact": "k1", "chat": "nope", "webhook_id": "nope"}
#: What must be asked for.
ASKED = {
    "/v1/agents/states": {"from": "2026-03-01T00:00:00Z", "to": "2026-03-03T00:00:00Z"},
    "/v1/schedules": {"from": "2026-03-01T00:00:00Z", "to": "2026-03-03T00:00:00Z"},
}
#: Lists of which there is more than one page here.
LONG = {
    "/v1/agents", "/v1/audit", "/v1/blocked", "/v1/calls", "/v1/contacts", "/v1/me/sessions",
    "/v1/notices", "/v1/queues", "/v1/roles", "/v1/skills", "/v1/teams", "/v1/users", "/v1/users/{user_id}/keys",
    "/v1/webhooks",
}  # fmt: skip


def test_pages_together_are_the_whole_and_none_is_told_twice(filled: Platform, served: dict[str, Any]) -> None:
    """The audit grows meanwhile, at its beginning, by nothing: reading is not audited."""
    walked = set()
    for path, operation in listed(served).items():
        if path in DOCUMENTS:
            continue
        url = path.format_map({**dict.fromkeys(re.findall(r"{(\w+)}", path), "nope"), **FILLED})
        asked = ASKED.get(path, {})
        whole = filled.do("omni", "GET", url, params={**asked, "limit": LIMIT_MAX})
        if whole.status_code != 200:
            assert whole.status_code in (403, 404), whole.text  # what it is a list of is not there
            continue
        cursor = next(one["name"] for one in operation["parameters"] if one["name"] in ("after", "before"))
        told, at, pages = [], None, 0
        while True:
            page = filled.do(
                "omni", "GET", url, params={**asked, "limit": 1, **({} if at is None else {cursor: at})}
            ).json
            told += page["items"]
            at, pages = page["next"], pages + 1
            assert len(page["items"]) <= 1
            if at is None:
                break
        assert [_named(one) for one in told] == [_named(one) for one in whole.json["items"]], path
        if len(told) > 1:
            walked.add(path)
            assert filled.do("omni", "GET", url, params={"limit": 0}).status_code == 400, path
    assert walked >= LONG


def _named(one: dict[str, Any]) -> Any:
    """What does not change while it is read."""
    names = ("webhook_id", "user_id", "agent", "contact", "number", "session_id", "key_id", "queue", "call_id")
    ids = {name: one[name] for name in names if name in one and isinstance(one[name], str | int)}
    return ids or one


@pytest.mark.parametrize("cursor", ["", "x" * 201])
def test_what_is_no_cursor_is_said(filled: Platform, cursor: str) -> None:
    answer = filled.do("omni", "GET", f"/v1/queues?after={cursor}", params=None)
    if cursor:
        assert answer.json["error_id"] == "bad-cursor"
    else:
        assert answer.status_code in (200, 400)


def moments(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property, wherever it stands, that is named like a moment."""
    if isinstance(schema, dict):
        for name, one in (schema.get("properties") or {}).items():
            if MOMENT_NAME.search(name) and name not in NO_MOMENTS:
                yield f"{place}.{name}", one
        for name, one in schema.items():
            yield from moments(one, f"{place}/{name}" if name not in ("properties", "schema") else place)
    elif isinstance(schema, list):
        for one in schema:
            yield from moments(one, place)


def is_moment(schema: dict[str, Any]) -> bool:
    """ISO 8601 with an offset, or null, or a word beside it."""
    some = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null" and "const" not in one]
    return any(one.get("format") == "date-time" or "anyOf" in one for one in some)


def test_every_moment_is_iso_8601_with_an_offset(served: dict[str, Any]) -> None:
    found = dict(moments(served, ""))
    assert len(found) > 50
    assert [place for place, schema in found.items() if not is_moment(schema)] == []
    for method, path, operation in operations(served):
        for one in operation["parameters"]:
            if one["in"] == "query" and one["name"] in ("since", "until", "from", "to"):
                assert is_moment(one["schema"]), f"{method} {path} {one['name']}"


def test_moments_of_events_too() -> None:
    form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")
    named = [
        (type_, name, value)
        for type_, kind in EVENTS.items()
        for name, value in kind.sample.items()
        if MOMENT_NAME.search(name)
    ]
    assert named
    assert [one for one in named if one[2] is not None and not form.fullmatch(str(one[2]))] == []
    assert form.fullmatch(iso(1_772_416_800.123))


#: Told with the time that really is left, by the error itself.
COUNTED = {"too-many-attempts", "too-many-requests", "too-many-messages"}


def test_who_may_come_back_is_told_when(served: dict[str, Any]) -> None:
    later = {error_id for error_id, kind in KINDS.items() if kind.status in (429, 503, 504)}
    assert [id_ for id_ in sorted(later - COUNTED) if KINDS[id_].retry_after_s is None] == []
    for method, path, operation in operations(served):
        for status in {"429", "503", "504"} & operation["responses"].keys():
            problem = operation["responses"][status].get("content", {}).get("application/problem+json")
            if problem is not None:
                assert "Retry-After" in operation["responses"][status]["headers"], f"{method} {path} {status}"
