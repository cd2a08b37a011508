"""Replays: identical against the recorded version, whatever happened; against another, the difference alone."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from cti.core import events as e
from cti.flow import Catalog, LookupSignature, Plan, Run, compile_plan, load_flow
from cti.flow.registry import REGISTRY
from cti.flow.replay import replay
from cti.flow.replay_events import pack_event, unpack_event
from cti.flow.replay_recording import NoRecording, Recording, read_recording
from tests.flow.callmaker import CallMaker
from tests.flow.flowkit import FLOWS, shipped_plan
from tests.flow.test_node_types import fixture_plan

INPUTS: dict[str, Any] = {"caller": "13800000000", "line": "mobile", "n": 3, "number": "01088880000", "songs": ["a"]}
PLANS: dict[str, Callable[[], Plan]] = {
    name: lambda name=name: shipped_plan(name)  # type: ignore[misc]
    for name in sorted(file.stem for file in FLOWS.glob("*.yaml") if file.stem not in ("entry", "queues"))
}
PLANS |= {f"fixture {name}": lambda name=name: fixture_plan(name) for name in sorted(REGISTRY)}  # type: ignore[misc]

PIN = """
flow: pin
start: ask
languages: {default: en-US}
inputs: {caller: "phone?!"}
vars: {pin: "text?!"}
nodes:
  ask:
    type: collect
    say: "Enter your PIN."
    save: pin
    wait: 5s
    digits: {min: 4, max: 6, pattern: "1[0-9]+"}
    to: {filled: verify, else: bye}
  verify: {type: lookup, ask: pin.verify, with: {pin: =pin}, to: {ok: main, wrong: ask, else: bye}}
  main: {type: menu, say: "For your balance press 1, for an agent press 0.", keys: {1: told, 0: agent}, to: {else: bye}}
  told: {type: play, say: "Your balance is ten.", next: main}
  agent: {type: transfer, dial: {extension: "1001"}, to: {else: bye}}
  bye: {type: end, outcome: done}
"""
CATALOG = Catalog(
    lookups={
        "pin.verify": LookupSignature.parse({"pin": "text!"}, {}, ("wrong",)),
        "area.outage": LookupSignature.parse({}, {}, ("not_found",)),
    }
)


def plan_of(text: str = PIN, *changes: tuple[str, str]) -> Plan:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    loaded = load_flow(text, "pin.yaml", catalog=CATALOG)
    assert loaded.flow is not None, loaded.issues
    return compile_plan({"pin": loaded.flow}, {}, "pin")


class Call:
    """A call of ``plan`` by hand: `feed` at seconds, then `recording`."""

    def __init__(self, plan: Plan) -> None:
        self.maker = CallMaker(plan, INPUTS, Random(0))
        self.maker.begin_only()

    def keys(self, at: float, keys: str) -> float:
        for key in keys:
            self.maker.feed(e.DigitPressed(key), at)
            at += 0.25
        return at

    def feed(self, at: float, event: e.Event) -> None:
        self.maker.feed(event, at)

    @property
    def run(self) -> Run:
        return self.maker.run

    def ref(self, kind: str) -> int:
        return next(ref for ref, (what, _) in self.run.pending.items() if what == kind)

    def recording(self) -> Recording:
        return self.maker.recording()


def usual_call(plan: Plan | None = None) -> Recording:
    """PIN, verified; the balance, heard out; hang-up in the menu."""
    call = Call(plan or plan_of())
    call.keys(1, "1357#")
    call.feed(3, e.LookupEnded(call.ref("lookup"), "ok"))
    call.keys(4, "1")
    call.feed(7, e.PlayEnded(call.ref("play")))
    call.feed(9, e.PlayEnded(call.ref("play")))
    call.feed(10, e.HungUp("NORMAL_CLEARING"))
    return call.recording()


@pytest.mark.parametrize("name", sorted(PLANS))
def test_against_the_recorded_version_every_call_is_the_same(name: str) -> None:
    plan = PLANS[name]()
    for seed in range(40):
        recording, run = CallMaker(plan, INPUTS, Random(f"{name}{seed}")).make()
        found = replay(recording, plan)
        assert found.same, f"seed {seed}: {found.difference}"
        assert found.exact
        assert recording.complete is run.ended


def test_a_call_that_was_cut_off_is_replayed_as_far_as_it_went() -> None:
    call = Call(plan_of())
    call.keys(1, "13")
    recording = call.recording()
    assert not recording.complete
    assert replay(recording, plan_of()).same


def difference(*changes: tuple[str, str], call: Recording | None = None) -> tuple[str, str, str, str]:
    """(kind, node, then, now) against the changed flow."""
    found = replay(call or usual_call(), plan_of(PIN, *changes)).difference
    assert found is not None
    shown = [line.text.strip() if line else "" for line in (found.then, found.now)]
    return found.kind, found.node, shown[0], shown[1]


def test_another_text() -> None:
    assert difference(("balance is ten", "balance is eleven")) == (
        "prompt", "pin.told", "“Your balance is ten.”", "“Your balance is eleven.”",
    )  # fmt: skip


def test_longer_prompts_change_nothing_else() -> None:
    found = replay(usual_call(), plan_of(PIN, ("balance is ten.", "balance is ten. " * 40)))
    assert found.difference is not None
    assert found.difference.kind == "prompt"
    assert [line.text for line in found.now if line.side == "caller"] == [
        line.text for line in found.then if line.side == "caller"
    ]
    assert found.unused == 0


def test_a_key_leads_elsewhere() -> None:
    assert difference(("{1: told, 0", "{1: agent, 2: told, 0")) == (
        "node", "pin.main", "→ told (play)", "→ agent (transfer)",
    )  # fmt: skip


def test_a_key_that_is_not_known_any_more() -> None:
    kind, node, then, now = difference(("{1: told, 0", "{2: told, 0"))
    assert (kind, node, then) == ("unknown-key", "pin.main", "exit 1")
    assert "For your balance" in now


def test_a_question_that_nothing_recorded_answers_stops_the_replay() -> None:
    asked = ("  main: {", "  outage: {type: lookup, ask: area.outage, to: {else: main}}\n  main: {")
    changes = (("{ok: main", "{ok: outage"), asked)
    plan = plan_of(PIN, *changes)
    found = replay(usual_call(), plan)
    assert found.missing == "Lookup area.outage"
    assert difference(*changes)[:2] == ("node", "pin.verify")
    answered = replay(usual_call(), plan, {"area.outage": "not_found"})
    assert answered.missing == ""
    assert [line.text for line in answered.now][-1].startswith("ends: hangup")
    assert answered.unused == 0


def test_at_a_new_question_the_caller_is_silent_and_answers_the_old_one_when_it_comes() -> None:
    new = "  lang: {type: menu, say: 'Press 1 for English.', wait: 2s, keys: {1: bye}, to: {else: main}}\n  main: {"
    found = replay(usual_call(), plan_of(PIN, ("{ok: main", "{ok: lang"), ("  main: {", new)))
    assert found.difference is not None
    assert found.difference.kind == "node"
    assert ("pin.main", "presses 1") in [(line.node, line.text) for line in found.now]
    assert found.unused == 0


def test_a_menu_of_another_name_takes_the_keys_of_the_old_one() -> None:
    found = replay(usual_call(), plan_of(PIN, ("main", "choice")))
    assert found.difference is not None
    assert found.difference.kind == "node"
    assert ("pin.choice", "presses 1") in [(line.node, line.text) for line in found.now]
    assert found.now[-1].text.startswith("ends: hangup")


def test_a_shorter_wait_is_over_before_the_caller_answers() -> None:
    call = Call(plan_of())
    call.feed(2, e.PlayEnded(call.ref("play")))
    call.keys(6, "1357#")
    call.feed(8, e.LookupEnded(call.ref("lookup"), "ok"))
    call.feed(9, e.HungUp(""))
    kind, node, _, now = difference(("wait: 5s", "wait: 3s"), call=call.recording())
    assert (kind, node) == ("step", "pin.ask")
    assert now == "“Enter your PIN.”"  # again
    assert replay(call.recording(), plan_of(PIN, ("wait: 5s", "wait: 8s"))).same


def test_a_flow_that_cannot_begin_with_these_inputs() -> None:
    plan = plan_of(PIN, ('"phone?!"}', '"phone?!", contract: text}'))
    found = replay(usual_call(), plan)
    assert found.difference is not None
    assert found.difference.kind == "input"


def test_a_secret_is_nowhere_in_the_journal_and_replaced_by_one_that_goes_the_same_way() -> None:
    call = Call(plan_of())
    call.keys(1, "1973#")
    call.feed(3, e.LookupEnded(call.ref("lookup"), "wrong"))
    call.keys(4, "1973#")
    call.feed(6, e.LookupEnded(call.ref("lookup"), "ok"))
    call.feed(7, e.HungUp(""))
    entries = str(call.maker.recorder.peek())
    assert "1973" not in entries
    assert not any(f"'DigitPressed', '{key}'" in entries for key in "1973")
    recording = call.recording()
    assert recording.lost_secrets
    assert replay(recording, plan_of()).same
    shown = [line.text for line in replay(recording, plan_of()).now if line.side == "caller"]
    assert shown[:5] == ["presses •"] * 4 + ["presses #"]


def test_keys_typed_before_a_secret_is_asked_are_hidden_too() -> None:
    early = "  hello: {type: play, say: 'Hello.', barge_in: false}\n  ask:"
    call = Call(plan_of(PIN, ("start: ask", "start: hello"), ("  ask:", early)))
    call.keys(0.5, "1973")
    call.feed(3, e.PlayEnded(call.ref("play")))
    assert not any(f"'DigitPressed', '{key}'" in str(call.maker.recorder.peek()) for key in "1973")


def test_a_text_that_is_written_before_a_secret_is_asked_is_hidden_too() -> None:
    plan = plan_of(
        PIN,
        ("start: ask", "start: first"),
        ("  ask:", "  first: {type: lookup, ask: pin.verify, with: {pin: =caller}, to: {else: ask}}\n  ask:"),
        ("vars:", "media: [sms]\nvars:"),
        ('agent: {type: transfer, dial: {extension: "1001"}, to: {else: bye}}', "agent: {type: play, say: No.}"),
    )
    call = Call(plan)
    call.feed(0.5, e.TextReceived("1973"))
    assert call.run.texts == ["1973"]
    call.feed(3, e.LookupEnded(call.ref("lookup"), "ok"))
    assert "1973" not in str(call.maker.recorder.peek())


def test_no_journal_and_one_of_another_release() -> None:
    with pytest.raises(NoRecording, match="no journal"):
        read_recording([])
    with pytest.raises(NoRecording, match="format 99"):
        read_recording([[0, {"format": 99}, []]])
    entries = list(CallMaker(plan_of(), INPUTS, Random(1)).entries())
    with pytest.raises(NoRecording, match="Strange"):
        read_recording([*entries, [1, ["Strange", 1], [], 0]])


@pytest.mark.parametrize(
    "event",
    [
        e.LookupEnded(3, "ok", {"a": 1.5, "b": None, "c": ["x", {"y": b"z"}], "d": True}),
        e.NoticesFound(4, (e.FoundNotice("n", {"en": "x"}, None),)),
        e.QueueAnnounced(5, 2, None),
        e.PlayEnded(1, False),
    ],
)
def test_events_survive_the_journal(event: e.Event) -> None:
    again = unpack_event(pack_event(event))
    assert pack_event(again) == pack_event(event)
    assert type(again) is type(event)


def test_matched_by_meaning_a_call_goes_its_way_but_for_close_races() -> None:
    """Every timer of the menu is a hair longer, so that nothing can be fed as it was recorded from there on."""
    plan = PLANS["csat"]()
    text = (FLOWS / "csat.yaml").read_text(encoding="utf-8")
    loaded = load_flow(text.replace("wait: 5s", "wait: 5010ms"), "csat.yaml")
    assert loaded.flow is not None
    other = compile_plan({"csat": loaded.flow}, {}, "csat")
    assert other.version != plan.version
    different = [
        seed for seed in range(200) if not replay(CallMaker(plan, INPUTS, Random(f"hair{seed}")).make()[0], other).same
    ]
    assert len(different) <= 4, different


def test_what_was_done_at_the_second_visit_is_not_done_at_the_first() -> None:
    call = Call(plan_of())
    call.feed(0.5, e.PlayEnded(call.ref("play")))  # the first timer, which is another one in the changed flow
    call.keys(1, "1357#")
    call.feed(3, e.LookupEnded(call.ref("lookup"), "ok"))
    call.keys(4, "1")
    call.feed(6, e.PlayEnded(call.ref("play")))
    call.keys(7, "1")
    call.keys(8, "0")  # while the balance is said for the second time
    call.feed(9, e.HungUp(""))
    assert replay(call.recording(), plan_of(PIN, ("wait: 5s", "wait: 6s"))).same
