"""The policy: who may do what to whose objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core.access import (
    GLOBAL,
    Decision,
    Grant,
    Permission,
    Principal,
    ResourceScope,
    Role,
    Scope,
    changed,
    decide,
    permissions_of,
    visible,
)
from cti.core.access.lockout import delay_s, failures_after
from cti.core.access.policy import TABLE
from cti.core.access.rate import RateLimit
from cti.core.errors import CtiError

HIDDEN = Decision(False, "out-of-scope")
QUEUE = ResourceScope.of(queue="service")
NORTH, SOUTH = ResourceScope.of(team="north"), ResourceScope.of(team="south")


def somebody(*grants: str, limited: bool = False) -> Principal:
    return Principal("u-1", "anna", tuple(Grant.parse(grant) for grant in grants), "session:s", limited)


def test_the_table_answers_for_every_permission_and_every_role() -> None:
    assert set(TABLE) == set(Permission)
    assert all(set(row) == set(Role) for row in TABLE.values())


@pytest.mark.parametrize(
    ("grants", "permission", "resource", "expected"),
    [
        ((), Permission.OWN_ACCOUNT, ResourceScope.of(owner="u-1"), Decision(False, "no-permission")),
        (("agent",), Permission.OWN_ACCOUNT, ResourceScope.of(owner="u-1"), Decision(True, "agent@*", masked=False)),
        (("agent",), Permission.OWN_ACCOUNT, ResourceScope.of(owner="u-2"), HIDDEN),
        (("agent",), Permission.USERS_EDIT, GLOBAL, Decision(False, "no-permission")),
        (("agent",), Permission.CONTACTS_READ, ResourceScope.of(owner="u-2", team="north"), HIDDEN),
        (("team_lead@team:north",), Permission.AGENTS_EDIT, NORTH, Decision(True, "team_lead@team:north")),
        (("team_lead@team:north",), Permission.AGENTS_EDIT, SOUTH, HIDDEN),
        (("team_lead@team:north",), Permission.AGENTS_EDIT, GLOBAL, HIDDEN),
        (("team_lead@team:north", "agent@team:south"), Permission.AGENTS_EDIT, SOUTH, HIDDEN),
        (("team_lead@team:north", "agent@team:south"), Permission.AGENTS_READ, SOUTH,
         Decision(True, "agent@team:south")),
        (("supervisor@queue:service",), Permission.QUEUES_CONTROL, QUEUE,
         Decision(True, "supervisor@queue:service", masked=False)),
        (("supervisor@queue:service",), Permission.QUEUES_CONTROL, ResourceScope.of(queue="other"), HIDDEN),
        (("supervisor@queue:service",), Permission.QUEUES_CONTROL, ResourceScope.of(team="service"), HIDDEN),
        (("supervisor@queue:service",), Permission.CALLS_READ, ResourceScope.of(owner="u-1"),
         Decision(True, "supervisor@queue:service", masked=False)),
        (("flow_author@team:north",), Permission.FLOWS_ACTIVATE, GLOBAL, Decision(True, "flow_author@team:north")),
        (("admin",), Permission.DATA_UNMASK, GLOBAL, Decision(False, "no-permission")),
        (("admin", "auditor@team:north"), Permission.CALLS_READ, NORTH, Decision(True, "admin@*", masked=False)),
        (("admin", "auditor@team:north"), Permission.CALLS_READ, SOUTH, Decision(True, "admin@*", masked=True)),
    ],
)  # fmt: skip
def test_decisions(
    grants: tuple[str, ...], permission: Permission, resource: ResourceScope, expected: Decision
) -> None:
    assert decide(somebody(*grants), permission, resource) == expected


def test_with_a_one_time_password_nothing_but_the_own_account_is_open() -> None:
    limited = somebody("admin", limited=True)
    assert permissions_of(limited) == [Permission.OWN_ACCOUNT]
    assert decide(limited, Permission.USERS_EDIT).reason == "password-change-required"
    assert decide(limited, Permission.OWN_ACCOUNT, ResourceScope.of(owner="u-1")).allowed


_NAMES = st.sampled_from(["north", "south", "service"])
_GRANTS = st.one_of(
    st.builds(
        Grant,
        st.sampled_from([role for role in Role if role is not Role.SWITCH]),
        st.one_of(st.just("*"), _NAMES.map("team:{}".format), _NAMES.map("queue:{}".format)).map(Scope.parse),
    ),
    st.builds(Grant, st.just(Role.SWITCH), _NAMES.map("switch:{}".format).map(Scope.parse)),
)
_RESOURCES = st.builds(
    ResourceScope,
    st.sampled_from([None, "u-1", "u-2"]),
    st.frozensets(_NAMES, max_size=2),
    st.frozensets(_NAMES, max_size=2),
    st.one_of(st.none(), _NAMES),
)


@given(st.lists(_GRANTS, max_size=4), st.sampled_from(list(Permission)), _RESOURCES, st.booleans())
def test_lists_show_what_decisions_allow(
    grants: list[Grant], permission: Permission, resource: ResourceScope, limited: bool
) -> None:
    principal = Principal("u-1", "anna", tuple(grants), "", limited)
    assert visible(principal, permission).shows(resource) == decide(principal, permission, resource).allowed


@given(st.lists(_GRANTS, max_size=3), _GRANTS, st.sampled_from(list(Permission)), _RESOURCES)
def test_one_more_role_takes_nothing_away(
    grants: list[Grant], more: Grant, permission: Permission, resource: ResourceScope
) -> None:
    before = decide(Principal("u-1", "anna", tuple(grants)), permission, resource)
    after = decide(Principal("u-1", "anna", (*grants, more)), permission, resource)
    assert after.allowed or not before.allowed


@pytest.mark.parametrize(
    ("text", "code"),
    [("boss", "bad-role"), ("", "bad-role"), ("agent@", "bad-scope"), ("agent@team:", "bad-scope"),
     ("agent@all:x", "bad-scope"), ("agent@team:a b", "bad-scope"), ("agent@north", "bad-scope"),
     ("switch", "bad-scope"), ("switch@team:a", "bad-scope"), ("admin@switch:a", "bad-scope")],
)  # fmt: skip
def test_what_is_no_grant(text: str, code: str) -> None:
    with pytest.raises(CtiError) as error:
        Grant.parse(text)
    assert error.value.code == code


@given(_GRANTS)
def test_a_grant_is_read_as_it_is_written(grant: Grant) -> None:
    assert Grant.parse(str(grant)) == grant


def test_the_audit_quotes_no_secret_and_no_number() -> None:
    before = {"phone": "13800001234", "password": "a", "roles": ("b", "a"), "same": 1, "gone": 2}
    after = {"phone": "1001", "password": "bcdefgh", "roles": ("c",), "same": 1, "new": None}
    assert changed(before, after) == (
        {"phone": "138****1234", "password": "******", "roles": ["a", "b"], "gone": 2},
        {"phone": "1001", "password": "******", "roles": ["c"]},
    )


@given(st.integers(0, 10_000))
def test_the_wait_never_shrinks_and_has_an_end(failures: int) -> None:
    assert 0 <= delay_s(failures) <= delay_s(failures + 1) <= 900
    assert failures_after(failures, 0.0, 60.0) == failures + 1
    assert failures_after(failures, 0.0, 90_000.0) == 1


@given(st.lists(st.floats(0.0, 0.5), min_size=1, max_size=200))
def test_no_account_gets_more_than_burst_and_rate_and_who_waits_gets_in(gaps: list[float]) -> None:
    limit, now, taken = RateLimit(per_second=10.0, burst=5.0), 0.0, 0
    for gap in gaps:
        now += gap
        wait_s = limit.take("anna", now)
        taken += wait_s == 0.0
        assert taken <= 5.0 + 10.0 * now + 1e-6
    wait_s = limit.take("anna", now)
    assert wait_s == 0.0 or limit.take("anna", now + wait_s + 1e-6) == 0.0
