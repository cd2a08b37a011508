"""Exploration: the worst case to a person."""

from __future__ import annotations

import pytest

from cti.flow.explore_report import explored
from cti.flow.explore_walk import Budget
from tests.flow.flowkit import plan_of
from tests.flow.test_explore import MENU

QUEUE = "p: {type: queue, queue: service, max_wait: 5m, to: {else: z}}\nz: {type: end}\n"


@pytest.mark.parametrize(
    ("nodes", "keys", "soonest", "silent"),
    [
        # a key, or none by waiting through two questions of 0.6 s and two silences of 5 s
        ('a: {type: menu, say: "请按1", keys: {1: p}, to: {else: p}}\n', 0, 0.0, 11.2),
        ('a: {type: menu, say: "请按1", keys: {1: p}, to: {else: z}}\n', 1, 0.0, None),
        # the look-up can be slow: 3 s are its deadline
        ('a: {type: lookup, ask: subscriber.get, with: {msisdn: "10086"}, to: {else: p}}\n', 0, 3.0, 3.0),
        # the look-up can fail, and then there is nobody
        ('a: {type: lookup, ask: subscriber.get, with: {msisdn: "10086"}, to: {ok: p, else: z}}\n', None, None, None),
        (
            'a: {type: menu, say: "请按1", keys: {1: b}, to: {else: z}}\n'
            'b: {type: menu, say: "请按2", keys: {2: p}, to: {else: z}}\n',
            2,
            0.0,
            None,
        ),
    ],
)
def test_the_worst_case_to_a_person(nodes: str, keys: int | None, soonest: float | None, silent: float | None) -> None:
    report = explored(plan_of(nodes + QUEUE), Budget())
    cases = {case.who: case for case in report.people}
    assert cases["sparing keys"].keys == keys
    assert cases["sparing time"].seconds == soonest
    assert cases["silent"].seconds == silent
    assert all(case.script.shows for case in report.people)


def test_where_there_are_no_people_nothing_is_said_of_them() -> None:
    assert explored(plan_of(MENU), Budget()).people == ()
