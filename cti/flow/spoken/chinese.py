"""Mandarin: 八十八 元 五角, 一万 零 五十, 二 零 二 六 年 三月 二日.

Up to 99 a number is one word, because joined syllables of a short number sound chopped; hundreds and thousands are one
word each. Two of something is 两 (两元, 两小时), in other places 二. Grouping is by 万 and 亿; a gap is read as one 零.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal

from cti.flow.spoken.currencies import CURRENCIES, currency_names
from cti.flow.spoken.decimals import split_decimal

_DIGITS = "零一二三四五六七八九"
_COUNTED = "零一两三四五六七八九"
_SIGNS = {"+": "加", "*": "星号", "#": "井号"}
_UNITS = {"day": "天", "hour": "小时", "minute": "分钟", "second": "秒"}


def _below_100(n: int) -> str:
    tens, ones = divmod(n, 10)
    if not tens:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


_SMALL = tuple(map(_below_100, range(100)))
_TEENS = tuple("一" + _SMALL[n] for n in range(10, 20))  # inside a longer number: 一百 一十二
_HUNDREDS = tuple(digit + "百" for digit in _DIGITS[1:])
_THOUSANDS = tuple(digit + "千" for digit in _COUNTED[1:])
_MONTHS = tuple(_SMALL[n] + "月" for n in range(1, 13))
_DAYS = tuple(_SMALL[n] + "日" for n in range(1, 32))
_JIAO = tuple(digit + "角" for digit in _COUNTED[1:])
_FEN = tuple(digit + "分" for digit in _COUNTED[1:])
_NUMBER = (*_SMALL, *_TEENS, "两", *_HUNDREDS, *_THOUSANDS, "万", "亿", "点", "负")


def _section(n: int, leading: bool) -> list[str]:
    """0 < n < 10,000. ``leading``: nothing was said before it."""
    words: list[str] = []
    thousands, rest = divmod(n, 1000)
    hundreds, rest = divmod(rest, 100)
    if thousands:
        words.append(_THOUSANDS[thousands - 1])
    if hundreds:
        words.append(_HUNDREDS[hundreds - 1])
    if rest:
        if words and (rest < 10 or not hundreds):
            words.append(_DIGITS[0])
        inside = bool(words) or not leading
        words.append(_TEENS[rest - 10] if inside and 10 <= rest < 20 else _SMALL[rest])
    return words


def _whole(n: int, leading: bool = True) -> list[str]:
    if n == 0:
        return [_DIGITS[0]]
    for size, name in ((10**8, "亿"), (10**4, "万")):
        count, rest = divmod(n, size)
        if count:
            words = [*_count(count, leading), name]
            if rest:
                words += [_DIGITS[0]] if rest < size // 10 else []
                words += _whole(rest, leading=False)
            return words
    return _section(n, leading)


def _count(n: int, leading: bool = True) -> list[str]:
    return ["两"] if n == 2 else _whole(n, leading)


class Chinese:
    """Implements `cti.flow.spoken.Words`."""

    def number(self, value: Decimal) -> list[str]:
        negative, whole, decimals = split_decimal(value)
        words = (["负"] if negative else []) + _whole(whole)
        return words + (["点", *(_DIGITS[int(digit)] for digit in decimals)] if decimals else [])

    def count(self, value: int) -> list[str]:
        return _count(value)

    def money(self, value: Decimal, currency: str) -> list[str] | None:
        if currency not in CURRENCIES:
            return None
        if currency != "CNY":
            words = ["两"] if value == 2 else self.number(value)
            return [*words, currency_names(currency, "zh_Hans")[1]]
        whole, cents = divmod(int(abs(value) * 100), 100)
        jiao, fen = divmod(cents, 10)
        words = ["负"] if value < 0 else []
        if whole or not cents:
            words += [*_count(whole), "元"]
        if jiao:
            words.append(_JIAO[jiao - 1])
        elif fen and whole:
            words.append(_DIGITS[0])
        return words + ([_FEN[fen - 1]] if fen else [])

    def digits(self, text: str) -> list[str] | None:
        words = [_DIGITS[int(char)] if char in "0123456789" else _SIGNS.get(char) for char in text]
        return None if None in words else [word for word in words if word]

    def date(self, value: date) -> list[str]:
        year = [_DIGITS[int(digit)] for digit in str(value.year)]
        return [*year, "年", _MONTHS[value.month - 1], _DAYS[value.day - 1]]

    def time(self, value: time) -> list[str]:
        hour = _count(value.hour)
        if not value.minute:
            return [*hour, "点整"]
        zero = [_DIGITS[0]] if value.minute < 10 else []
        return [*hour, "点", *zero, _SMALL[value.minute], "分"]

    def duration(self, counts: Sequence[tuple[int, str]]) -> list[str]:
        return [word for count, unit in counts for word in (*_count(count), _UNITS[unit])]

    def vocabulary(self, kind: str) -> tuple[str, ...]:
        base, _, currency = kind.partition(":")
        if base == "money":
            own = ("元", *_JIAO, *_FEN) if currency == "CNY" else (currency_names(currency, "zh_Hans")[1],)
            return (*_NUMBER, *own)
        return {
            "number": _NUMBER,
            "digits": (*_DIGITS, *_SIGNS.values()),
            "date": (*_DIGITS, "年", *_MONTHS, *_DAYS),
            "time": (*_SMALL[:60], "两", "点", "点整", "分"),
            "duration": (*_NUMBER, *_UNITS.values()),
        }[base]
