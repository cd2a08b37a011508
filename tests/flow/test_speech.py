"""Spoken answers of a `collect`: by the type of the variable, with keys beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti.core import commands as c
from cti.core import events as e
from cti.core.issue import Severity
from cti.flow import Catalog, Plan, Run, compile_plan, load_flow
from cti.flow.explore import explore
from cti.flow.explore_findings import findings
from cti.flow.flowtests import run_test, run_tests
from cti.flow.replay import replay
from cti.flow.to_test import make_test
from tests.flow.flowkit import NOW, calendars, load
from tests.flow.test_replay import Call
from tests.flow.test_to_test import read

HEAD = 'flow: t\nstart: ask\nlanguages: {default: en-US}\nvars: {v: "%s?"}\nnodes:\n'
ASK = (
    "  ask: {type: collect, say: Which one, save: v, speech: {confidence: 60}, confirm: %s, to: {filled: y, else: n}}\n"
)
ENDS = "  y: {type: end, outcome: filled}\n  n: {type: end, outcome: failed}\n"


def text_of(kind: str = "phone", confirm: str = "false") -> str:
    return HEAD % kind + ASK % confirm + ENDS


def plan_of(text: str) -> Plan:
    return compile_plan({"t": load(text)}, calendars(), "t")


def started(kind: str = "phone", confirm: str = "false") -> Run:
    run = Run(plan_of(text_of(kind, confirm)), {}, now=NOW)
    played = next(work for work in run.start(NOW) if isinstance(work, c.Play))
    listens = run.feed(e.PlayEnded(played.ref), NOW)
    assert [type(work) for work in listens] == [c.Listen, c.StartTimer]
    return run


def listening(run: Run) -> int:
    return next(ref for ref, (kind, _) in run.pending.items() if kind == "listen")


def outcome(work: c.Sprint) -> str | None:
    return next((item.outcome for item in work if isinstance(item, c.RunEnded)), None)


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("phone", "138 0000 0000", "13800000000"),
        ("date", "2026-03-02", "2026-03-02"),
        ("enum[red, blue]", "Blue", "blue"),
        ("int", "42", "42"),
    ],
)
def test_what_is_said_becomes_a_value_of_the_type(kind: str, said: str, value: str) -> None:
    run = started(kind)
    assert outcome(run.feed(e.Heard(listening(run), "heard", said, 0.9), NOW)) == "filled"
    assert str(run.frames[0].variables["v"]) == value


@pytest.mark.parametrize(
    "heard", [("heard", "13800000000", 0.59), ("heard", "no number", 1.0), ("heard", " ", 1.0), ("silence", "", 0.0)]
)
def test_what_is_not_understood_is_asked_again_and_then_left(heard: tuple[Any, ...]) -> None:
    run = started()
    again = run.feed(e.Heard(listening(run), *heard), NOW)
    (played,) = [work for work in again if isinstance(work, c.Play)]
    run.feed(e.PlayEnded(played.ref), NOW)
    assert outcome(run.feed(e.Heard(listening(run), *heard), NOW)) == "failed"


def test_a_key_ends_the_listening() -> None:
    run = started()
    ref = listening(run)
    work = run.feed(e.DigitPressed("1"), NOW)
    assert c.StopListen(ref) in work
    assert run.feed(e.Heard(ref, "heard", "13800000000", 1.0), NOW) == []
    for digit in "380000000":
        run.feed(e.DigitPressed(digit), NOW)
    run.feed(e.DigitPressed("0"), NOW)
    assert outcome(run.feed(e.DigitPressed("#"), NOW)) == "filled"
    assert run.frames[0].variables["v"] == "13800000000"


def test_without_a_recogniser_keys_are_waited_for_as_ever() -> None:
    run = started()
    timers = [work for work in run.feed(e.Heard(listening(run), "unavailable"), NOW) if isinstance(work, c.StartTimer)]
    assert [timer.seconds for timer in timers] == [5.0]
    for digit in "13800000000#":
        work = run.feed(e.DigitPressed(digit), NOW)
    assert outcome(work) == "filled"


@pytest.mark.parametrize(("answer", "ended"), [("Yes", "filled"), ("no", None), ("perhaps", None)])
def test_reading_back_is_confirmed_by_word(answer: str, ended: str | None) -> None:
    run = started(confirm="true")
    read = run.feed(e.Heard(listening(run), "heard", "13800000000", 1.0), NOW)
    (played,) = [work for work in read if isinstance(work, c.Play)]
    listens = run.feed(e.PlayEnded(played.ref), NOW)
    assert [work.expects for work in listens if isinstance(work, c.Listen)] == ["yes_no"]
    assert outcome(run.feed(e.Heard(listening(run), "heard", answer, 1.0), NOW)) == ended


@pytest.mark.parametrize(
    ("language", "said", "value"),
    [
        ("en-US", "one three eight double oh oh triple oh oh oh", "13800000000"),
        ("zh-CN", "幺三八零零零零零零零零", "13800000000"),
    ],
)
def test_numbers_are_said_in_words(language: str, said: str, value: str) -> None:
    text = text_of().replace("en-US", language)
    run = Run(plan_of(text), {}, now=NOW)
    played = next(work for work in run.start(NOW) if isinstance(work, c.Play))
    (wanted,) = [work for work in run.feed(e.PlayEnded(played.ref), NOW) if isinstance(work, c.Listen)]
    assert (wanted.expects, wanted.language) == ("phone", language)
    assert outcome(run.feed(e.Heard(wanted.ref, "heard", said, 0.9), NOW)) == "filled"
    assert run.frames[0].variables["v"] == value


DOUBT = text_of().replace("{confidence: 60}", "{confidence: 60, confirm: 80}")


def doubtful(confidence: float) -> tuple[Run, c.Sprint]:
    run = Run(plan_of(DOUBT), {}, now=NOW)
    played = next(work for work in run.start(NOW) if isinstance(work, c.Play))
    run.feed(e.PlayEnded(played.ref), NOW)
    return run, run.feed(e.Heard(listening(run), "heard", "13800000000", confidence), NOW)


@pytest.mark.parametrize(("confidence", "ended"), [(0.8, "filled"), (0.79, None), (0.6, None)])
def test_what_is_heard_with_doubt_is_read_back(confidence: float, ended: str | None) -> None:
    run, work = doubtful(confidence)
    assert outcome(work) == ended
    if ended is None:
        (read,) = [item for item in work if isinstance(item, c.Play)]
        run.feed(e.PlayEnded(read.ref), NOW)
        assert outcome(run.feed(e.Heard(listening(run), "heard", "that is right", 0.6), NOW)) == "filled"


def test_a_refused_doubt_is_asked_again_and_keys_are_not_read_back() -> None:
    run, work = doubtful(0.7)
    (read,) = [item for item in work if isinstance(item, c.Play)]
    run.feed(e.PlayEnded(read.ref), NOW)
    again = run.feed(e.Heard(listening(run), "heard", "no", 1.0), NOW)
    (asked,) = [item for item in again if isinstance(item, c.Play)]
    run.feed(e.PlayEnded(asked.ref), NOW)
    for digit in "13800000000#":
        work = run.feed(e.DigitPressed(digit), NOW)
    assert outcome(work) == "filled"


def test_keys_after_a_doubtful_no_match_are_not_read_back() -> None:
    run = Run(plan_of(DOUBT), {}, now=NOW)
    played = next(work for work in run.start(NOW) if isinstance(work, c.Play))
    run.feed(e.PlayEnded(played.ref), NOW)
    run.feed(e.Heard(listening(run), "heard", "nothing like a number", 0.7), NOW)
    for digit in "13800000000#":
        work = run.feed(e.DigitPressed(digit), NOW)
    assert outcome(work) == "filled"


def test_doubt_must_lie_above_the_least() -> None:
    text = text_of().replace("{confidence: 60}", "{confidence: 60, confirm: 60}")
    found = load_flow(text, "t.yaml", catalog=Catalog(speech=True))
    assert [issue.code for issue in found.issues if issue.code != "unused-variable"] == ["bad-option"]


TESTS = """\
tests:
  - {name: said, script: [hear: Which one, say: "138 0000 0000"], expect: {outcome: filled}}
  - {name: keys, script: [hear: Which one, press: "13800000000#"], expect: {outcome: filled}}
  - {name: silent, script: [hear: Which one, silence: 5s, hear: Which one, silence: 5s], expect: {outcome: failed}}
  - {name: late, script: [say: "13800000000", say: "1"], expect: {outcome: filled}}
"""


def test_flow_tests_speak() -> None:
    found = {
        result.name: [issue.message for issue in result.failures] for result in run_tests(plan_of(text_of() + TESTS))
    }
    assert found == {"said": [], "keys": [], "silent": [], "late": ["nobody listened when '1' was to be said"]}


@pytest.mark.parametrize(
    ("kind", "speech", "expected"),
    [
        ("text!", True, ["bad-option"]),
        ("text", False, ["no-recogniser"]),
        ("text", True, []),
        ("text", None, []),
    ],
)
def test_findings(kind: str, speech: bool | None, expected: list[str]) -> None:
    declared = '"text?!"' if kind == "text!" else '"text?"'
    found = load_flow(text_of(kind[:4]).replace('"text?"', declared), "t.yaml", catalog=Catalog(speech=speech))
    codes = [issue.code for issue in found.issues if issue.code != "unused-variable"]
    assert codes == expected
    warnings = [issue for issue in found.issues if issue.code == "no-recogniser"]
    assert all(issue.severity is Severity.WARNING for issue in warnings)


def test_nobody_listens_in_a_conversation_by_text() -> None:
    text = text_of().replace("vars:", "media: [voice, sms]\nvars:")
    assert load(text).media == ("voice", "sms")
    run = Run(plan_of(text), {"medium": "sms"}, now=NOW)
    run.feed(e.TextReceived("hm"), NOW)
    assert not [work for work in run.start(NOW) if isinstance(work, c.Listen)]


@pytest.mark.parametrize("heard", [("heard", "13800000000", 1.0), ("silence",), ("unavailable",)])
def test_a_spoken_call_is_replayed_and_made_a_test(heard: tuple[Any, ...]) -> None:
    plan = plan_of(text_of())
    call = Call(plan)
    call.feed(1.0, e.PlayEnded(call.ref("play")))
    call.feed(3.0, e.Heard(call.ref("listen"), *heard))
    if heard[0] == "silence":  # it is asked again
        call.feed(4.0, e.PlayEnded(call.ref("play")))
    elif heard[0] == "unavailable":
        call.feed(8.0, e.TimerFired(max(ref for ref, (kind, _) in call.run.pending.items() if kind == "timer")))
    recording = call.recording()
    assert replay(recording, plan).same
    text = make_test(recording, plan, "spoken")
    assert [step.value for step in read(text).script if step.do == "say"] == list(heard[1:2])
    assert run_test(plan, read(text)).failures == []


def test_every_way_of_a_spoken_answer_is_walked() -> None:
    walk = explore(plan_of(text_of()))
    assert findings(walk) == []


MANUAL = Path(__file__).parents[2] / "docs" / "flow-language.md"


def test_the_example_of_the_manual() -> None:
    text = MANUAL.read_text(encoding="utf-8").partition("## Speech\n")[2].partition("```yaml\n")[2].partition("```")[0]
    assert load_flow(text, "arrears.yaml", catalog=Catalog(speech=True)).issues == []
    assert [issue.code for issue in load_flow(text, "arrears.yaml", catalog=Catalog(speech=False)).issues] == [
        "no-recogniser"
    ]
    plan = compile_plan({"arrears": load(text, "arrears.yaml")}, calendars(), "arrears")
    found = {result.name: [issue.message for issue in result.failures] for result in run_tests(plan)}
    assert list(found.values()) == [[], []]
