"""The interpreter: tables of events and the whole sprint expected. Every run is restored before every event."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cti.core import commands as c
from cti.core import events as e
from tests.flow.flowkit import Call, plan_of, said, say, shipped_plan, unproved_plan_of

WELCOME = say("欢迎致电客户服务热线。")
MAIN = say("查话费请按1，换语言请按星号，人工服务请按0。")


def ask(ref: int, parts: tuple[c.AudioPart, ...]) -> c.Play:
    """Any key stops it, at the switch already."""
    return c.Play(ref, parts, "0123456789*#")


def at_main(**inputs: object) -> Call:
    call = Call(shipped_plan(), **inputs)
    call.start()
    call.feed(e.PlayEnded(2), e.LookupEnded(3, "ok", {"tier": "vip", "balance": Decimal("88.50")}))
    return call


def test_the_example_to_its_balance_and_the_callers_hangup() -> None:
    call = Call(shipped_plan(), caller="13800000000", line="mobile")
    assert call.start() == [
        c.Answer(),
        c.StartTimer(1, 900.0),
        c.NodeEntered("hotline", "welcome", "play", 1),
        ask(2, (WELCOME,)),
    ]
    assert call.feed(e.PlayEnded(2)) == [
        c.NodeLeft("hotline", "welcome", 1, "next"),
        c.NodeEntered("hotline", "who", "lookup", 1),
        c.Lookup(3, "subscriber.get", {"msisdn": "13800000000"}, 2.0),
        c.StartTimer(4, 0.8),
    ]
    assert call.feed(e.LookupEnded(3, "ok", {"tier": "vip", "balance": Decimal("88.50"), "name": "王芳"})) == [
        c.CancelTimer(4),
        c.NodeLeft("hotline", "who", 1, "ok", "ok"),
        c.NodeEntered("hotline", "open", "hours", 1),
        c.NodeLeft("hotline", "open", 1, "open"),
        c.NodeEntered("hotline", "main", "menu", 1),
        ask(5, (MAIN,)),
    ]
    assert call.feed(e.DigitPressed("1")) == [
        c.StopPlay(5),
        c.NodeLeft("hotline", "main", 1, "1", "1"),
        c.NodeEntered("hotline", "known", "branch", 1),
        c.NodeLeft("hotline", "known", 1, "case 1"),
        c.NodeEntered("hotline", "tell", "play", 1),
        ask(6, (said("您的余额是88元5角。", "您的余额是", "八十八", "元", "五角"),)),
    ]
    assert call.feed(e.PlayEnded(5)) == []  # the late ending of what was stopped
    assert call.feed(e.PlayEnded(6)) == [
        c.NodeLeft("hotline", "tell", 1, "next"),
        c.GoalReached("balance"),
        c.NodeEntered("hotline", "main", "menu", 2),
        ask(7, (MAIN,)),
    ]
    assert call.feed(e.HungUp("NORMAL_CLEARING")) == [
        c.NodeLeft("hotline", "main", 2, "hangup"),
        c.CancelTimer(1),
        c.NodeEntered("hotline", "leave", "end", 1),
        c.NodeLeft("hotline", "leave", 1, "end"),
        c.RunEnded("", "hangup"),
    ]
    assert call.run.ended
    assert call.feed(e.HungUp("NORMAL_CLEARING"), e.DigitPressed("1"), e.TimerFired(1), e.PlayEnded(7)) == []


def test_star_changes_the_language() -> None:
    call = at_main(caller="13800000000")
    assert call.feed(e.DigitPressed("*"))[-2:] == [
        c.NodeEntered("hotline", "main", "menu", 2),
        ask(
            6,
            (
                say(
                    "For your balance press 1, for Chinese press star, for an agent press 0.",
                    language="en-US",
                ),
            ),
        ),
    ]
    assert call.feed(e.DigitPressed("1"))[-1] == ask(
        7,
        (
            said(
                "Your balance is 88.50 Chinese yuan.",
                *("Your balance is", "eighty-eight", "point", "five", "zero", "Chinese yuan"),
                language="en-US",
            ),
        ),
    )


def test_a_goal_is_reached_once() -> None:
    call = at_main(caller="13800000000")
    sprint = call.feed(e.DigitPressed("1"), e.PlayEnded(6), e.DigitPressed("1"), e.PlayEnded(8))
    assert [work for work in sprint if isinstance(work, c.GoalReached)] == [c.GoalReached("balance")]
    assert sprint[-1] == ask(9, (MAIN,))


def test_what_was_begun_while_looking_up_is_said_to_its_end() -> None:
    call = Call(shipped_plan(), caller="13800000000")
    call.start()
    call.feed(e.PlayEnded(2))
    assert call.feed(e.TimerFired(4)) == [c.Play(5, (say("请稍候。"),))]
    assert call.feed(e.LookupEnded(3, "ok", {"tier": "vip", "balance": "1"})) == []
    assert call.feed(e.PlayEnded(5))[0] == c.NodeLeft("hotline", "who", 1, "ok", "ok")


def test_typed_ahead_during_the_look_up() -> None:
    call = Call(shipped_plan(), caller="13800000000")
    call.start()
    assert call.feed(e.DigitPressed("1")) == [  # stops the welcome, and is kept
        c.StopPlay(2),
        c.NodeLeft("hotline", "welcome", 1, "next", "stopped by a key"),
        c.NodeEntered("hotline", "who", "lookup", 1),
        c.Lookup(3, "subscriber.get", {"msisdn": "13800000000"}, 2.0),
        c.StartTimer(4, 0.8),
    ]
    entered = [
        work.node
        for work in call.feed(e.LookupEnded(3, "ok", {"tier": "vip", "balance": 1}))
        if isinstance(work, c.NodeEntered)
    ]
    assert entered == ["open", "main", "known", "tell"]


def test_after_the_hangup_a_message_still_goes_out() -> None:
    nodes = """
a: {type: play, say: "x"}
b: {type: end}
gone: {type: message, recipient: =caller, text: "谢谢", to: {else: speak}}
speak: {type: play, say: "nobody hears this", next: b}
"""
    call = Call(plan_of(nodes, 'inputs: {caller: "phone?!"}\non: {hangup: gone}'), caller="13800000000")
    call.start()
    assert call.feed(e.HungUp("X")) == [
        c.NodeLeft("t", "a", 1, "hangup"),
        c.CancelTimer(1),
        c.NodeEntered("t", "gone", "message", 1),
        c.SendMessage(3, "sms", "13800000000", "谢谢", "t.gone.1"),
        c.StartTimer(4, 10.0),
    ]
    assert call.feed(e.HungUp("X"), e.DigitPressed("1")) == []  # told twice
    assert call.feed(e.MessageEnded(3, "sent")) == [
        c.CancelTimer(4),
        c.NodeLeft("t", "gone", 1, "sent", "sent"),
        c.RunEnded("", "hangup"),
    ]


def test_leaving_a_queue_by_a_key_keeps_the_place_for_a_callback() -> None:
    call = at_main(caller="13800000000")
    entered = call.feed(e.DigitPressed("0"))[-1]
    assert entered == c.EnterQueue(
        6,
        "service",
        skills={"lang.zh-CN": 3, "billing": 3},
        relax=((20.0, {"billing": 1}), (45.0, {})),
        priority=10,
        prefer="last",
        prefer_s=15.0,
        max_wait_s=600.0,
        announce_every_s=30.0,
        whisper=(say("vip客户，查话费。", fixed=False),),
    )
    assert call.feed(e.DigitPressed("7")) == []
    assert call.feed(e.DigitPressed("1")) == [
        c.LeaveQueue(6, keep_place=True),
        c.StartTimer(7, 900.0),
        c.NodeLeft("hotline", "agent", 1, "1", "1"),
        c.NodeEntered("hotline", "call_me", "callback", 1),
        c.RequestCallback(8, "13800000000", "now", "service", True),
    ]


def test_hangup_in_a_queue_is_not_leaving_it() -> None:
    call = at_main(caller="13800000000")
    call.feed(e.DigitPressed("0"))
    assert not [work for work in call.feed(e.HungUp("X")) if isinstance(work, c.LeaveQueue)]


def test_going_over_to_another_flow() -> None:
    plan = plan_of("a: {type: transfer, dial: {flow: csat}}", csat=shipped_plan().flows["csat"])
    call = Call(plan)
    assert [type(work).__name__ for work in call.start()] == [
        "Answer",
        "StartTimer",
        "NodeEntered",
        "CancelTimer",
        "StartTimer",
        "NodeLeft",
        "NodeEntered",
        "Play",
    ]
    assert call.run.waiting == {"flow": "csat", "node": "ask", "type": "menu", "for": ["prompt"]}
    call.feed(e.DigitPressed("1"))
    assert call.feed(e.PlayEnded(4))[-1] == c.RunEnded("rated", "flow_end", {"score": 3})


def test_without_answering() -> None:
    nodes = 'a: {type: play, say: "早期媒体"}\nb: {type: menu, say: "?", keys: {1: c}, to: {else: c}}\nc: {type: end}'
    call = Call(plan_of(nodes, "answer: false"))
    assert c.Answer() not in call.start()
    assert call.feed(e.PlayEnded(2))[1:] == [
        c.NodeEntered("t", "b", "menu", 1),
        c.Answer(),
        ask(3, (say("?"),)),
    ]


SECRET = """
a: {type: collect, say: "密码", save: pin, digits: {min: 4, max: 4}, to: {else: b}}
b: {type: set, set: {copy: "=default(pin, '')"}}
c: {type: play, say: "${digits(copy)}和${n}", next: d}
d: {type: collect, say: "号码", save: number, digits: {min: 11, max: 11}, to: {else: e}}
e: {type: end}
"""


def test_what_is_sensitive_is_masked_and_flows_on() -> None:
    call = Call(unproved_plan_of(SECRET, 'vars: {pin: "text?!", copy: "text = -", number: "phone?", n: "int = 1"}'))
    call.start()
    sprint = call.feed(*(e.DigitPressed(key) for key in "4711"))
    assert c.NodeLeft("t", "a", 1, "filled", "******") in sprint
    secret = [say(digit, sensitive=True) for digit in "四七一一"]
    pieces = (*secret, say("和"), say("一"))
    assert sprint[-1].parts == (c.Say("4 7 1 1和1", "zh-CN", False, True, pieces),)  # type: ignore[union-attr]
    play = sprint[-1]
    assert isinstance(play, c.Play)
    assert call.run.public_variables() == {"pin": "******", "copy": "******", "number": None, "n": 1}
    sprint = call.feed(e.PlayEnded(play.ref), *(e.DigitPressed(key) for key in "13800001234"))
    assert c.NodeLeft("t", "d", 1, "filled", "138****1234") in sprint


@pytest.mark.parametrize(
    "name",
    ["${system(id)}", "x%0AEvent-Name: CHANNEL_HANGUP", "Bob\n\napi system id", "'; DROP", "\u2028{now}", "\x00"],
)
def test_values_stay_literal_text(name: str) -> None:
    nodes = 'a: {type: play, say: "您好${name}。", next: b}\nb: {type: set, set: {name: =upper(name)}, next: c}\nc: {type: end}'  # noqa: E501
    call = Call(plan_of(nodes, "inputs: {name: text}"), name=name)
    play = call.start()[-1]
    assert isinstance(play, c.Play)
    spoken = "".join(" " if ord(char) < 32 or char == "\u2028" else char for char in name)
    assert play.parts == (say(f"您好{spoken}。", fixed=False),)
    call.feed(e.PlayEnded(play.ref))
    assert call.run.frames[0].variables["name"] == name.upper()


STOPPED_BY = """
  a: {{type: collect, save: number, digits: {{max: 4}}, say: "号码", to: {{filled: told, else: told}}}}
  told: {{type: play, say: "谢谢", barge_in: {barge_in}}}
  bye: {{type: end, outcome: done}}
"""


@pytest.mark.parametrize(("barge_in", "keys"), [("true", "0123456789*"), ("false", "")])
def test_a_key_that_only_ends_the_entry_before_stops_nothing(barge_in: str, keys: str) -> None:
    call = Call(plan_of(STOPPED_BY.format(barge_in=barge_in), "vars:\n  number: text?"))
    call.start()
    *_, last = call.feed(*(e.DigitPressed(digit) for digit in "1234"))
    assert isinstance(last, c.Play)
    assert last.keys == keys
    assert not call.feed(e.DigitPressed("#"))
