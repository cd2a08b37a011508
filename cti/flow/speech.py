"""Values as they are said: text that a synthesiser of the language reads naturally.

Chinese money is said in 元, 角 and 分 ("88元5角"), the way people say it, because "88.50元" is read digit by digit
after the point; other languages use Babel's currency names. Digits are separated, so that no synthesiser makes a
number of them.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal
from babel.units import format_unit

CURRENCY = "CNY"


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


def say_money(amount: Decimal | int, language: str, currency: str = CURRENCY) -> str:
    """``88.5`` -> ``88元5角`` / ``88.50 Chinese yuan``; rounded to the cent, halves up."""
    value = Decimal(amount).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
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
    shown = format_decimal(value, format="0.############", locale=_locale(language))
    return shown.replace("-", "负", 1) if _chinese(language) else shown


def say_digits(text: str) -> str:
    return " ".join(char for char in text if not char.isspace())


def say_date(value: date, language: str) -> str:
    return format_date(value, "long", locale=_locale(language))


def say_time(value: time | datetime, language: str) -> str:
    clock = value.timetz() if isinstance(value, datetime) else value
    if _chinese(language):
        return f"{clock.hour}点{clock.minute}分" if clock.minute else f"{clock.hour}点整"
    return format_time(clock.replace(tzinfo=None), "short", locale=_locale(language)).replace("\u202f", " ")


def say_duration(value: timedelta, language: str) -> str:
    """Days, hours, minutes and seconds that are not zero; fractions of a second are dropped."""
    rest = int(abs(value.total_seconds()))
    parts: list[str] = []
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(_unit(count, unit, language))
    if not parts:
        parts.append(_unit(0, "second", language))
    return ("" if _chinese(language) else " ").join(parts)


_CHINESE_UNITS = {"day": "天", "hour": "小时", "minute": "分钟", "second": "秒"}


def _unit(count: int, unit: str, language: str) -> str:
    if _chinese(language):
        return f"{count}{_CHINESE_UNITS[unit]}"
    shown = format_unit(count, f"duration-{unit}", length="long", locale=_locale(language))
    # Babel hands back its own key where a locale has no pattern for the plural form.
    return f"{count} {unit}{'' if count == 1 else 's'}" if "duration-" in shown else shown


def say_value(value: Any, language: str) -> str:
    """A value put straight into a prompt (``${tier}``), by its Python type."""
    if isinstance(value, timedelta):
        return say_duration(value, language)
    if isinstance(value, datetime):
        return f"{say_date(value, language)} {say_time(value, language)}"
    if isinstance(value, date):
        return say_date(value, language)
    if isinstance(value, time):
        return say_time(value, language)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return say_number(value, language)
    if isinstance(value, tuple | list):
        return ("、" if _chinese(language) else ", ").join(say_value(item, language) for item in value)
    return str(value)
