"""Every route and every role are in the table (`matrix.py`), and each is answered as the table says."""

from __future__ import annotations

from typing import Any

import pytest

from cti.api.rules import RULES, Check
from cti.core.access import Grant, Role
from cti.core.legs import LegAnswered, LegsBridged
from cti.core.schedules import Shift
from tests.api.description import described
from tests.api.floorsite import come, sit
from tests.api.matrix import FILLED, GATEWAY, MATRIX, OTHERS, SWITCH, WHO
from tests.api.recordsite import Studio, sound
from tests.api.site import DEED, NOW, PEOPLE, Platform


@pytest.fixture(scope="module")
def staffed(platform: Platform) -> Platform:
    """``spare`` is of the north and there to be changed."""
    platform.office.person("norole")
    platform.office.person("spare", "agent@team:north")
    _, password = platform.services.accounts.add_user("new", [Grant(Role.ADMIN)], DEED)
    assert password is not None
    platform._tokens["new"] = platform.office.token("new", password)
    times = (("s-north", "1001"), ("s-south", "1002"))
    platform.store.accounts.schedules.add([Shift(id_, agent, NOW - 3600, NOW + 3600) for id_, agent in times], DEED)
    floor, legs = platform.floor, platform.legs
    for agent, user, team, contact in (("1001", "u-anna", "north", "k-north"), ("1002", "u-ben", "south", "k-south")):
        sit(floor, agent, user, team)
        come(floor, legs, contact)
        leg = floor.talks.find(contact).leg  # type: ignore[union-attr]
        floor.talks.leg_event(LegAnswered(leg))
        floor.talks.leg_event(LegsBridged(contact, leg))
    studio = Studio(platform.office, platform.shelf)
    for side, agent in (("north", "1001"), ("south", "1002")):
        studio.recorded(f"c-{side}", sound(0.1), agents=f"{agent}:{side}", name=f"r-{side}")
    return platform


def test_every_route_has_a_line_here_and_a_rule(platform: Platform) -> None:
    there = platform.app.served()
    assert sorted((method, template) for method, template, *_ in MATRIX) == there
    assert sorted((method, template) for template, methods in RULES.items() for method in methods) == there


def test_only_what_must_be_is_open() -> None:
    opened = {
        (method, path)
        for path, methods in RULES.items()
        for method, rule in methods.items()
        if rule.check is Check.OPEN
    }
    assert opened == {
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/problems/{error_id}"),
        ("GET", "/v1/openapi.json"),
        ("POST", "/v1/sessions"),
        ("POST", "/v1/sessions/refresh"),
    }


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX + OTHERS)
def test_each_is_answered_as_the_table_says(
    staffed: Platform, who: str, method: str, template: str, body: Any, expected: str
) -> None:
    path = template.format(**FILLED)
    if who == "nobody":
        answer = staffed.anybody.simulate_request(method, path, json=body)
    else:
        answer = staffed.do(who, method, path, body)
    assert answer.status_code == int(expected.split()[WHO.index(who)]), answer.text
    if answer.status_code in (401, 403, 404) and method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        described(staffed.app, method, template, answer)
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX)
def test_a_switch_may_ask_for_its_phones_and_nothing_else(
    staffed: Platform, method: str, template: str, body: Any, expected: str
) -> None:
    answer = staffed.do("fs1", method, template.format(**FILLED), body)
    norole = int(expected.split()[WHO.index("norole")])
    assert answer.status_code == SWITCH.get((method, template), norole), answer.text


@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX)
def test_a_gateway_may_relay_what_customers_write_and_nothing_else(
    staffed: Platform, method: str, template: str, body: Any, expected: str
) -> None:
    answer = staffed.do("web1", method, template.format(**FILLED), body)
    norole = int(expected.split()[WHO.index("norole")])
    assert answer.status_code == GATEWAY.get((method, template), norole), answer.text


@pytest.mark.parametrize(("method", "template", "body", "expected"), MATRIX)
def test_another_system_may_order_and_nothing_else(
    staffed: Platform, method: str, template: str, body: Any, expected: str
) -> None:
    answer = staffed.do("crm1", method, template.format(**FILLED), body)
    norole = int(expected.split()[WHO.index("norole")])
    assert answer.status_code == {("POST", "/v1/orders"): 400}.get((method, template), norole), answer.text


def test_every_role_is_in_the_table() -> None:
    assert {Grant.parse(grant).role for grant in PEOPLE.values()} == set(Role)
    assert all(len(expected.split()) == len(WHO) for *_, expected in MATRIX + OTHERS)


@pytest.mark.parametrize(
    ("who", "calls"),
    [("anna", ["c-north"]), ("ben", ["c-south"]), ("lead", ["c-north"]), ("root", ["c-south", "c-north", "c-nobodys"])],
)
def test_lists_show_what_is_ones_own_or_of_the_team(staffed: Platform, who: str, calls: list[str]) -> None:
    assert [item["call_id"] for item in staffed.do(who, "GET", "/v1/calls").json["items"]] == calls


def test_a_refusal_is_told_in_the_audit(staffed: Platform) -> None:
    staffed.do("anna", "GET", "/v1/users")
    staffed.do("lead", "GET", "/v1/users/u-ben")
    hidden, refused = staffed.store.accounts.audit.lines(limit=2)
    assert (refused.author.name, refused.action, refused.permission, refused.allowed, refused.reason) == (
        "anna", "GET /v1/users", "users.read", False, "no-permission"
    )  # fmt: skip
    assert (hidden.author.name, hidden.target, hidden.reason) == ("lead", "user:u-ben", "out-of-scope")


def test_a_one_time_password_opens_nothing_else_and_says_why(staffed: Platform) -> None:
    assert staffed.do("new", "GET", "/v1/users").json["error_id"] == "password-change-required"
