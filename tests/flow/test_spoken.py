"""Every value in words: understood as the value, and never a word outside the vocabulary that is rendered ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cti.flow import speech
from cti.flow.speech import Spoken
from cti.flow.spoken import KINDS, PAUSE, SPOKEN_CURRENCIES, find_words
from tests.flow import spoken_readers as read

LANGUAGES = ("zh-CN", "en-US")
CENTS = Decimal("0.01")
MOST = 10**12
amounts = st.decimals(-MOST, MOST, places=2)
wholes = st.one_of(st.integers(0, 20_100), st.integers(0, 10**18), st.integers(0, 18).map(lambda n: 10**n))


def words(text: str, language: str, kind: str) -> tuple[str, ...]:
    """The words of a value, all listed."""
    assert isinstance(text, Spoken), text
    vocabulary = find_words(language)
    assert vocabulary is not None
    assert set(text.words) - set(vocabulary.vocabulary(kind)) == set()
    return text.words


def han(reader: Callable[[str], Any]) -> Callable[[Sequence[str]], Any]:
    return lambda found: reader("".join(found))


@given(wholes)
@example(2)
@example(110)
@example(100_110_010)
@example(10**16)
@pytest.mark.parametrize(("language", "reader"), [("zh-CN", han(read.han_whole)), ("en-US", read.english_whole)])
def test_whole_numbers(language: str, reader: Callable[[Sequence[str]], int], value: int) -> None:
    assert reader(words(speech.say_number(value, language), language, "number")) == value
    assert reader(words(speech.say_count(value, language), language, "number")) == value


@given(st.one_of(amounts, st.decimals(-1000, 1000, places=12)))
@pytest.mark.parametrize(("language", "reader"), [("zh-CN", han(read.han_number)), ("en-US", read.english_number)])
def test_numbers_with_decimals(language: str, reader: Callable[[Sequence[str]], Decimal], value: Decimal) -> None:
    text = speech.say_number(value, language)
    assert reader(words(text, language, "number")) == value
    assert Decimal(text.replace("负", "-")) == value  # what is shown is what is said


@given(amounts)
@example(Decimal("-0.01"))
@example(Decimal("2.22"))
@example(Decimal("10.05"))
def test_chinese_money(value: Decimal) -> None:
    assert read.han_money(words(speech.say_money(value, "zh-CN"), "zh-CN", "money:CNY")) == value


@given(st.decimals(-MOST, MOST, places=4), st.sampled_from(SPOKEN_CURRENCIES))
@example(Decimal(1), "USD")
@example(Decimal("88.5"), "CNY")
def test_money_by_the_names_of_currencies(value: Decimal, currency: str) -> None:
    value = value.quantize(CENTS, rounding=ROUND_HALF_UP)
    found = words(speech.say_money(value, "en-US", currency), "en-US", f"money:{currency}")
    assert read.english_number(found[:-1]) == value
    found = words(speech.say_money(value, "zh-CN", currency), "zh-CN", f"money:{currency}")
    if currency != "CNY":
        assert read.han_number("".join(found[:-1])) == value


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
@example(date(1900, 2, 22))
@example(date(1905, 12, 31))
@example(date(2000, 1, 20))
@example(date(2009, 1, 3))
@pytest.mark.parametrize(("language", "reader"), [("zh-CN", read.han_date), ("en-US", read.english_date)])
def test_dates(language: str, reader: Callable[[Sequence[str]], date], value: date) -> None:
    assert reader(words(speech.say_date(value, language), language, "date")) == value


@given(st.dates())
@pytest.mark.parametrize(("language", "reader"), [("zh-CN", read.han_date), ("en-US", read.english_date)])
def test_any_date_at_all(language: str, reader: Callable[[Sequence[str]], date], value: date) -> None:
    assert reader(words(speech.say_date(value, language), language, "date")) == value


@pytest.mark.parametrize(("language", "reader"), [("zh-CN", read.han_time), ("en-US", read.english_time)])
def test_every_minute_of_the_day(language: str, reader: Callable[[Sequence[str]], time]) -> None:
    for value in (time(hour, minute) for hour in range(24) for minute in range(60)):
        assert reader(words(speech.say_time(value, language), language, "time")) == value


@given(st.one_of(st.integers(0, 99 * 3600), st.integers(0, 10**9)))
@pytest.mark.parametrize(("language", "whole"), [("zh-CN", han(read.han_whole)), ("en-US", read.english_whole)])
def test_durations(language: str, whole: Callable[[Sequence[str]], int], seconds: int) -> None:
    found = words(speech.say_duration(timedelta(seconds=seconds), language), language, "duration")
    assert read.duration(found, whole) == timedelta(seconds=seconds)


@given(st.text("0123456789+*# ", max_size=40))
def test_digits(text: str) -> None:
    signs = text.replace(" ", "")
    chinese = words(speech.say_digits(text, "zh-CN"), "zh-CN", "digits")
    assert chinese == tuple(
        {"+": "加", "*": "星号", "#": "井号"}.get(char) or "零一二三四五六七八九"[int(char)] for char in signs
    )
    english = words(speech.say_digits(text, "en-US"), "en-US", "digits")
    names = {"+": "plus", "*": "star", "#": "pound"}
    assert [names.get(char) or read.ENGLISH.get(word) for char, word in zip(signs, english, strict=True)] == [
        names.get(char) or int(char) for char in signs
    ]


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        (speech.say_money, "八十八 元 五角", "eighty-eight point five zero Chinese yuan"),
        (speech.say_number, "八十八 点 五", "eighty-eight point five"),
    ],
)
def test_as_it_is_heard(text: Callable[[Decimal, str], Any], chinese: str, english: str) -> None:
    spoken = [" ".join(text(Decimal("88.5"), language).words) for language in LANGUAGES]
    assert spoken == [chinese, english]


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (Decimal("2"), "二", "two"),
        (
            Decimal("1002019"),
            "一百 万 两千 零 一十九",
            "one million two thousand nineteen",
        ),
        (timedelta(hours=2, minutes=12), "两 小时 十二 分钟", "two hours twelve minutes"),
        (
            datetime(2026, 3, 2, 2, 5),
            "二 零 二 六 年 三月 二日 | 两 点 零 五 分",
            "March second twenty twenty-six | two oh five A.M.",
        ),
        ((1, 2), "一 | 二", "one | two"),
    ],
)
def test_values_by_their_type(value: Any, chinese: str, english: str) -> None:
    said = [speech.say_value(value, language) for language in LANGUAGES]
    spoken = [
        " ".join(word if word != PAUSE else "|" for word in text.words) for text in said if isinstance(text, Spoken)
    ]
    assert spoken == [chinese, english]


@pytest.mark.parametrize(
    "text",
    [
        speech.say_number(5, "fr-FR"),
        speech.say_money(5, "zh-TW"),
        speech.say_money(5, "zh-CN", "XYZ"),
        speech.say_digits("AB 12", "en-US"),
        speech.say_value(("王芳", 2), "zh-CN"),
        speech.say_money(5, "zh-CN") + "",
        speech.say_number(10**21, "en-US"),
    ],
)
def test_what_has_no_words_is_a_text(text: str) -> None:
    assert type(text) is str
    assert text


@pytest.mark.parametrize("language", LANGUAGES)
def test_vocabularies_are_small_and_speakable(language: str) -> None:
    found = find_words(language)
    assert found is not None
    every = [word for kind in KINDS for word in found.vocabulary(kind)]
    assert all(word == word.strip() != "" for word in every)
    assert len(set(every)) < 260
    assert len(set(found.vocabulary("digits"))) == 13
