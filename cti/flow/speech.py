"""Values as they are said: text that people read, and the words, rendered ahead, that it is spoken from.

Chinese money is said in 元, 角 and 分 ("88元5角"), the way people say it, because "88.50元" is read digit by digit
after the point; other languages use Babel's currency names. Digits are separated, so that no synthesiser makes a
number of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, get_decimal_symbol, get_minus_sign_symbol
from babel.units import format_unit

from cti.flow.spoken import PAUSE, find_words
from cti.flow.spoken.currencies import CURRENCY
from cti.flow.spoken.decimals import rounded


class Spoken(str):
    """A value as text; ``words`` say the same and are all in the language's vocabulary (`cti.flow.spoken`).

    Whatever makes another text of it (adding, cutting, storing in a variable) gives a plain text without words.
    """

    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str, words: Sequence[str] | None) -> str:
        """``text`` itself where there are no words for it."""
        if words is None:
            return text
        spoken = cls(text)
        spoken.words = tuple(words)
        return spoken


@cache
def find_locale(language: str) -> Locale | None:
    """Babel's locale for a language tag such as ``zh-CN``; None when it has none."""
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return None


def _locale(language: str) -> Locale:
    return find_locale(language) or Locale("en", "US")


def _chinese(language: str) -> bool:
    return language.split("-")[0] == "zh"


_CENT = Decimal("0.01")


def say_money(amount: Decimal | int, language: str, currency: str = CURRENCY) -> str:
    """``88.5`` -> ``88元5角`` / ``88.50 Chinese yuan``; rounded to the cent, halves up."""
    value = Decimal(amount).quantize(_CENT, rounding=ROUND_HALF_UP)
    words = find_words(language)
    return Spoken.of(_written_money(value, language, currency), words.money(value, currency) if words else None)


def _written_money(value: Decimal, language: str, currency: str) -> str:
    if not (_chinese(language) and currency == "CNY"):
        return format_currency(value, currency, locale=_locale(language), format_type="name")
    sign = "负" if value < 0 else ""
    whole, cents = divmod(int(abs(value) * 100), 100)
    jiao, fen = divmod(cents, 10)
    text = f"{whole}元" if whole or not cents else ""
    if jiao:
        text += f"{jiao}角"
    elif fen and whole:
        text += "零"
    return sign + text + (f"{fen}分" if fen else "")


def say_number(value: Decimal | int, language: str) -> str:
    """No grouping signs: "1,234" is read in pieces by some voices. Up to 12 decimals, as they are."""
    value = rounded(value)
    words = find_words(language)
    return Spoken.of(_written_number(value, language), words.number(value) if words else None)


def _written_number(value: Decimal, language: str) -> str:
    """Not by Babel's patterns: those fail beyond 28 digits."""
    locale = _locale(language)
    minus = "负" if _chinese(language) else get_minus_sign_symbol(locale)
    shown = format(abs(value), "f").replace(".", get_decimal_symbol(locale))
    return (minus if value < 0 else "") + shown


def say_count(value: int, language: str) -> str:
    """How many of something; Chinese says two of them in another way than the number."""
    words = find_words(language)
    return Spoken.of(str(value), words.count(value) if words else None)


def say_digits(text: str, language: str) -> str:
    signs = "".join(char for char in text if not char.isspace())
    words = find_words(language)
    return Spoken.of(" ".join(signs), words.digits(signs) if words else None)


def say_date(value: date, language: str) -> str:
    words = find_words(language)
    return Spoken.of(format_date(value, "long", locale=_locale(language)), words.date(value) if words else None)


def say_time(value: time | datetime, language: str) -> str:
    clock = value.timetz() if isinstance(value, datetime) else value
    if _chinese(language):
        shown = f"{clock.hour}点{clock.minute}分" if clock.minute else f"{clock.hour}点整"
    else:
        shown = format_time(clock.replace(tzinfo=None), "short", locale=_locale(language)).replace("\u202f", " ")
    words = find_words(language)
    return Spoken.of(shown, words.time(clock) if words else None)


def say_duration(value: timedelta, language: str) -> str:
    """Days, hours, minutes and seconds that are not zero; fractions of a second are dropped."""
    rest = int(abs(value.total_seconds()))
    counts: list[tuple[int, str]] = []
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, size)
        if count:
            counts.append((count, unit))
    counts = counts or [(0, "second")]
    shown = ("" if _chinese(language) else " ").join(_unit(count, unit, language) for count, unit in counts)
    words = find_words(language)
    return Spoken.of(shown, words.duration(counts) if words else None)


_CHINESE_UNITS = {"day": "天", "hour": "小时", "minute": "分钟", "second": "秒"}


def _unit(count: int, unit: str, language: str) -> str:
    if _chinese(language):
        return f"{count}{_CHINESE_UNITS[unit]}"
    shown = format_unit(count, f"duration-{unit}", length="long", locale=_locale(language))
    # Babel hands back its own key where a locale has no pattern for the plural form.
    return f"{count} {unit}{'' if count == 1 else 's'}" if "duration-" in shown else shown


def say_value(value: Any, language: str) -> str:
    """A value put straight into a prompt (``${tier}``), by its Python type."""
    if isinstance(value, Spoken):
        return value
    if isinstance(value, timedelta):
        return say_duration(value, language)
    if isinstance(value, datetime):
        return _together((say_date(value, language), say_time(value, language)), " ")
    if isinstance(value, date):
        return say_date(value, language)
    if isinstance(value, time):
        return say_time(value, language)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return say_number(value, language)
    if isinstance(value, tuple | list):
        items = [say_value(item, language) for item in value]
        return _together(items, "、" if _chinese(language) else ", ")
    return str(value)


def _together(items: Sequence[str], between: str) -> str:
    """One text of several; spoken from words when all of them are."""
    words: list[str] = []
    for item in items:
        if not isinstance(item, Spoken):
            return between.join(items)
        words += [PAUSE, *item.words] if words else item.words
    return Spoken.of(between.join(items), words)
