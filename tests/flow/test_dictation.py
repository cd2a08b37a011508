"""What is said, as one writes it: Chinese and English, in words, in figures and mixed."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.flow import types as t
from cti.flow.dictation import is_no, is_yes, understand
from cti.flow.nodes.written import parse_text
from cti.flow.speech import Spoken, say_date, say_digits, say_money, say_number, say_time

ZH, EN = "zh-CN", "en-US"


@pytest.mark.parametrize(
    ("kind", "said", "language", "written"),
    [
        ("phone", "一三八零零一三八零零零", ZH, "13800138000"),
        ("phone", "幺三八 〇〇一三 八〇〇〇。", ZH, "13800138000"),
        ("phone", "138-0013 8000", ZH, "13800138000"),
        ("phone", "one three eight double oh one", EN, "138001"),
        ("phone", "triple 5, 12 3", EN, "555123"),
        ("phone", "double double one", EN, "double double one"),
        ("phone", "one three eight double", EN, "one three eight double"),
        ("text", "四零九", ZH, "409"),
        ("text", "张三", ZH, "张三"),
        ("int", "十二", ZH, "12"),
        ("int", "一百一十", ZH, "110"),
        ("int", "两百五", ZH, "250"),
        ("int", "三万五", ZH, "35000"),
        ("int", "三万零五", ZH, "30005"),
        ("int", "一千零五十", ZH, "1050"),
        ("int", "3千", ZH, "3000"),
        ("int", "负三", ZH, "-3"),
        ("int", "一亿两千万", ZH, "120000000"),
        ("int", "〇一二", ZH, "12"),
        ("int", "百", ZH, "百"),
        ("int", "一百二三", ZH, "一百二三"),
        ("int", "一十百", ZH, "一十百"),
        ("int", "三万四万", ZH, "三万四万"),
        ("int", "one hundred and five", EN, "105"),
        ("int", "twelve thousand three hundred forty-five", EN, "12345"),
        ("int", "one two three", EN, "123"),
        ("int", "twenty three four", EN, "twenty three four"),
        ("int", "five twenty", EN, "five twenty"),
        ("int", "thousand", EN, "thousand"),
        ("decimal", "八十八块五", ZH, "88.5"),
        ("decimal", "八十八块五毛三", ZH, "88.53"),
        ("decimal", "三元零五分", ZH, "3.05"),
        ("decimal", "三元五分", ZH, "3.05"),
        ("decimal", "五毛", ZH, "0.5"),
        ("decimal", "一百元整", ZH, "100"),
        ("decimal", "一百点五", ZH, "100.5"),
        ("decimal", "88.5元", ZH, "88.5"),
        ("decimal", "eighty-eight point five", EN, "88.5"),
        ("decimal", "eighty eight yuan and fifty cents", EN, "88.50"),
        ("decimal", "fifty cents", EN, "0.50"),
        ("date", "二零二六年三月二号", ZH, "2026-03-02"),
        ("date", "2026年12月31日", ZH, "2026-12-31"),
        ("date", "二六年十二月二十一", ZH, "2026-12-21"),
        ("date", "二零二六年二月三十日", ZH, "二零二六年二月三十日"),
        ("date", "March second twenty twenty-six", EN, "2026-03-02"),
        ("date", "the 2nd of March, 2026", EN, "2026-03-02"),
        ("date", "July thirty first nineteen oh five", EN, "1905-07-31"),
        ("date", "May twentieth two thousand six", EN, "2006-05-20"),
        ("date", "February thirtieth two thousand six", EN, "February thirtieth two thousand six"),
        ("date", "March", EN, "March"),
        ("time", "下午三点半", ZH, "15:30"),
        ("time", "九点零五分", ZH, "09:05"),
        ("time", "晚上十二点", ZH, "00:00"),
        ("time", "中午十二点一刻", ZH, "12:15"),
        ("time", "二十五点", ZH, "二十五点"),
        ("time", "half past nine", EN, "09:30"),
        ("time", "quarter to one a.m.", EN, "00:45"),
        ("time", "nine oh five p.m.", EN, "21:05"),
        ("time", "twenty one thirty", EN, "21:30"),
        ("time", "13 pm", EN, "13 pm"),
        ("enum[red, blue]", "Blue.", EN, "Blue."),
        ("int", "douze", "fr-FR", "douze"),
    ],
)
def test_readings(kind: str, said: str, language: str, written: str) -> None:
    parsed = t.parse_type(kind)
    assert isinstance(parsed, t.Type)
    assert understand(parsed, said, language) == written


@pytest.mark.parametrize("language", [ZH, EN])
@pytest.mark.parametrize(("yes", "no"), [(("是的", "对。", "没错"), ("不对", "不是！"))])
def test_answers(language: str, yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    if language == EN:
        yes, no = ("Yes.", "that is right"), ("No!", "wrong")
    assert [is_yes(word, language) for word in (*yes, *no)] == [True] * len(yes) + [False] * len(no)
    assert [is_no(word, language) for word in (*yes, *no)] == [False] * len(yes) + [True] * len(no)
    assert not is_yes("perhaps", language)
    assert not is_yes("oui", "fr-FR")


def words_of(text: str, language: str) -> str:
    """What the platform itself would say."""
    assert isinstance(text, Spoken)
    return ("" if language == ZH else " ").join(text.words)


@pytest.mark.parametrize("language", [ZH, EN])
@given(number=st.integers(0, 10**9 - 1))
def test_numbers_as_the_platform_says_them_are_understood(language: str, number: int) -> None:
    said = words_of(say_number(number, language), language)
    assert parse_text(t.INT, understand(t.INT, said, language)) == number


@pytest.mark.parametrize("language", [ZH, EN])
@given(cents=st.integers(0, 10**8))
def test_amounts(language: str, cents: int) -> None:
    amount = Decimal(cents) / 100
    said = words_of(say_money(amount, language), language)
    assert parse_text(t.DECIMAL, understand(t.DECIMAL, said, language)) == amount


@pytest.mark.parametrize("language", [ZH, EN])
@given(day=st.dates(date(1901, 1, 1), date(2099, 12, 31)), clock=st.times())
def test_dates_and_times(language: str, day: date, clock: time) -> None:
    minute = clock.replace(second=0, microsecond=0, tzinfo=None)
    said_day, said_time = words_of(say_date(day, language), language), words_of(say_time(minute, language), language)
    assert parse_text(t.DATE, understand(t.DATE, said_day, language)) == day
    assert parse_text(t.TIME, understand(t.TIME, said_time, language)) == minute


@given(digits=st.text("0123456789", min_size=2, max_size=20))
def test_digits(digits: str) -> None:
    for language in (ZH, EN):
        said = words_of(say_digits(digits, language), language)
        assert understand(t.PHONE_TYPE, said, language) == digits


@given(
    kind=st.sampled_from(["phone", "text", "int", "decimal", "date", "time"]),
    language=st.sampled_from([ZH, EN]),
    said=st.one_of(
        st.text(max_size=60),
        st.text("零一二两三十百千万亿点元块角毛分年月日号时半刻负上下午 0123456789.", max_size=30),
        st.lists(
            st.sampled_from(
                "one two oh double twenty hundred thousand point and cents yuan march second half past to am pm".split()  # noqa: SIM905
            ),
            max_size=12,
        ).map(" ".join),
    ),
)
def test_any_words_give_a_text(kind: str, language: str, said: str) -> None:
    written = understand(t.Type(kind), said, language)
    if written != said and kind not in ("phone", "text"):
        assert parse_text(t.Type(kind), written) is not None
