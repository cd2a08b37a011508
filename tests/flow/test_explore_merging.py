"""What the exploration merges and takes over hides nothing: it is held against slower walks that do not."""

from __future__ import annotations

import pytest

from cti.flow import Flow, Plan
from cti.flow.explore import explore
from cti.flow.explore_findings import findings
from cti.flow.explore_live import live_variables
from cti.flow.explore_uses import judged
from cti.flow.explore_walk import Budget
from cti.flow.registry import REGISTRY
from cti.flow.step import Leave, Step
from tests.flow.explore_reference import FLOWS, carried_out, delivered, found_in, rewired, unmerged, whole
from tests.flow.flowkit import load, plan_of, shipped_plan


def same(plan: Plan, budget: Budget | None = None) -> set[tuple[str, str, str, str]]:
    """Both walks come to the same nodes and exits and find the same, which is returned."""
    slow, quick = whole(plan, budget), explore(plan, budget)
    assert (slow.reached, quick.reached) == ("", "")
    assert quick.nodes == slow.nodes
    assert quick.exits == slow.exits
    assert found_in(quick) == found_in(slow)
    return found_in(quick)


# ---- the shipped flows, sound and spoilt ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["after_hours", "fax_form", "identity", "outage", "senior", "sms", "topup"])
def test_of_shipped_flows_the_same_is_found(name: str) -> None:
    assert not [found for found in same(delivered()[name]) if found[0] in ("raises", "crash", "endless", "stuck")]


TOO_LARGE = {"entry", "hotline"}  # without merging the hotline takes more than minutes; its subflows are here


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(file.stem for file in FLOWS.glob("*.yaml") if file.stem not in TOO_LARGE))
def test_of_every_shipped_flow_the_same_is_found(name: str) -> None:
    same(delivered()[name], Budget(states=2_000_000))


SPOILT = {
    "a way out that leads nowhere, below": (
        lambda plan: rewired(plan, "check", "identity", **{"else": ""}),
        "missing-exit",
    ),
    "a circle in silence, below": (
        lambda plan: rewired(rewired(plan, "ask", "identity", no_input="wrong"), "wrong", "identity", next="wrong"),
        "endless",
    ),
    "a question that is asked for ever, below": (
        lambda plan: rewired(plan, "how", "bill", **dict.fromkeys(("no_input", "no_match", "else"), "how")),
        "endless",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_fault_planted_in_a_subflow_is_found_by_both(name: str) -> None:
    spoil, code = SPOILT[name]
    found = same(spoil(delivered()["bill"]))
    assert code in {name for one in found for name in one[:2]}


@pytest.mark.parametrize(("name", "depth"), [("csat", 6), ("hotline", 4)])
def test_brute_force_to_the_same_depth_finds_no_more(name: str, depth: int) -> None:
    merged = explore(shipped_plan(name), Budget(depth=depth))
    each = unmerged(shipped_plan(name), Budget(depth=depth, states=60_000))
    assert each.reached in ("", f"{depth} steps"), "else the comparison is with a part"
    assert len(each.first) > 2 * len(merged.first)
    assert each.exits <= merged.exits
    assert set(each.troubles) <= set(merged.troubles)


# ---- subflows are walked once -----------------------------------------------------------------------------------

ASKS = """
flow: other
start: a
inputs: {number: "phone?"}
nodes:
  a: {type: menu, say: "请按1或2", keys: {1: b, 2: d}, to: {no_input: z, no_match: z}}
  b: {type: menu, say: "请按3", keys: {3: z}, to: {no_input: v, no_match: v}}
  v: {type: play, say: "没有", next: z}
  z: {type: end, outcome: done}
  d: {type: end, outcome: other}
"""
CALLS = """
a: {type: lookup, ask: subscriber.get, with: {msisdn: "10086"}, save: {tier: =result.tier}, to: {else: b}}
b: {type: subflow, flow: other, to: {other: e, else: c}}
c: {type: subflow, flow: other, to: {other: e, else: e}}
e: {type: branch, cases: [{when: tier == 'vip', to: v}, {when: tier == 'senior', to: s}], default: z}
v: {type: end, outcome: vip}
s: {type: end, outcome: senior}
z: {type: end}
"""
TIER = "vars: {tier: 'enum[standard, vip, senior] = standard'}"


def calling(subflow: Flow) -> Plan:
    return plan_of(CALLS, TIER, other=subflow)


@pytest.mark.parametrize("name", ["calling", "after_hours"])
def test_what_is_taken_over_is_what_would_have_been_carried_out(name: str) -> None:
    """The walks are equal in every way, not only in what they say."""
    as_carried_out(calling(load(ASKS, "other.yaml")) if name == "calling" else delivered()[name])


@pytest.mark.nightly
def test_what_is_taken_over_in_the_hotline_is_what_would_have_been_carried_out() -> None:
    as_carried_out(delivered()["hotline"])


def as_carried_out(plan: Plan) -> None:
    quick, slow = explore(plan), carried_out(plan)
    assert quick.taken_over > 20
    assert slow.taken_over == 0
    assert quick.ways == slow.ways
    assert quick.ends == slow.ends
    assert quick.at == slow.at
    assert quick.troubles == slow.troubles


def test_a_fault_in_a_subflow_is_told_once_with_a_shortest_call() -> None:
    subflow = load(ASKS, "other.yaml")
    plan = rewired(calling(subflow), "b", "other", no_match="")
    found = same(plan)
    assert found == {("raises", "missing-exit", "other", "b")}
    (quick,), (slow,) = findings(explore(plan)), findings(whole(plan))
    assert len(quick.ways) == len(slow.ways)
    assert [way.move.keys for way in quick.ways if way.move.do == "press"] == ["1", "9", "9"]


class Curious(type(REGISTRY["play"])):  # type: ignore[misc]
    """Breaks in the flows of VIPs, by looking where a node must not look: taking over would hide it."""

    def enter(self, step: Step) -> Leave | None:
        if any(frame.variables.get("tier") == "vip" for frame in step.run.frames):
            raise KeyError("tier")
        return super().enter(step)  # type: ignore[no-any-return]


def test_the_comparison_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REGISTRY, "play", Curious())
    with pytest.raises(AssertionError):
        same(calling(load(ASKS, "other.yaml")))


# ---- which variables count --------------------------------------------------------------------------------------


def live_at(nodes: str, node: str, head: str, **others: Flow) -> frozenset[str]:
    return live_variables(plan_of(nodes, head, **others))["t"][node] - {"now"}


GIVEN = load(
    """
flow: other
start: a
inputs: {number: "phone?"}
nodes:
  a: {type: branch, cases: [{when: given(number), to: z}], default: z}
  z: {type: end}
""",
    "other.yaml",
)
READS = load(
    """
flow: other
start: a
inputs: {number: 'phone = "10086"'}
nodes:
  a: {type: branch, cases: [{when: "line_kind(number) == 'fixed'", to: z}], default: z}
  z: {type: end}
""",
    "other.yaml",
)
HEAD = "inputs: {number: 'phone?'}\nvars: {tier: 'enum[standard, vip] = standard', balance: 'decimal?'}"


QUEUE = "type: queue, queue: service, to: {else: z}"


@pytest.mark.parametrize(
    ("node", "live"),
    [
        ("type: branch, cases: [{when: given(number), to: z}], default: z", {"?number"}),
        (
            "type: branch, default: z, cases: [{when: \"given(number) and line_kind(number) == 'fixed'\", to: z}]",
            {"number", "?number"},
        ),
        ("type: notice, number: =number, next: z", {"?number"}),
        ("type: play, say: \"${digits(default(number, '10086'))}\", next: z", {"number"}),
        (QUEUE + ", priority: \"= 10 if tier == 'vip' else 0\"", {"?tier"}),
        (QUEUE + ', priority: "= 10 if default(balance, 0) > 5 else 0"', {"balance"}),
        (QUEUE + ', whisper: "${tier}"', {"?tier"}),
        ('type: message, recipient: "10086", text: "${tier}", to: {else: z}', {"?tier"}),
    ],
)
def test_of_a_variable_it_counts_what_is_read_of_it(node: str, live: set[str]) -> None:
    expected = {"both": {"number", "?number"}, "bal": {"balance"}}.get(live) if isinstance(live, str) else live
    assert live_at(f"a: {{{node}}}\nz: {{type: end}}", "a", HEAD) == expected


@pytest.mark.parametrize(("other", "live"), [(GIVEN, {"?number"}), (READS, {"number"})])
def test_what_a_subflow_reads_of_an_input_is_read_of_what_is_given(other: Flow, live: set[str]) -> None:
    nodes = "a: {type: subflow, flow: other, with: {number: =number}, to: {else: z}}\nz: {type: end}"
    assert live_at(nodes, "a", HEAD, other=other) == live


def test_a_copy_reads_what_is_read_of_the_copy() -> None:
    nodes = """
    a: {type: set, set: {second: =number}, next: b}
    b: {type: branch, cases: [{when: EXPRESSION, to: z}], default: z}
    z: {type: end}
    """
    head = "inputs: {number: 'phone?'}\nvars: {second: 'phone?'}"
    assert live_at(nodes.replace("EXPRESSION", "given(second)"), "a", head) == {"?number"}
    reads = nodes.replace("EXPRESSION", "\"given(second) and line_kind(second) == 'fixed'\"")
    assert live_at(reads, "a", head) >= {"number"}


def test_values_that_are_only_told_are_not_judged() -> None:
    nodes = """
    a: {type: play, say: "${money(balance)}"}
    b: {type: branch, cases: [{when: limit > 5, to: z}], default: z}
    z: {type: end}
    """
    head = "vars: {balance: 'decimal = 1', limit: 'decimal = 0'}"
    plan = plan_of(nodes, head)
    assert judged(plan) == {("t", "limit")}
    divided = plan_of(
        nodes.replace("money(balance)", "money(1 / balance)"), "vars: {balance: decimal = 0, limit: decimal = 0}"
    )
    assert judged(divided) == {("t", "balance"), ("t", "limit")}


def test_what_judges_a_copy_judges_what_was_copied() -> None:
    nodes = """
    a: {type: set, set: {second: =number}, next: b}
    b: {type: subflow, flow: other, with: {number: =second}, to: {else: z}}
    z: {type: end}
    """
    head = "inputs: {number: 'phone = \"10086\"'}\nvars: {second: 'phone = \"10086\"'}"
    assert judged(plan_of(nodes, head, other=READS)) == {("other", "number"), ("t", "second"), ("t", "number")}
    assert judged(plan_of(nodes, head, other=GIVEN)) == frozenset()
