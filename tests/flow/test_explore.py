"""Exploration: nothing that a caller or the outside can do is left out, and what is found can be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count

import pytest

from cti.flow import Plan
from cti.flow.coverage import cover
from cti.flow.explore import explore
from cti.flow.explore_findings import findings
from cti.flow.explore_report import Report, explored
from cti.flow.explore_walk import Budget, Walk
from cti.flow.flowtests import TestResult, run_test
from cti.flow.registry import REGISTRY, NodeType
from cti.flow.step import Leave, Step
from tests.flow.explore_reference import rewired
from tests.flow.flowkit import flow_text, load, plan_of, shipped_plan
from tests.flow.test_node_types import TYPES, fixture_plan

MENU = """
a: {type: menu, say: "请按1", keys: {1: b, 2: z}, to: {no_input: z, no_match: b}}
b: {type: play, say: "谢谢", next: z}
z: {type: end}
"""
PHONE = 'inputs: {caller: "phone?"}'


def codes(walk: Walk) -> list[tuple[str, str]]:
    return [(found.code, found.node) for found in findings(walk)]


# ---- everything is tried ---------------------------------------------------------------------------------------


def test_a_menu_is_walked_by_every_key_and_by_silence() -> None:
    walk = explore(plan_of(MENU))
    assert walk.complete
    taken = {exit for _, node, exit in walk.exits if node == "a"}
    assert taken == {"1", "2", "no_input", "no_match", "hangup"}
    assert set(walk.ends) == {"", "flow_end", "hangup"}
    assert codes(walk) == []


def everything(plan: Plan, walk: Walk) -> list[str]:
    """Exits of the flow that the walk did not take."""
    as_test = TestResult("walk", [], [], frozenset(walk.exits), (), frozenset(walk.nodes))
    return [str(missing) for flow in cover({plan.root: plan}, [as_test]) for missing in flow.missing]


@pytest.mark.parametrize("name", TYPES)
def test_of_every_node_type_every_exit_is_taken(name: str) -> None:
    """A new type whose answers the exploration cannot guess fails here."""
    plan = fixture_plan(name)
    walk = explore(plan, Budget(states=20_000))
    nodes = {node.name for node in plan.flows[name].nodes.values() if node.type == name}
    assert [line for line in everything(plan, walk) if any(f"'{node}'" in line for node in nodes)] == []
    assert [trouble for trouble in walk.troubles.values() if trouble.code == "crash"] == []


@pytest.mark.parametrize("name", ["busy", "csat", "fixed_line", "hotline"])
def test_of_the_shipped_flows_every_exit_is_taken_and_nothing_is_wrong(name: str) -> None:
    plan = shipped_plan(name)
    report = explored(plan, Budget(states=20_000))
    assert (report.bound, report.unreached) == ("", ())
    assert not report.failed
    assert [one.finding.code for one in report.findings if not (one.script and one.script.shows)] == []
    assert [one.who for one in report.people if not one.script.shows] == []


def test_what_is_answered_matters() -> None:
    """Every outcome of a look-up, values around the constants that are compared with, and absent ones."""
    nodes = """
    a:
      type: lookup
      ask: subscriber.get
      with: {msisdn: "10086"}
      save: {balance: =result.balance}
      to: {ok: b, locked: m, else: z}
    b:
      type: branch
      cases: [{when: "default(balance, 7) < 100", to: low}, {when: "default(balance, 7) == 100", to: even}]
      default: z
    low: {type: end, outcome: low}
    even: {type: end, outcome: even}
    m: {type: end, outcome: locked}
    z: {type: end}
    """
    walk = explore(plan_of(nodes, 'vars: {balance: "decimal?"}'))
    assert {exit for _, node, exit in walk.exits if node == "a"} >= {"ok", "locked", "not_found", "timeout", "error"}
    assert {exit for _, node, exit in walk.exits if node == "b"} == {"case 1", "case 2", "default"}


def test_a_caller_types_ahead_and_a_slow_answer_is_tried() -> None:
    nodes = """
    a: {type: lookup, ask: subscriber.get, with: {msisdn: "10086"}, interim: {say: "请稍候"}, to: {else: m}}
    m: {type: menu, say: "请按5", keys: {5: z}, to: {else: z}}
    z: {type: end}
    """
    walk = explore(plan_of(nodes))
    pressed = {(walk.at[way.source][1], way.move.keys) for way in walk.ways if way.move.do == "press"}
    assert ("a", "5") in pressed
    assert any(way.seconds > 0.5 and walk.at[way.source][1] == "a" for way in walk.ways)


def test_hours_are_walked_open_closed_and_on_holidays() -> None:
    walk = explore(plan_of("a: {type: hours, calendar: office, to: {open: z, closed: z, holiday: z}}\nz: {type: end}"))
    assert {exit for _, node, exit in walk.exits if node == "a"} == {"open", "closed", "holiday"}


BY_TEXT = """
a: {type: menu, say: "查余额请回复CXYE", keys: {1: b, 2: m}, words: {1: CXYE}, to: {else: z}}
b: {type: play, say: "余额88元", next: z}
m: {type: collect, say: "哪个月", save: month, digits: {min: 6, max: 6}, confirm: true, to: {else: z}}
z: {type: end, returns: {month: =month}}
"""


def test_conversations_by_text_are_walked_by_what_is_written() -> None:
    plan = plan_of(BY_TEXT, 'media: [voice, sms]\nvars: {month: "text?"}')
    walk = explore(plan)
    assert everything(plan, walk) == []
    assert {walk.at[way.source][1] for way in walk.ways if way.move.do == "text"} == {"a", "m"}
    assert {begun.opening for begun in walk.beginnings} == {"", "?!", "CXYE", "2"}
    assert codes(walk) == []


def test_what_is_found_by_text_is_shown_by_text(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(BY_TEXT, 'media: sms\nvars: {month: "text?"}')
    monkeypatch.setitem(REGISTRY, "play", Broken())
    report = explored(plan, Budget())
    (found,) = report.findings
    assert found.script is not None
    assert found.script.shows
    assert 'script: [text: "CXYE"]' in found.script.text


# ---- states are merged, and nothing is lost by it ---------------------------------------------------------------


def test_what_nobody_reads_does_not_multiply_the_states() -> None:
    nodes = """
    a: {type: lookup, ask: subscriber.get, with: {msisdn: "10086"}, save: {balance: =result.balance}, to: {else: m}}
    m: {type: menu, say: "请按1", keys: {1: z}, to: {else: z}}
    z: {type: end, returns: {balance: =balance}}
    """
    head = 'vars: {balance: "decimal?"}'
    read = len(explore(plan_of(nodes, head)).first)
    unread = len(explore(plan_of(nodes.replace(", returns: {balance: =balance}", ""), head)).first)
    assert unread < read


def ticking() -> Callable[[], float]:
    """A clock on which every look takes a second."""
    ticks = count()
    return lambda: float(next(ticks))


# ---- bounds ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "bound"),
    [
        (Budget(states=50), "50 states"),
        (Budget(depth=3), "3 steps"),
        (Budget(seconds=5, clock=ticking()), "5 seconds"),
    ],
)
def test_a_bound_that_is_reached_is_told(budget: Budget, bound: str) -> None:
    report = explored(shipped_plan("hotline"), budget)
    assert report.bound == bound
    assert report.as_dict()["complete"] is False
    assert [one.finding.code for one in report.findings if one.finding.code == "dead-end"] == []


# ---- what is found ---------------------------------------------------------------------------------------------


def found_in(plan: Plan) -> tuple[Report, dict[str, str]]:
    """The report, and by code the message of the failure when the finding's test is pasted into the flow."""
    report = explored(plan, Budget())
    shown = {}
    for one in report.findings:
        assert one.script is not None
        assert one.script.shows, one.script.text
        shown[one.finding.code] = pasted(plan, one.script.text).failures[0].message
    return report, shown


def pasted(plan: Plan, text: str) -> TestResult:
    """The test as it is read from a file in which an author has pasted it."""
    head = 'inputs: {caller: "phone?"}\ntests:\n' + "".join(f"  {line}\n" for line in text.splitlines())
    (test,) = load(flow_text("a: {type: end}", head)).tests
    return run_test(plan, test)


def test_an_error_that_nobody_takes() -> None:
    nodes = "a: {type: voicemail, say: '请留言', to: {else: z}}\nz: {type: end}"
    report, shown = found_in(plan_of(nodes))
    assert [str(one.finding) for one in report.findings] == [
        "t.yaml:5:3 [raises] 'a' fails (record-failed: the message could not be recorded), and no on.error takes it: "
        "the call ends"
    ]
    assert report.failed
    assert shown == {"raises": "error is record-failed, expected none"}


def test_an_error_that_is_taken_is_a_warning_with_its_second_time() -> None:
    nodes = """
    a: {type: play, say: "您好"}
    v: {type: voicemail, to: {else: z}}
    z: {type: end}
    """
    report, shown = found_in(plan_of(nodes, "on: {error: a}"))
    assert sorted(shown) == ["handled-error", "raises-again"]
    assert not report.failed


def test_a_caller_who_does_nothing_goes_round_for_ever() -> None:
    plan = rewired(plan_of(MENU), "a", no_input="b")
    plan = rewired(plan, "b", next="a")
    report, shown = found_in(plan)
    assert [(one.finding.code, one.finding.message) for one in report.findings] == [
        ("endless", "a caller who does nothing goes round for ever: a, b")
    ]
    assert shown == {"endless": "reason is limit, expected flow_end"}


def test_a_circle_by_keys_is_none() -> None:
    """Keys that mean nothing are keys, too."""
    assert codes(explore(rewired(plan_of(MENU), "b", next="a"))) == []


def test_waiting_for_people_is_a_real_wait() -> None:
    nodes = """
    a: {type: queue, queue: service, max_wait: 5m, to: {talked: a, timeout: a, else: z}}
    z: {type: end}
    """
    assert codes(explore(plan_of(nodes))) == []


def test_a_flow_that_does_not_end() -> None:
    """It asks, and it waits for people, but nothing ends it; where the queue is full it does not even wait."""
    nodes = """
    a: {type: menu, say: "请按1", keys: {1: p}, to: {else: p}}
    p: {type: queue, queue: service, max_wait: 5m, to: {else: z}}
    z: {type: end}
    """
    report, shown = found_in(rewired(plan_of(nodes), "p", **{"else": "a"}))
    assert [(one.finding.code, one.finding.node) for one in report.findings] == [("dead-end", "a"), ("endless", "p")]
    assert all(message.endswith("expected flow_end") for message in shown.values())


class Mute(NodeType):
    """Waits for nothing."""

    name, group, doc, example = "play", "Saying", "", ""
    options: Mapping[str, object] = {}  # type: ignore[assignment]

    def enter(self, step: Step) -> Leave | None:
        return None


class Broken(Mute):
    def enter(self, step: Step) -> Leave | None:
        raise KeyError("state")


@pytest.mark.parametrize(
    ("kind", "code", "shows"),
    [
        (Mute, "stuck", "reason is limit, expected flow_end"),
        (Broken, "crash", "a fault of the platform: KeyError: 'state'"),
    ],
)
def test_node_types_that_are_wrong(
    monkeypatch: pytest.MonkeyPatch, kind: Callable[[], NodeType], code: str, shows: str
) -> None:
    plan = plan_of(MENU)
    monkeypatch.setitem(REGISTRY, "play", kind())
    report, shown = found_in(plan)
    assert [(one.finding.code, one.finding.node) for one in report.findings] == [(code, "b")]
    assert shown == {code: shows}


def test_the_report_as_data() -> None:
    data = explored(plan_of("a: {type: voicemail, to: {else: z}}\nz: {type: end}"), Budget()).as_dict()
    (finding,) = data.pop("findings")
    assert data == {
        "flow": "t",
        "states": data["states"],
        "ways": data["ways"],
        "merged": data["ways"] - data["states"],
        "taken_over": 0,
        "budget": "200000 states, 400 steps",
        "beginnings": 1,
        "complete": True,
        "bound": None,
        "nodes": 2,
        "unreached": [],
        "never": [],
        "people": [],
    }
    assert finding.pop("test").startswith('- name: "explore: raises at a"\n  given: {now: "2026-03-02T10:00+08:00"')
    assert finding == {
        "file": "t.yaml",
        "line": 5,
        "col": 3,
        "code": "raises",
        "severity": "error",
        "cause": "record-failed",
        "flow": "t",
        "node": "a",
        "message": "'a' fails (record-failed: the message could not be recorded), and no on.error takes it: "
        "the call ends",
        "test_shows_it": True,
    }
