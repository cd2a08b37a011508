"""English: eighty-eight point five zero Chinese yuan, March second twenty twenty-six, ten oh five A.M.

Up to 99 a number is one word, hundreds are one word each; numbers without "and", times by the 12-hour clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time
from decimal import Decimal

from cti.flow.spoken.currencies import CURRENCIES, currency_names
from cti.flow.spoken.decimals import split_decimal


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ONES = _list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = _list("twenty thirty forty fifty sixty seventy eighty ninety")
_SMALL = (*_ONES, *(tens + (f"-{_ONES[one]}" if one else "") for tens in _TENS for one in range(10)))
_HUNDREDS = tuple(f"{_ONES[n]} hundred" for n in range(1, 10))
_SCALES = (
    (10**18, "quintillion"),
    (10**15, "quadrillion"),
    (10**12, "trillion"),
    (10**9, "billion"),
    (10**6, "million"),
    (10**3, "thousand"),
)
_NUMBER = (*_SMALL, *_HUNDREDS, *(name for _, name in _SCALES), "point", "minus")
_MONTHS = _list("January February March April May June July August September October November December")
_ORDINALS = _list(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third "
    "twenty-fourth twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
)
_UNITS = ("day", "hour", "minute", "second")
_SIGNS = {"+": "plus", "*": "star", "#": "pound"}
_OH = "oh"  # of 10:05 and 1905
_HALVES = ("A.M.", "P.M.")


def _whole(n: int) -> list[str]:
    """n < 10^21."""
    words: list[str] = []
    for size, name in _SCALES:
        count, n = divmod(n, size)
        if count:
            words += [*_below_1000(count), name]
    return words + (_below_1000(n) if n or not words else [])


def _below_1000(n: int) -> list[str]:
    hundreds, rest = divmod(n, 100)
    words = [_HUNDREDS[hundreds - 1]] if hundreds else []
    return words + ([_SMALL[rest]] if rest or not hundreds else [])


def _year(year: int) -> list[str]:
    century, rest = divmod(year, 100)
    if year < 1000 or year % 1000 < 10:
        return _whole(year)
    if not rest:
        return [_SMALL[century], "hundred"]
    return [_SMALL[century], *([_OH] if rest < 10 else []), _SMALL[rest]]


class English:
    """Implements `cti.flow.spoken.Words`."""

    def number(self, value: Decimal) -> list[str] | None:
        negative, whole, decimals = split_decimal(value)
        if whole >= 10**21:
            return None
        words = (["minus"] if negative else []) + _whole(whole)
        return words + (["point", *(_ONES[int(digit)] for digit in decimals)] if decimals else [])

    def count(self, value: int) -> list[str] | None:
        return self.number(Decimal(value))

    def money(self, value: Decimal, currency: str) -> list[str] | None:
        words = self.number(value)
        if currency not in CURRENCIES or words is None:
            return None
        if value * 100 % 10 == 0 and value % 1:
            words.append(_ONES[0])  # 88.50 is said with its zero
        one, several = currency_names(currency, "en_US")
        return [*words, one if abs(value) == 1 else several]

    def digits(self, text: str) -> list[str] | None:
        words = [_ONES[int(char)] if char in "0123456789" else _SIGNS.get(char) for char in text]
        return None if None in words else [word for word in words if word]

    def date(self, value: date) -> list[str]:
        return [_MONTHS[value.month - 1], _ORDINALS[value.day - 1], *_year(value.year)]

    def time(self, value: time) -> list[str]:
        words = [_SMALL[value.hour % 12 or 12]]
        if value.minute:
            words += [*([_OH] if value.minute < 10 else []), _SMALL[value.minute]]
        return [*words, _HALVES[value.hour >= 12]]

    def duration(self, counts: Sequence[tuple[int, str]]) -> list[str]:
        return [word for count, unit in counts for word in (*_whole(count), unit if count == 1 else f"{unit}s")]

    def vocabulary(self, kind: str) -> tuple[str, ...]:
        base, _, currency = kind.partition(":")
        if base == "money":
            return (*_NUMBER, *currency_names(currency, "en_US"))
        return {
            "number": _NUMBER,
            "digits": (*_ONES[:10], *_SIGNS.values()),
            "date": (*_MONTHS, *_ORDINALS, *_SMALL, *_HUNDREDS, "thousand", "hundred", _OH),
            "time": (*_SMALL[:60], _OH, *_HALVES),
            "duration": (*_NUMBER, *_UNITS, *(f"{unit}s" for unit in _UNITS)),
        }[base]
