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
from tests.flow.flowkit import CATALOG, NOW, Call, flow_text, plan_of

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
people: {type: queue, queue: service, announce: {every: 20s, wait: true}, max_wait: 1h, keys: {9: bye}, to: {else: bye}}
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
  - {name: a person answers, given: {queue: {outcome: talked, after: 5m}}, script: [text: "0", text: 我想问一下, wait: 6m], expect: {outcome: done, queue: service}}
  - {name: told no more often than every ten minutes, given: {queue: {position: 1, ewt: 90s}}, script: [text: "0", wait: 9m, not_hear: 预计等待, wait: 2m, hear: 预计等待], expect: {at: people}}
  - {name: nobody answers in time, given: {queue: timeout}, script: [text: "0"], expect: {outcome: done}}
  - {name: a message of the key, given: {queue: {position: 1}}, script: [text: "0", text: 还要多久, text: "９。"], expect: {outcome: done}}
  - {name: by chat, given: {medium: chat}, script: [text: hello, wait: 170s, hear: 查余额, wait: 15s, hear: 查余额], expect: {at: a}}
"""


def test_self_service_by_sms() -> None:
    loaded = load_flow(flow_text(SERVICE, HEAD) + TESTS, "t.yaml", catalog=CATALOG)
    assert loaded.draft is not None, loaded.issues
    plan = plan_of(SERVICE, HEAD)
    results = run_tests(plan, loaded.draft)
    assert len(results) == 15
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


def test_in_a_queue_by_text_what_is_written_is_the_agents_and_keys_end_with_the_answer() -> None:
    call = Call(plan_of(SERVICE, HEAD), medium="chat")
    call.feed(e.TextReceived("0"))
    entered = next(w for w in call.start() if isinstance(w, c.EnterQueue))
    assert (entered.announce_every_s, entered.max_wait_s, entered.whisper) == (60.0, 3600.0, ())
    assert call.feed(e.TextReceived("hello?")) == []
    call.feed(e.QueueConnected(entered.ref, "anna"))
    assert call.feed(e.TextReceived("9")) == []
    assert isinstance(call.feed(e.QueueEnded(entered.ref, "talked"))[-1], c.RunEnded)


def test_what_is_kept_of_a_reply_shows_no_sensitive_value() -> None:
    nodes = """
    a: {type: collect, say: {zh-CN: "号码", en-US: "Number"}, save: caller, to: {filled: b, else: bye}}
    b: {type: play, say: {zh-CN: "${digits(caller)}已登记", en-US: "x"}, next: bye}
    bye: {type: end}
    """
    call = Call(plan_of(nodes, HEAD), medium="sms")
    call.start()
    reply = next(w for w in call.feed(e.TextReceived("13800000001")) if isinstance(w, c.Reply))
    assert "登记" in reply.text
    assert "登记" in reply.shown
    assert not any(digit in reply.shown for digit in "138")


def test_what_has_no_effect_by_text_or_fax_is_told_with_its_place() -> None:
    def found(head: str, options: str) -> list[str]:
        nodes = f"a: {{type: queue, queue: service, {options}}}\nb: {{type: end}}"
        loaded = load_flow(flow_text(nodes, head), "t.yaml", catalog=CATALOG)
        return [f"{issue.code} {issue.message}" for issue in loaded.errors]

    text = "languages: {default: en-US}\nmedia: [sms, chat]"
    whisper = "whisper: {en-US: hello}, to: {else: b}"
    assert found(text, "to: {else: b}") == []
    assert "nobody hears a whisper in a conversation by chat, sms" in found(text, whisper)[0]
    assert found("languages: {default: en-US}\nmedia: [voice, sms]", whisper) == []
    sound = "announce: {every: 60s, say: [{file: music.wav}]}, to: {else: b}"
    assert any("a sound cannot be sent" in one for one in found(text, sound))
    fax = 'languages: {default: en-US}\nmedia: fax\nvars: {d: "text?"}'
    assert "a queue by fax takes `document`" in found(fax, "to: {else: b}")[0]
    assert any("absent" in one for one in found(fax, "document: =d, to: {else: b}"))
    named = "document: '= default(d, \"\")', max_wait: 5m, keys: {1: b}, to: {else: b}"
    assert [one for one in found(fax, named) if "no effect by fax" in one] != []
    assert "a document comes by fax only" in found(text + "\nvars: {d: text = x}", "document: =d, to: {else: b}")[0]


def test_a_fax_that_cannot_be_received_needs_no_person() -> None:
    nodes = """
    a: {type: fax, do: receive, save: d, to: {ok: b, else: z}}
    b: {type: queue, queue: service, document: "= default(d, '')", to: {queued: z, else: z}}
    z: {type: end}
    """
    loaded = load_flow(flow_text(nodes, 'media: fax\nvars: {d: "text?"}'), "t.yaml", catalog=CATALOG)
    assert loaded.issues == []
