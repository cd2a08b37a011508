"""Filled-in texts taken apart: the pieces, their pauses, and that each of them was listed before the call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.core import commands as c
from cti.core import events as e
from cti.flow import Plan, list_fixed_prompts
from cti.flow.builtin_texts import offer_text, say_text
from cti.flow.phrases import Filled, fixed_pieces, make_say
from cti.flow.speech import say_count, say_digits, say_duration, say_money, say_number
from tests.flow.flowkit import PAUSES, Call, plan_of, said, say

MONEY = say_money(Decimal("88.5"), "zh-CN")
WORDS = ("八十八", "元", "五角")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["您好。"], say("您好。")),
        (["您的余额是", MONEY, "。"], said("您的余额是88元5角。", "您的余额是", *WORDS)),
        (["余额：", MONEY, "，谢谢！"], said("余额：88元5角，谢谢！", "余额：", ",", *WORDS, ",", "谢谢！")),
        ([MONEY, "。”（", MONEY, "）"], said("88元5角。”（88元5角）", *WORDS, ".", *WORDS)),
        ([" ", MONEY, " % ", MONEY, " "], said("88元5角 % 88元5角", *WORDS, "%", *WORDS)),
        (["a\n", MONEY, "\x00，\u2028b"], said("a 88元5角 ， b", "a", *WORDS, ",", "b")),
        (["，。", "  "], say("，。")),
        ([" ", ""], None),
        (["您好", Filled("王芳"), "。"], say("您好王芳。", fixed=False)),  # nothing to gain: whole
    ],
)
def test_pieces_and_pauses(pieces: list[str | Filled], expected: c.Say | None) -> None:
    assert make_say([Filled(p) if p is MONEY else p for p in pieces], "zh-CN") == expected


def test_what_is_free_is_rendered_for_the_call_and_keeps_its_taint() -> None:
    made = make_say(["尊敬的", Filled("王芳\n", sensitive=True), "，余额", Filled(MONEY), "。"], "zh-CN")
    name = say("王芳", fixed=False, sensitive=True)
    pieces = (say("尊敬的"), name, PAUSES[","], say("余额"), *map(say, WORDS))
    assert made == c.Say("尊敬的王芳 ，余额88元5角。", "zh-CN", False, True, pieces)


@given(st.lists(st.one_of(st.text(max_size=12), st.decimals(-(10**12), 10**12, places=2)), max_size=6))
def test_pieces_are_audible_and_pauses_stand_between_them(given: list[str | Decimal]) -> None:
    parts: list[str | Filled] = [p if isinstance(p, str) else Filled(say_number(p, "en-US")) for p in given]
    made = make_say(parts, "en-US")
    if made is None or not made.pieces:
        return
    assert not isinstance(made.pieces[0], c.Pause)
    assert not isinstance(made.pieces[-1], c.Pause)
    paused = [isinstance(piece, c.Pause) for piece in made.pieces]
    assert not any(one and other for one, other in pairwise(paused))
    texts = [piece.text for piece in made.pieces if isinstance(piece, c.Say)]
    assert all(text == text.strip() != "" for text in texts)
    heard = [char for text in texts for char in text if char.isalpha()]
    shown = [c for p in parts for c in (p if isinstance(p, str) else "".join(p.text.words)) if c.isalpha()]  # type: ignore[attr-defined]
    assert heard == shown
    listed = fixed_pieces([p for p in parts if isinstance(p, str)], "en-US")
    assert [piece for piece in made.pieces if piece in listed] == listed


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            say_text("confirm", "zh-CN", say_digits("10", "zh-CN")),
            said(
                "您输入的是1 0。确认请按1，重新输入请按2。", "您输入的是", "一", "零", ".", "确认请按1，重新输入请按2。"
            ),
        ),
        (
            say_text("position", "zh-CN", say_count(2, "zh-CN")),
            said("您前面还有2位。", "您前面还有", "两", "位。"),
        ),
        (
            say_text("wait", "en-US", say_duration(timedelta(minutes=2), "en-US")),
            said("The expected wait is 2 minutes.", "The expected wait is", "two", "minutes", language="en-US"),
        ),
        (offer_text("callback", "#", "zh-CN"), say("如需我们给您回电，请按井号。")),
    ],
)
def test_built_in_texts(made: c.Say, expected: c.Say) -> None:
    assert made == expected


# ---- what is listed --------------------------------------------------------------------------------------------------

HEAD = """
languages: {default: zh-CN, also: [en-US]}
inputs:
  {n: int, d: decimal, day: date, at: time, moment: datetime, span: duration, tel: "phone!", sums: "list[decimal]"}
vars: {size: "int?", born: "date?", number: "phone?", clock: "time?"}
"""
SPEAKING = [
    "${n}", "${money(d)}", "${money(d, 'USD')}", "${money(d, 'XYZ')}", "${money(d, tel)}", "${number(d)}", "${day}",
    "${at}", "${moment}", "${span}", "${digits(tel)}", "${digits(n)}", "${tel}", "${n if n > 3 else 2}", "${n + d}",
    "${default(size, d)}", "${money(d) if n > 3 else 'nothing'}", "${sums}", "${moment - moment}", "${last4(tel)}",
    "${money(d) + date(day)}", "${min(n, d)}",
]  # fmt: skip


def inputs(n: int, d: Decimal) -> dict[str, object]:
    return {
        "n": n, "d": d, "day": "2026-03-02", "at": "09:05", "moment": "2026-03-02T14:00+08:00",
        "span": f"{abs(n) % 10**7}s", "tel": "13800001234", "sums": [d, d + 1],
    }  # fmt: skip


def spoken(sprint: c.Sprint) -> Iterator[c.Say]:
    """The fixed pieces in what is played."""
    for work in sprint:
        for part in work.parts if isinstance(work, c.Play) else ():
            for piece in (part.pieces or (part,)) if isinstance(part, c.Say) else ():
                if isinstance(piece, c.Say) and piece.fixed:
                    yield c.Say(piece.text, piece.language)


def two(text: str) -> str:
    return f'{{zh-CN: "甲，{text}。", en-US: "One {text}, two."}}'


PLAYED = plan_of(
    "a: {type: play, list: [" + ", ".join(map(two, SPEAKING)) + "], next: b}\n"
    f"b: {{type: play, say: {two('${item}')}, each: =sums, next: c}}\n"
    "c: {type: end}",
    HEAD,
)


@given(st.integers(-(10**9), 10**12), st.decimals(-(10**12), 10**12, places=2), st.sampled_from(["zh-CN", "en-US"]))
def test_no_value_needs_a_piece_that_is_not_listed(n: int, d: Decimal, language: str) -> None:
    call = Call(PLAYED, **inputs(n, d), language=language)
    said_now = list(spoken(call.start() + call.feed(e.PlayEnded(2))))
    assert len(said_now) > 60
    assert {say.language for say in said_now} == {language}
    assert set(said_now) - set(list_fixed_prompts(PLAYED)) == set()


READ_BACK = """
a: {type: collect, say: "x", save: %s, confirm: true, %s to: {else: z}}
z: {type: end}
"""


@pytest.mark.parametrize(
    ("name", "keys"), [("size", "12#"), ("born", "19900102"), ("number", "13800001234#"), ("clock", "0930")]
)
@pytest.mark.parametrize("words", ["", 'confirm_say: {zh-CN: "是${value}吗？", en-US: "Is it ${value}?"},'])
def test_what_is_read_back_is_listed(name: str, keys: str, words: str) -> None:
    nodes = READ_BACK.replace('"x"', '{zh-CN: "请", en-US: "Please"}') % (name, words)
    plan = plan_of(nodes, HEAD)
    call = Call(plan, **inputs(1, Decimal(1)))
    call.start()
    said_now = list(spoken(call.feed(*map(e.DigitPressed, keys))))
    assert len(said_now) > 2
    assert set(said_now) - set(list_fixed_prompts(plan)) == set()


QUEUE = """
a:
  type: queue
  queue: service
  announce: {every: 30s, position: true, wait: true}
  keys: {1: back, hash: z}
  offer: {back: "= ewt > seconds(0)", z: "= position > 0"}
  to: {else: z}
back: {type: callback, when: now, number: =tel, to: {else: z}}
z: {type: end}
"""


@given(st.integers(1, 5000), st.one_of(st.none(), st.floats(0, 400_000)))
def test_what_a_queue_says_is_listed(position: int, ewt: float | None) -> None:
    plan = plan_of(QUEUE, HEAD)
    call = Call(plan, **inputs(1, Decimal(1)))
    ref = next(work.ref for work in call.start() if isinstance(work, c.EnterQueue))
    said_now = list(spoken(call.feed(e.QueueAnnounced(ref, position, ewt))))
    assert said_now
    assert set(said_now) - set(list_fixed_prompts(plan)) == set()


def listed(plan: Plan, language: str) -> set[str]:
    return {say.text for say in list_fixed_prompts(plan) if say.language == language}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${text(tel)}是您", set()),
        ("${tel}是您", set()),
        ("您好${money(d, 'XYZ')}", set()),
        ("是${digits(tel)}", {"是", *"零一二三四五六七八九", "加", "星号", "井号"}),
    ],
)
def test_words_are_listed_only_where_they_are_used(text: str, expected: set[str]) -> None:
    head = HEAD.replace("\nlanguages: {default: zh-CN, also: [en-US]}", "")
    plan = plan_of(f'a: {{type: play, say: "{text}", next: z}}\nz: {{type: end}}', head)
    assert listed(plan, "zh-CN") == expected


def test_a_message_is_text_and_nothing_of_it_is_listed() -> None:
    nodes = 'a: {type: message, recipient: =tel, text: "余额${money(d)}。", to: {else: z}}\nz: {type: end}'
    plan = plan_of(nodes, HEAD.replace("\nlanguages: {default: zh-CN, also: [en-US]}", ""))
    [sent] = [work for work in Call(plan, **inputs(1, Decimal("2.5"))).start() if isinstance(work, c.SendMessage)]
    assert (sent.text, type(sent.text)) == ("余额2元5角。", str)
    assert list_fixed_prompts(plan) == []
