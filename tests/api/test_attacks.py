"""What means harm, sent to every route: bodies, names and filters; and what must not be found out or carried away."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from falcon import testing

from cti.api.schemas import OPERATIONS
from cti.core.floor_records import PresencePeriod
from cti.core.moments import iso
from cti.flow.load import RESERVED, load_flow
from tests.api.site import CALLER, NOW, Platform
from tests.api.test_fuzz import THERE, at_work, busy

__all__ = ["busy"]  # a fixture

WITH_JSON = sorted(key for key, one in OPERATIONS.items() if one.body is not None and "json" in one.body_media)
#: What SQL, LIKE and paths give a meaning to.
META = ("' OR '1'='1", "'; DROP TABLE users; --", "%", "_", "\\", "%00", "\u0000", "\ud7ff")


def send(platform: Platform, method: str, path: str, body: bytes, **headers: str) -> testing.Result:
    at_work(platform)
    filled = re.sub(r"\{(\w+)\}", lambda name: THERE.get(name[1], "nope"), path)
    headers = {"Content-Type": "application/json", **headers}
    return platform.client("omni").simulate_request(method, filled, body=body, headers=headers)


@pytest.mark.parametrize(("method", "path"), WITH_JSON)
def test_no_route_takes_such_a_body(busy: Platform, method: str, path: str) -> None:
    deep = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    known = json.dumps(next(iter(OPERATIONS[method, path].body["properties"]), "a")).encode()  # type: ignore[index]
    for body in (deep, b"[" * 30_000, b"{%s: 1, %s: 2}" % (known, known), b'{"a": NaN}', b"\xff\xfe{}", b"[]", b"1"):
        answer = send(busy, method, path, body)
        assert (answer.status_code, answer.json["error_id"]) == (400, "bad-request"), (body[:20], answer.text)
    shallow = b'{"a":' * 40 + b"1" + b"}" * 40
    assert send(busy, method, path, shallow).json["error_id"] == "bad-request"
    large = send(busy, method, path, b"{", **{"Content-Length": str(10 * 1024 * 1024)})
    assert (large.status_code, large.json["error_id"]) == (413, "body-too-large")


#: The stand-in of flows has one of every name.
GETS = sorted(
    path
    for method, path in OPERATIONS
    if method == "GET" and path not in ("/v1/events", "/switch/directory", "/v1/flows/{flow}")
)


@pytest.mark.parametrize("path", GETS)
def test_names_and_filters_are_data(busy: Platform, path: str) -> None:
    """Nothing is found by them that is not there, and nothing breaks."""
    texts = [name for name, schema in OPERATIONS["GET", path].query.items() if schema.get("type") == "string"]
    for meta in META:
        if "{" in path:
            answer = busy.do("omni", "GET", re.sub(r"\{\w+\}", meta.replace("\\", "%5C"), path))
            assert answer.status_code in (400, 404), (meta, answer.text)
        for name in texts:
            filled = re.sub(r"\{(\w+)\}", lambda found: THERE.get(found[1], "nope"), path)
            answer = busy.do("omni", "GET", filled, params={name: meta})
            assert answer.status_code in (200, 400, 404), (name, meta, answer.text)
            if answer.status_code == 200 and name not in ("reason", "after", "before"):
                assert answer.json.get("items", []) == [], (name, meta)
    assert busy.do("omni", "GET", "/v1/users").json["items"]


def test_what_others_wrote_is_no_formula_in_a_table(fresh: Platform) -> None:
    for number, reason in enumerate(('=HYPERLINK("http://evil")', "+1", "-1", "@x", "\t=1", "'=1", "lunch")):
        begins = NOW + number
        fresh.store.record(
            PresencePeriod(
                fact_id=f"p{number}", worker="w", run="r", agent="1001", presence="NOT_READY", reason=reason,
                began_at=begins, ended_at=begins + 1,
            )
        )  # fmt: skip
    assert fresh.store.flush(10.0)
    answer = fresh.do("super", "GET", "/v1/agents/states", params={"from": iso(NOW - 9), "to": iso(NOW + 99),
                                                                    "format": "csv"})  # fmt: skip
    told = [row["reason"] for row in csv.DictReader(io.StringIO(answer.text))]
    assert told == ['\'=HYPERLINK("http://evil")', "'+1", "'-1", "'@x", "'\t=1", "''=1", "lunch"]


def test_who_looks_for_a_number_without_seeing_numbers_is_seen(fresh: Platform) -> None:
    """A masked number has few digits to guess, and a filter tells which guess was right."""
    lines = fresh.store.accounts.audit.lines
    for who, noted in (("lead", True), ("anna", True), ("auditor", False)):  # the last one may see them anyhow
        before = lines(limit=1)[0].number
        fresh.do(who, "GET", "/v1/calls", params={"caller": CALLER})
        found = [(line.author.name, line.target, line.reason) for line in lines(limit=5) if line.number > before
                 and line.permission]  # fmt: skip
        assert found == ([(who, "calls:list", "look-up of 138****1234")] if noted else [])
    before = lines(limit=1)[0].number
    fresh.do("lead", "GET", "/v1/calls")
    assert lines(limit=1)[0].number == before


def test_no_flow_has_the_name_of_something_else_of_the_api(platform: Platform) -> None:
    """Its own page could not be asked for."""
    beside = {path.split("/")[3] for _, path in platform.app.served() if path.startswith("/v1/flows/")}
    assert beside - {"{flow}"} == set(RESERVED)
    for name in RESERVED:
        loaded = load_flow(f"flow: {name}\nstart: a\nnodes:\n  a: {{type: end}}\n", f"{name}.yaml")
        assert [(issue.code, issue.place.line) for issue in loaded.issues] == [("file-name", 1)]
