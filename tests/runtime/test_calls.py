"""What callers do, and the whole record that is left of it: cause, outcome, goals, path with exits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest

from cti.core.events import DigitPressed, LookupEnded
from cti.switch.embedded import HangUp, Hear, Keys, Wait

from .platform import Platform, legs, path, summary, uuid_of, whole

SLOW = 0.35


def end(cause: str, outcome: str, nodes: str, *goals: str) -> tuple[Any, ...]:
    """``nodes``: ``node>exit`` separated by blanks."""
    steps = [step.replace("case1", "case 1").split(">") for step in nodes.split()]
    return (cause, outcome, goals, [(node, exit) for node, exit in steps])


CALLS = {
    "balance": ("balance", (), end("flow_end", "told", "hi>next who>ok known>case1 tell>next bye>end", "balance")),
    "hangs up in the balance": (
        "balance",
        (Hear("You have"), HangUp()),
        end("caller_hangup", "", "hi>next who>ok known>case1 tell>hangup"),
    ),
    "another language": (
        "lingo",
        (Hear("Press 1"), Keys("*"), Hear("请按1"), Keys("1")),
        end("flow_end", "done", "main>star other>next main>1 bye>end"),
    ),
    "type-ahead": ("menu", (Keys("27", 0.05),), end("flow_end", "seven", "hi>next main>2 second>7 seven>end")),
    "typed within the prompt": (
        "menu",
        (Hear("Main"), Keys("1")),
        end("flow_end", "one", "hi>next main>1 one>end"),
    ),
    "no input": ("menu", (), end("flow_end", "quiet", "hi>next main>no_input quiet>end")),
    "no match": (
        "menu",
        (Hear("Main"), Keys("9"), Hear("Main"), Keys("#")),
        end("flow_end", "wrong", "hi>next main>no_match wrong>end"),
    ),
    "wrong, then right": (
        "menu",
        (Hear("Main"), Keys("9"), Hear("Main"), Keys("1")),
        end("flow_end", "one", "hi>next main>1 one>end"),
    ),
    "collect, ended by hash": (
        "collect",
        (Hear("code"), Keys("123#", 0.05)),
        end("flow_end", "filled", "ask>filled ok>end"),
    ),
    "collect, full": ("collect", (Hear("code"), Keys("1234", 0.05)), end("flow_end", "filled", "ask>filled ok>end")),
    "collect, too few": (
        "collect",
        (Hear("code"), Keys("12#", 0.05)),
        end("flow_end", "wrong", "ask>no_match wrong>end"),
    ),
    "collect, silence": ("collect", (), end("flow_end", "quiet", "ask>no_input quiet>end")),
    "another flow": (
        "over",
        (Hear("Main"), Keys("1")),
        end("flow_end", "one", "hi>next go>flow hi>next main>1 one>end"),
    ),
    "subflow, good": (
        "outer",
        (Hear("Rate"), Keys("5")),
        end("flow_end", "rated", "sub>good ask>5 good>end fine>next bye>end", "rated"),
    ),
    "subflow, bad": ("outer", (Hear("Rate"), Keys("1")), end("flow_end", "poor", "sub>bad ask>1 bad>end poor>end")),
    "message": ("sms", (), end("flow_end", "sent", "send>sent bye>end")),
    "a prompt that is not there": ("lost_file", (), end("flow_end", "heard", "tune>next hi>next bye>end")),
    "an error, mended": ("mended", (), end("flow_end", "mended", "first>error sorry>next never>end")),
    "two errors": ("broken", (), end("system_error", "", "first>error sorry>next again>error")),
    "the longest time": ("limit", (), end("limit", "cut", "long>limit enough>next over>end")),
}


@pytest.mark.parametrize(("flow", "script", "expected"), CALLS.values(), ids=list(CALLS))
def test_a_call_and_its_record(platform: Platform, flow: str, script: Any, expected: tuple[Any, ...]) -> None:
    caller = platform.call(flow, *script)
    detail = platform.over(caller)
    assert whole(detail) == expected
    assert detail.call.answered_at is not None or flow == "sms"  # which may be over before the answer is through
    assert legs(detail) == [("caller", caller.cause)]


def test_the_balance_of_this_subscriber_is_spoken(platform: Platform) -> None:
    caller = platform.call("balance")
    platform.over(caller)
    assert platform.spoken(caller) == ["Hi.", "You have 88.50 Chinese yuan."]


def late(seconds: float, ended: LookupEnded) -> Callable[[float], LookupEnded]:
    def ask(_deadline_s: float) -> LookupEnded:
        gevent.sleep(seconds)  # the back office takes its time
        return ended

    return ask


def never(_deadline_s: float) -> LookupEnded:
    gevent.sleep(60)
    raise AssertionError("the deadline is the engine's")


def broken(_deadline_s: float) -> LookupEnded:
    raise RuntimeError("a bug in a connector")


LOOKUPS = {
    "slow": (late(SLOW, LookupEnded(0, "not_found")), ["Hi.", "Wait."], "unknown", "who>not_found unknown>end"),
    "overdue": (never, ["Hi.", "Wait."], "slow", "who>timeout slow>end"),
    "not found": (late(0, LookupEnded(0, "not_found")), ["Hi."], "unknown", "who>not_found unknown>end"),
    "broken": (broken, ["Hi."], "unknown", "who>error unknown>end"),
}


@pytest.mark.parametrize(("answer", "spoken", "outcome", "nodes"), LOOKUPS.values(), ids=list(LOOKUPS))
def test_lookups(
    platform: Platform, answer: Callable[[float], LookupEnded], spoken: list[str], outcome: str, nodes: str
) -> None:
    platform.lookups.instead = answer
    caller = platform.call("balance")
    assert whole(platform.over(caller)) == end("flow_end", outcome, f"hi>next {nodes}")
    assert platform.spoken(caller) == spoken


VOICEMAIL = {
    "done by silence": (3.0, (), "kept", "speak>done done>end"),
    "nothing said": (0.0, (), "silence", "speak>silence silence>end"),
    "done by hash": (9.0, (Hear("Speak."), Wait(2.6), Keys("#")), "kept", "speak>done done>end"),
    "too short": (9.0, (Hear("Speak.", ended=True), Wait(1.0), Keys("#")), "short", "speak>too_short short>end"),
}


@pytest.mark.parametrize(("speaks_s", "script", "outcome", "nodes"), VOICEMAIL.values(), ids=list(VOICEMAIL))
def test_voicemail(platform: Platform, speaks_s: float, script: Any, outcome: str, nodes: str) -> None:
    caller = platform.call("voice", *script)
    caller.speaking_s = speaks_s
    assert whole(platform.over(caller)) == end("flow_end", outcome, nodes)
    store = platform.application.accounts.store.recordings
    platform.until(lambda: [one.state for one in store.of_call(uuid_of(caller))] == ["sealed"], "it is sealed")


TRANSFERS = {
    "answered": ("dial", {"answer_after": 0.1, "hangup_after": 0.4}, "talked", "call>talked survey>next bye>end"),
    "busy": ("dial", {"refuse": "USER_BUSY"}, "busy", "call>busy busy>end"),
    "refused": ("dial", {"refuse": "CALL_REJECTED"}, "busy", "call>busy busy>end"),
    "not answered": ("dial", {"answer_after": None}, "nobody", "call>no_answer nobody>end"),
    "not registered": ("dial", {"registered": False}, "nobody", "call>no_answer nobody>end"),
    "out of order": ("dial", {"refuse": "DESTINATION_OUT_OF_ORDER"}, "failed", "call>failed failed>end"),
    "a number outside": ("out", {}, "talked", "call>talked survey>next bye>end"),
    "a number that nobody allowed": ("denied_out", {}, "denied", "call>denied denied>end"),
}


@pytest.mark.parametrize(("flow", "phone", "outcome", "nodes"), TRANSFERS.values(), ids=list(TRANSFERS))
def test_transfers(platform: Platform, flow: str, phone: dict[str, Any], outcome: str, nodes: str) -> None:
    platform.phone("1001", **phone)
    far = platform.switch.core.directory
    far.outside_default = type(far.outside_default)(answer_after=0.1, hangup_after=0.3)
    detail = platform.over(platform.call(flow))
    goals = ("helped",) if outcome == "talked" else ()
    assert whole(detail) == end("flow_end", outcome, nodes, *goals)
    role = "number" if flow == "out" else "extension"
    other = [(role, "NORMAL_CLEARING")] if outcome == "talked" else []
    assert legs(detail) == [("caller", "NORMAL_CLEARING"), *other]


def test_the_far_legs_number_and_times_are_on_record(platform: Platform) -> None:
    platform.phone("1001", answer_after=0.1, hangup_after=0.3)
    detail = platform.over(platform.call("dial"))
    found = platform.application.store.find_call(detail.call.call_id, unmask=True)
    assert found is not None
    caller, other = found.legs
    assert other.number == "1001"
    assert other.ended_at is not None
    assert caller.ended_at is not None
    assert caller.added_at < other.added_at < other.ended_at < caller.ended_at


def test_a_dead_trunk_is_passed_over_and_a_busy_number_is_not_dialled_twice(platform: Platform) -> None:
    directory = platform.switch.core.directory
    directory.gateways["carrier"] = False
    directory.outside_default = type(directory.outside_default)(answer_after=0.1, hangup_after=0.2)
    assert summary(platform.over(platform.call("out"))) == ("flow_end", "talked", ("helped",))
    directory.gateways["carrier"] = True
    directory.outside_default = type(directory.outside_default)(refuse="USER_BUSY")
    caller = platform.call("out")
    detail = platform.over(caller)
    assert summary(detail) == ("flow_end", "busy", ())
    bridges = [e for e in platform.events(detail.call.call_id, "CHANNEL_EXECUTE") if e.get("Application") == "bridge"]
    assert [str(e.get("Application-Data")).rpartition("]")[2] for e in bridges] == [
        "sofia/gateway/carrier/8613900000001"
    ]


def test_keys_belong_to_the_talk_while_people_talk(platform: Platform) -> None:
    platform.phone("1001", answer_after=0.1)
    caller = platform.call("queue")
    platform.until(lambda: platform.events(uuid_of(caller), "CHANNEL_BRIDGE"), "they talk")
    caller.press("1")  # while waiting it would mean: leave the line
    uuid = caller.channel.uuid if caller.channel else ""
    platform.until(lambda: platform.events(uuid, "DTMF"), "the key has arrived")
    for phone in platform.switch.core.directory.phones["1001"].calls:
        phone.channel.hangup("NORMAL_CLEARING")
    detail = platform.over(caller)
    assert whole(detail) == end("flow_end", "talked", "agent>talked survey>next bye>end", "helped")


def test_an_unanswered_call_has_no_time_of_answer(platform: Platform) -> None:
    caller = platform.call("long", hangup_after_s=0.0)
    detail = platform.over(caller)
    assert (detail.call.answered_at, path(detail)) == (None, [("talk", "hangup"), ("last", "sent"), ("gone", "end")])
    assert detail.call.terminal_cause == "caller_hangup"


@pytest.mark.parametrize("gap_s", [0.0, 0.005, 0.011, 0.02, 0.033, 0.05])
def test_prompts_that_are_interrupted_again_and_again_never_mix(platform: Platform, gap_s: float) -> None:
    """Each key stops a prompt, which may not even have begun, and the next one follows at once: whenever the break
    comes, it stops that one and no other, and nothing is ever played inside something else."""
    caller = platform.call("lingo", Hear("Press 1"), Keys("*" * 7, gap_s))
    lane = platform.driver.legs[platform.actor(caller).uuid].lane

    def quiet() -> bool:
        keys = platform.events(uuid_of(caller), "DTMF")
        return len(keys) == 7 and caller.log[-1].text == "请按1。" and caller._playing == 0 and lane.running is None

    platform.until(quiet, "the seventh change of language is spoken to its end")
    caller.press("1")
    detail = platform.over(caller)
    nodes = " ".join(["main>star other>next"] * 7)
    assert whole(detail) == end("flow_end", "done", f"{nodes} main>1 bye>end")
    told = platform.events(detail.call.call_id, "PLAYBACK_START", "PLAYBACK_STOP")
    assert [e.name for e in told] == ["PLAYBACK_START", "PLAYBACK_STOP"] * (len(told) // 2)
    stops = [str(e.get("Playback-Status")) for e in told if e.name == "PLAYBACK_STOP"]
    assert stops[-1] == "done"
    assert set(stops[:-1]) <= {"break", "done"}  # on a machine that stalls, one may have been spoken to its end
    assert "break" in stops
    assert platform.spoken(caller)[-1] == "请按1。"


def test_a_prompt_that_is_stopped_before_it_has_begun_is_not_heard(platform: Platform) -> None:
    """Seven changes of mind within one media frame: the breaks come before their prompts have begun, where the switch
    forgets them."""
    caller = platform.call("lingo")
    platform.heard(caller, "Press 1.")
    actor = platform.actor(caller)
    for _ in range(7):
        actor.post(DigitPressed("*"))
    lane = platform.driver.legs[actor.uuid].lane
    platform.until(
        lambda: caller.log[-1].text == "请按1。" and caller._playing == 0 and lane.running is None, "the last prompt"
    )
    caller.press("1")
    detail = platform.over(caller)
    assert summary(detail) == ("flow_end", "done", ())
    told = platform.events(detail.call.call_id, "PLAYBACK_START", "PLAYBACK_STOP")
    assert [e.name for e in told] == ["PLAYBACK_START", "PLAYBACK_STOP"] * (len(told) // 2)
    assert [(heard.text, heard.interrupted) for heard in caller.log] == [("Press 1.", True), ("请按1。", False)]
