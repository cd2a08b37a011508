"""A test made of a call passes, goes the call's way, and tells nothing sensitive."""

from __future__ import annotations

from random import Random

import pytest

from cti.core import events as e
from cti.flow.flowtests import run_test
from cti.flow.load_tests import read_tests
from cti.flow.model import FlowTest
from cti.flow.plan import Plan
from cti.flow.reading import Reading
from cti.flow.to_test import NotReproducible, make_test, path_of
from cti.flow.to_test_values import StandIns
from cti.flow.types import parse_type
from cti.flow.yamlio import Mapping, read_yaml
from tests.flow.callmaker import CallMaker
from tests.flow.test_replay import INPUTS, PLANS, Call, plan_of, usual_call


def read(text: str) -> FlowTest:
    root, issues = read_yaml("tests:\n" + text, "made.yaml")
    reading = Reading(list(issues))
    assert isinstance(root, Mapping)
    (test,) = read_tests(root.get("tests"), reading)
    assert reading.issues == []
    return test


@pytest.mark.parametrize("name", sorted(PLANS))
def test_of_any_call(name: str) -> None:
    plan = PLANS[name]()
    for seed in range(25):
        recording, _ = CallMaker(plan, INPUTS, Random(f"{name}{seed}")).make()
        result = run_test(plan, read(make_test(recording, plan, f"seed {seed}")))
        assert result.passed, f"seed {seed}: {result.failures}"
        assert list(result.path) == path_of(recording), f"seed {seed}"


def test_it_can_be_read_and_holds_no_secret() -> None:
    text = make_test(usual_call(), plan_of(), "the balance, with a PIN")
    assert [step.value for step in read(text).script if step.do == "press"] == ["1", "2", "3", "4", "#", "1"]
    assert "1357" not in text
    assert "13800000000" not in text
    assert text.splitlines()[0] == '  - name: "the balance, with a PIN"'


def test_a_call_that_is_still_up_is_expected_where_it_is() -> None:
    call = Call(plan_of())
    call.keys(1, "1357#")
    call.feed(3, e.LookupEnded(call.ref("lookup"), "ok"))
    assert read(make_test(call.recording(), plan_of(), "x")).expect["at"] == "main"


def test_of_a_flow_that_has_changed_none_is_made() -> None:
    changed: Plan = plan_of(plan_text(), ("{1: told, 0", "{2: told, 0"))
    with pytest.raises(NotReproducible, match=r"they part at pin\.main"):
        make_test(usual_call(), changed, "x")


def plan_text() -> str:
    from tests.flow.test_replay import PIN

    return PIN


@pytest.mark.parametrize(
    ("kind", "value", "same"),
    [("phone!", "13812345678", "1381"), ("phone!", "01088881234", "0108"), ("phone!", "+8613812345678", "+8613")],
)
def test_numbers_stay_of_their_kind(kind: str, value: str, same: str) -> None:
    standins = StandIns()
    parsed = parse_type(kind)
    assert not isinstance(parsed, str)
    made = standins.of(parsed, value)
    assert made.startswith(same)
    assert len(made) == len(value)
    assert made != value
    assert standins.of(parsed, value) == made
    assert standins.number(value[:-1] + "0") != made
