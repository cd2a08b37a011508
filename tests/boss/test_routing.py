"""Subscribers, segments and routes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from cti.boss.routing import Facts, Kind, Normalising, Route, Segments, Subscribers, choose, share_of
from cti.core.issue import Place
from cti.flow.expressions import EvalContext, Expression, parse

MOMENT = EvalContext("zh-CN", datetime(2026, 3, 1, tzinfo=UTC))
SUBSCRIBERS = Subscribers(
    Normalising(strip_prefixes=("+86", "0086", "86")),
    (Kind("mobile", re.compile(r"^1[3-9]\d{9}$")), Kind("fixed", re.compile(r"^0\d{2,3}\d{7,8}$"))),
)
SEGMENTS = Segments([("1380", "A", False), ("13800", "B", False), ("138", "C", False), ("13800001234", "D", True)])


def when(source: str) -> Expression:
    found = parse(source, Place("x"))
    assert isinstance(found, Expression)
    return found


def facts(number: str | None, **attributes: Any) -> Facts:
    def fetch() -> Mapping[str, Any]:
        fetched.append(number)
        return attributes

    return Facts({"cycle": "202603"}, number, SUBSCRIBERS, SEGMENTS, fetch, frozenset(attributes))


fetched: list[str | None] = []


@pytest.fixture(autouse=True)
def _nothing_fetched() -> None:
    fetched.clear()


@pytest.mark.parametrize(
    ("written", "number", "kind"),
    [
        ("+86 138-0000-1234", "13800001234", "mobile"),
        ("008613800001234", "13800001234", "mobile"),
        ("010 8888 0000", "01088880000", "fixed"),
        ("10086", "10086", "unknown"),
        ("8613800001234", "13800001234", "mobile"),
    ],
)
def test_numbers_are_normalised_and_have_a_kind(written: str, number: str, kind: str) -> None:
    assert SUBSCRIBERS.normalising.apply(written) == number
    assert SUBSCRIBERS.kind(number) == kind


@pytest.mark.parametrize(
    ("number", "home"),
    [
        ("13800001234", "D"),
        ("13800001235", "B"),
        ("13801111111", "A"),
        ("13811111111", "C"),
        ("139", None),
        ("13", None),
    ],
)
def test_ported_numbers_first_then_the_longest_prefix(number: str, home: str | None) -> None:
    assert SEGMENTS.find(number) == home


ROUTES = (
    Route(when("kind == 'fixed'"), ("tables",)),
    Route(when("home == 'A'"), ("tuxedo", "socket")),
    Route(when("brand == 'gold'"), ("gold",)),
    Route(None, ("http",)),
)


@pytest.mark.parametrize(
    ("number", "to", "asked"),
    [
        ("01088880000", ("tables",), []),
        ("13801111111", ("tuxedo", "socket"), []),  # attributes are not fetched for what comes before
        ("13811111111", ("gold",), ["13811111111"]),
        (None, ("gold",), [None]),
    ],
)
def test_the_first_route_that_matches(number: str | None, to: tuple[str, ...], asked: list[str | None]) -> None:
    route, _ = choose(ROUTES, facts(number, brand="gold"), MOMENT, "balance.get")
    assert route is not None
    assert (route.to, fetched) == (to, asked)


def test_what_cannot_be_told_does_not_match_and_is_explained() -> None:
    route, tried = choose(ROUTES, facts("19900000000", brand=None), MOMENT, "balance.get")
    assert route is ROUTES[3]
    assert tried == [
        "route 1: not (kind == 'fixed')",
        "route 2: absent-value",
        "route 3: absent-value",
        "route 4: always",
    ]


def test_no_route_at_all() -> None:
    assert choose(ROUTES[:1], facts("13800000000"), MOMENT, "x")[0] is None


def test_a_share_is_the_same_subscribers_while_it_grows() -> None:
    numbers = [f"138{n:08d}" for n in range(5_000)]
    ten = {number for number in numbers if share_of(number, 10, "balance.get/1")}
    twenty = {number for number in numbers if share_of(number, 20, "balance.get/1")}
    assert ten < twenty
    assert 400 < len(ten) < 600
    assert ten != {number for number in numbers if share_of(number, 10, "bill.last/1")}


def test_a_split_route_takes_its_share_and_leaves_the_rest() -> None:
    routes = (Route(None, ("new",), split_pct=25.0), Route(None, ("old",)))
    taken = [choose(routes, facts(f"139{n:08d}"), MOMENT, "x")[0] for n in range(1_000)]
    new = sum(route is routes[0] for route in taken)
    assert 200 < new < 300
    assert choose(routes, facts(None), MOMENT, "x")[0] is routes[1]
