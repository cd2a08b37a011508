# ruff: noqa: E501
"""Conversations by text: an SMS or a chat goes through the same nodes as a call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Run, load_flow
from cti.flow.flowtests import run_tests
from tests.flow.flowkit import CATALOG, NOW, Call, flow_text
from tests.flow.flowkit import unproved_plan_of as plan_of  # the queue of these flows cannot work by text

HEAD = """
languages: {default: zh-CN, also: [en-US]}
media: sms
inputs: {caller: "phone?!"}
vars: {month: "text?", paid: "decimal?", born: "date?", at: "time?", pin: "text?!", line: "enum[mobile, fixed]?", n: "int?"}
"""
SERVICE = """
a:
  type: menu
  say: {zh-CN: "查余额请回复CXYE，查账单请回复CXZD，人工服务请回复0。", en-US: "Reply CXYE for your balance, CXZD for your bill."}
  keys: {1: balance, 2: which, 0: people}
  words: {1: [CXYE, 余额], 2: CXZD}
  to: {else: nothing}
balance: {type: play, say: {zh-CN: "余额88元。", en-US: "Your balance is 88."}}
more: {type: play, say: {zh-CN: "谢谢。", en-US: "Thank you."}, next: bye}
which: {type: collect, say: {zh-CN: "哪个月？", en-US: "Which month?"}, save: month, digits: {pattern: "[0-9]{6}"}, confirm: true, to: {filled: bill, refused: nothing, else: nothing}}
bill: {type: play, say: {zh-CN: "${default(month, '')}的账单是5元。", en-US: "The bill is 5."}, next: bye}
people: {type: queue, queue: service, to: {else: bye}}
bye: {type: end, outcome: done}
nothing: {type: end, outcome: nothing}
"""
TESTS = """
tests:
  - {name: one message in and one out, script: [text: cxye, hear: "余额88元。\\n谢谢。"], strict: true, expect: {outcome: done, within: 0s, language: zh-CN}}
  - {name: a full stop and wide letters, script: [text: " ＣＸＹＥ。", hear: 余额], strict: true, expect: {outcome: done}}
  - {name: a key is as good, script: [text: "1", hear: 余额], strict: true, expect: {outcome: done}}
  - {name: asked again, script: [text: hello, hear: 查余额请回复, text: 余额, hear: 余额88], strict: true, expect: {outcome: done}}
  - {name: twice nothing, script: [text: hello, hear: 查余额, text: world], expect: {outcome: nothing}}
  - {name: who writes has ten minutes, script: [text: hello, wait: 590s, text: cxye, hear: 余额88], expect: {outcome: done}}
  - {name: who does not write any more, script: [text: hello, wait: 610s, hear: 查余额, wait: 610s], expect: {outcome: nothing}}
  - {name: typed in and confirmed, script: [text: CXZD, hear: 哪个月, text: "202603", hear: 确认请按1, text: 是, hear: 202603的账单], expect: {outcome: done, variables: {month: "202603"}}}
  - {name: no month, script: [text: CXZD, hear: 哪个月, text: March, hear: 哪个月, text: "202603", hear: 确认, text: "2", hear: 哪个月, text: "202604", hear: 确认, text: "2"], expect: {outcome: nothing}}
  - {name: in English, given: {language: en-US}, script: [text: CXYE, hear: "Your balance is 88.\\nThank you."], expect: {outcome: done}}
  - {name: nobody can be rung, script: [text: "0"], expect: {reason: system_error}}
  - {name: by chat, given: {medium: chat}, script: [text: hello, wait: 170s, hear: 查余额, wait: 15s, hear: 查余额], expect: {at: a}}
"""


def test_self_service_by_sms() -> None:
    loaded = load_flow(flow_text(SERVICE, HEAD) + TESTS, "t.yaml", catalog=CATALOG)
    assert loaded.draft is not None, loaded.issues
    plan = plan_of(SERVICE, HEAD)
    results = run_tests(plan, loaded.draft)
    assert len(results) == 12
    assert {r.name: [f.message for f in r.failures] for r in results if r.failures} == {}


def test_nothing_is_played_answered_or_limited() -> None:
    call = Call(plan_of(SERVICE, HEAD), medium="sms")
    works = call.feed(e.TextReceived("hello")) + call.start() + call.feed(e.TextReceived("余额"))
    kinds = {type(work) for work in works}
    assert kinds.isdisjoint({c.Play, c.Answer})
    assert [w.seconds for w in works if isinstance(w, c.StartTimer)] == [600.0]
    assert [type(w) for w in works][-3:] == [c.Reply, c.Hangup, c.RunEnded]


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("paid", "12.5", "12.5"), ("paid", "１２", "12"), ("paid", "many", None), ("born", "2026-03-02", "2026-03-02"),
        ("born", "20260302", "2026-03-02"), ("born", "2026/03/02", "2026-03-02"), ("born", "2026-02-30", None),
        ("at", "9:30", "09:30:00"), ("at", "0930", "09:30:00"), ("at", "late", None), ("pin", "a b", "a b"),
        ("line", "FIXED", "fixed"), ("line", "both", None), ("n", "7", "7"), ("n", "7.5", None),
        ("caller", "138 0000 0000", "13800000000"), ("caller", "who", None),
    ],
)  # fmt: skip
def test_answers_by_the_type_of_the_variable(kind: str, written: str, value: str | None) -> None:
    nodes = f"""
    a: {{type: collect, say: {{zh-CN: "请回复", en-US: "Reply"}}, save: {kind}, reprompt: {{no_match: 0}}, to: {{filled: yes_, else: no_}}}}
    yes_: {{type: end, outcome: filled}}
    no_: {{type: end, outcome: no_match}}
    """
    call = Call(plan_of(nodes, HEAD), medium="sms")
    call.start()
    ended = call.feed(e.TextReceived(written))[-1]
    assert isinstance(ended, c.RunEnded)
    assert ended.outcome == ("no_match" if value is None else "filled")
    found: Any = call.run.frames[0].variables[kind]
    assert (None if found is None else found.isoformat() if hasattr(found, "isoformat") else str(found)) == value


def test_a_sensitive_text_is_in_no_note() -> None:
    nodes = """
    a: {type: collect, say: {zh-CN: "密码", en-US: "PIN"}, save: pin, to: {else: bye}}
    bye: {type: end}
    """
    call = Call(plan_of(nodes, HEAD), medium="chat")
    call.start()
    works = call.feed(e.TextReceived("geheim42"))
    assert "geheim42" not in repr([w for w in works if isinstance(w, c.NodeLeft | c.Reply)])
    assert "geheim42" not in repr(call.run.public_variables())


def test_texts_that_come_early_wait_for_the_question_and_are_bounded() -> None:
    run = Run(plan_of(SERVICE, HEAD), {"medium": "sms"}, now=NOW)
    run.feed(e.TextReceived("nonsense"), NOW)
    run.feed(e.TextReceived("CXYE"), NOW)
    run = Run.restore(run.plan, json.loads(json.dumps(run.state())))
    replies = [w.text for w in run.start(NOW) if isinstance(w, c.Reply)]
    assert replies == ["余额88元。\n谢谢。"]


@pytest.mark.parametrize(
    ("words", "code"),
    [("{1: CXYE, 2: cxye}", "duplicate-key"), ('{1: "2"}', "duplicate-key"), ("{7: CXYE}", "unknown-key"), ("{x: CXYE}", "unknown-key")],
)  # fmt: skip
def test_words_that_cannot_be_told_apart(words: str, code: str) -> None:
    nodes = f'a: {{type: menu, say: "x", keys: {{1: b, 2: b}}, words: {words}, to: {{else: b}}}}\nb: {{type: end}}'
    loaded = load_flow(flow_text(nodes), "t.yaml", catalog=CATALOG)
    assert [issue.code for issue in loaded.errors] == [code]
