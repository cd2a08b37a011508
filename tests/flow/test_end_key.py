"""A hash behind the last digit of an entry that ends by itself only ends it, unless the next question takes a hash."""

from __future__ import annotations

import pytest

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Run
from tests.flow.flowkit import NOW, Call, plan_of, say

HEAD = 'vars: {pin: "text?", more: "text?", amount: "decimal?"}'
ENTRY = "a: {type: collect, say: 请输入四位密码。, save: pin, digits: {min: 4, max: 4}, to: {filled: b, else: bye}}"
MENU = "b: {type: menu, say: 请选择。, keys: {1: bye}, to: {else: bye}}"
WITH_HASH = (
    "b: {type: menu, say: 请选择。, keys: {1: bye, hash: back}, to: {else: bye}}\nback: {type: end, outcome: back}"
)
PLAY = "b: {type: play, say: 谢谢。}"
BYE = "bye: {type: end, outcome: bye}"


def keys(text: str) -> list[e.DigitPressed]:
    return [e.DigitPressed(key) for key in text]


def begun(*nodes: str) -> Call:
    """A call in which the entry has been asked for."""
    call = Call(plan_of("\n".join((*nodes, BYE)), HEAD))
    call.start()
    return call


def left(sprint: c.Sprint) -> list[str]:
    return [f"{work.node}: {work.exit}" for work in sprint if isinstance(work, c.NodeLeft)]


def said(sprint: c.Sprint) -> list[c.AudioPart]:
    return [part for work in sprint if isinstance(work, c.Play) for part in work.parts]


def test_a_menu_without_hash_does_not_hear_it() -> None:
    call = begun(ENTRY, MENU)
    assert said(call.feed(*keys("1234"))) == [say("请选择。")]
    assert call.feed(*keys("#")) == []
    assert call.run.waiting == {"flow": "t", "node": "b", "type": "menu", "for": ["prompt"]}
    assert left(call.feed(*keys("1"))) == ["b: 1", "bye: end"]


def test_a_menu_with_hash_takes_it() -> None:
    call = begun(ENTRY, WITH_HASH)
    assert left(call.feed(*keys("1234#"))) == ["a: filled", "b: hash", "back: end"]


def test_only_the_very_next_key_is_the_end() -> None:
    call = begun(ENTRY, MENU)
    call.feed(*keys("1234#"))
    again = call.feed(*keys("#"))
    assert [type(work) for work in again] == [c.StopPlay, c.Play]  # no match: asked again
    other = begun(ENTRY, MENU)
    other.feed(*keys("12349"))
    assert left(other.feed(*keys("#"))) == ["b: no_match", "bye: end"]  # the second key that leads nowhere


def test_after_the_question_and_a_silence_it_is_an_answer() -> None:
    call = begun(ENTRY, MENU)
    call.feed(*keys("1234"))
    ref = next(ref for ref, (kind, _) in call.run.pending.items() if kind == "play")
    (timer,) = call.feed(e.PlayEnded(ref))
    assert isinstance(timer, c.StartTimer)
    assert call.feed(*keys("#")) == []  # still the very next key; the silence goes on
    call = begun(ENTRY, MENU)
    call.feed(*keys("1234"))
    ref = next(ref for ref, (kind, _) in call.run.pending.items() if kind == "play")
    call.feed(e.PlayEnded(ref))
    call.feed(e.TimerFired(next(iter(call.run.pending))))
    assert [type(work) for work in call.feed(*keys("#"))] == [c.StopPlay, c.Play]


@pytest.mark.parametrize(
    ("asked", "after_play", "then"),
    [
        (MENU.replace("b:", "m:"), [say("请选择。")], ["b: next"]),
        (WITH_HASH.replace("b:", "m:"), [], ["b: next", "m: hash", "back: end"]),
    ],
)
def test_it_skips_nothing_and_waits_for_the_question(
    asked: str, after_play: list[c.AudioPart], then: list[str]
) -> None:
    call = begun(ENTRY, PLAY, asked)
    assert said(call.feed(*keys("1234"))) == [say("谢谢。")]
    assert call.feed(*keys("#")) == []
    (ref,) = call.run.pending
    sprint = call.feed(e.PlayEnded(ref))
    assert said(sprint) == after_play
    assert left(sprint) == then


def test_typed_ahead_in_one_go() -> None:
    """All keys come while the flow still greets: the hash between the entry and the choice is its end."""
    call = begun("a: {type: play, say: 您好。}", ENTRY.replace("a:", "e:"), MENU)
    assert left(call.feed(*keys("1"))) == ["a: next"]
    assert left(call.feed(*keys("234#1"))) == ["e: filled", "b: 1", "bye: end"]


def test_before_the_same_key_typed_ahead() -> None:
    slow = "a: {type: play, say: 您好。, barge_in: false}"
    call = begun(slow, ENTRY.replace("a:", "e:"), MENU)
    call.feed(*keys("1234#1"))
    (ref,) = call.run.pending
    assert left(call.feed(e.PlayEnded(ref))) == ["a: next", "e: filled", "b: 1", "bye: end"]


def test_another_entry_is_not_ended_before_it_begins() -> None:
    second = "b: {type: collect, say: 请再输入。, save: more, digits: {min: 1, max: 3}, to: {filled: bye, else: bye}}"
    call = begun(ENTRY, second)
    call.feed(*keys("1234"))
    assert call.feed(*keys("#")) == []
    assert left(call.feed(*keys("56#"))) == ["b: filled", "bye: end"]
    assert call.run.frames[0].variables["more"] == "56"


def test_the_end_key_of_the_entry_is_meant_and_not_hash() -> None:
    star = ENTRY.replace("max: 4", "max: 4, end: star")
    call = begun(star, MENU)
    call.feed(*keys("1234"))
    assert call.feed(*keys("*")) == []
    call = begun(star, MENU)
    call.feed(*keys("1234"))
    assert [type(work) for work in call.feed(*keys("#"))] == [c.StopPlay, c.Play]
    amount = "b: {type: collect, say: 金额。, save: amount, to: {filled: bye, else: bye}}"
    call = begun(star, amount)
    call.feed(*keys("1234*5#"))  # star is the point of an amount
    assert call.run.frames[0].variables["amount"] is not None


def test_it_does_not_confirm_what_is_being_read_back() -> None:
    confirmed = ENTRY.replace("to: {filled: b,", "confirm: true, to: {filled: b, refused: bye,")
    call = begun(confirmed, MENU)
    sprint = call.feed(*keys("1234"))
    assert "1 2 3 4" in str(said(sprint))
    assert call.feed(*keys("#")) == []
    assert left(call.feed(*keys("#"))) == ["a: filled"]  # a second one answers
    call = begun(confirmed, MENU)
    call.feed(*keys("1234"))
    (ref,) = call.run.pending
    call.feed(e.PlayEnded(ref))
    assert left(call.feed(*keys("#"))) == ["a: filled"]  # so does the first, when all has been heard


def test_typed_ahead_it_does_not_confirm_either() -> None:
    slow = "a: {type: play, say: 您好。, barge_in: false}"
    entry = ENTRY.replace("a:", "e:").replace("to: {filled: b,", "confirm: true, to: {filled: b, refused: bye,")
    call = begun(slow, entry, MENU)
    call.feed(*keys("1234#"))
    (ref,) = call.run.pending
    assert "1 2 3 4" in str(said(call.feed(e.PlayEnded(ref))))


def test_an_entry_refused_by_its_pattern_is_asked_again_in_peace() -> None:
    call = begun(ENTRY.replace("max: 4", 'max: 4, pattern: "9.*"'), MENU)
    assert said(call.feed(*keys("1234"))) == [say("请输入四位密码。")]
    assert call.feed(*keys("#")) == []


@pytest.mark.parametrize(
    ("node", "goes_on"),
    [
        ("b: {type: queue, queue: service, keys: {1: bye}, to: {else: bye}}", False),
        ("b: {type: queue, queue: service, keys: {hash: bye}, to: {else: bye}}", True),
        ('b: {type: transfer, dial: {extension: "1001"}, to: {else: bye}}', False),
        ("b: {type: recording, do: start, consent: true, to: {else: bye}}", False),
        ("b: {type: voicemail, to: {else: bye}}", False),
        ('b: {type: callback, number: "13800000000", confirm: true, to: {else: bye}}', False),
    ],
)
def test_where_else_keys_are_taken(node: str, goes_on: bool) -> None:
    call = begun(ENTRY, node)
    call.feed(*keys("1234"))
    assert bool(call.feed(*keys("#"))) is goes_on
    assert call.run.ended is goes_on


def test_a_run_that_waits_for_it_is_restored_with_it() -> None:
    for typed in ("1234", "1234#"):
        call = begun(ENTRY, PLAY, WITH_HASH.replace("b:", "m:"))
        call.feed(*keys(typed))
        twin = Run.load(call.plan, call.run.dump())
        assert twin.state() == call.run.state()
        (ref,) = twin.pending
        twin.feed(e.PlayEnded(ref), NOW)
        assert twin.ended is typed.endswith("#")
