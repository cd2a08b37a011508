"""Words read back into values, written apart from what makes them: what a listener understands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal

HAN = {char: index for index, char in enumerate("零一二三四五六七八九")} | {"两": 2}
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
ENGLISH = {word: n for n, word in enumerate(_SMALL.split())}
ENGLISH |= {word: n for n, word in zip(range(20, 100, 10), _TENS.split(), strict=True)}
SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "quadrillion": 15, "quintillion": 18}
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12}
UNITS = {"天": 86400, "小时": 3600, "分钟": 60, "秒": 1, "day": 86400, "hour": 3600, "minute": 60, "second": 1}


def han_whole(text: str) -> int:
    """A Chinese numeral; a gap must be marked by exactly one 零, and no 零 may stand elsewhere."""
    if text == "零":
        return 0
    for sign, size in (("亿", 10**8), ("万", 10**4)):
        count, found, rest = text.rpartition(sign) if sign == "亿" else text.partition(sign)
        if found:
            assert count, text
            value = han_whole(rest.removeprefix("零")) if rest else 0
            assert rest.startswith("零") == (0 < value < size // 10), text
            return han_whole(count) * size + value
    total, digit, last, gap = 0, 0, 10**4, False
    for char in text:
        if char == "零":
            assert total, text
            assert not gap, text
            gap = True
        elif char in HAN:
            assert not digit, text
            digit = HAN[char]
        else:
            size = {"千": 1000, "百": 100, "十": 10}[char]
            assert size < last, text
            assert gap == (bool(total) and size * 10 < last), text
            total, digit, last, gap = total + (digit or 1) * size, 0, size, False
    assert not digit or gap == (bool(total) and last > 10), text
    return total + digit


def han_number(text: str) -> Decimal:
    negative, text = text.startswith("负"), text.removeprefix("负")
    whole, point, decimals = text.partition("点")
    assert bool(point) == bool(decimals)
    digits = "".join(str(HAN[char]) for char in decimals)
    return Decimal(f"{'-' if negative else ''}{han_whole(whole)}.{digits or 0}")


def han_money(words: Sequence[str]) -> Decimal:
    text = "".join(words)
    sign, text = (-1, text[1:]) if text.startswith("负") else (1, text)
    whole, yuan, rest = text.partition("元")
    if not yuan:
        whole, rest = "零", text
    jiao, found, fen = rest.rpartition("角")
    jiao, fen = (jiao, fen) if found else ("", rest)
    assert fen.startswith("零") == bool(yuan and fen and not found), text
    return sign * (han_whole(whole) + Decimal(10 * HAN[jiao or "零"] + HAN[fen.strip("零分") or "零"]) / 100)


def english_whole(words: Sequence[str]) -> int:
    total, part = 0, 0
    for word in " ".join(words).replace("-", " ").split():
        if word in SCALES:
            total, part = total + part * 10 ** SCALES[word], 0
        else:
            part = part * 100 if word == "hundred" else part + ENGLISH[word]
    return total + part


def english_number(words: Sequence[str]) -> Decimal:
    negative, words = words[0] == "minus", list(words)
    words = words[negative:]
    at = words.index("point") if "point" in words else len(words)
    digits = "".join(str(ENGLISH[word]) for word in words[at + 1 :])
    return Decimal(f"{'-' if negative else ''}{english_whole(words[:at])}.{digits or 0}")


def han_date(words: Sequence[str]) -> date:
    year, _, rest = "".join(words).partition("年")
    month, _, day = rest.partition("月")
    return date(int("".join(str(HAN[char]) for char in year)), han_whole(month), han_whole(day.removesuffix("日")))


def english_date(words: Sequence[str]) -> date:
    month, day, *year = words
    tens, _, one = day.rpartition("-")
    of_month = ENGLISH.get(tens, 0) + (ORDINALS.get(one) or _regular(one))
    if "thousand" in year or len(year) == 1 or any(" hundred" in word for word in year):
        return date(english_whole(year), MONTHS.index(month) + 1, of_month)
    century, *rest = year
    below = 0 if rest == ["hundred"] else english_whole(rest[1:] if rest[0] == "oh" else rest)
    assert (rest[0] == "oh") == (0 < below < 10)
    return date(english_whole([century]) * 100 + below, MONTHS.index(month) + 1, of_month)


def _regular(ordinal: str) -> int:
    return ENGLISH[ordinal.removesuffix("ieth") + "y" if ordinal.endswith("ieth") else ordinal.removesuffix("th")]


def han_time(words: Sequence[str]) -> time:
    hour, _, rest = "".join(words).partition("点")
    minute = rest.removesuffix("分") if rest != "整" else "零"
    assert (len(minute) == 2 and minute[0] == "零") or not minute.startswith("零") or rest == "整"
    return time(han_whole(hour), han_whole(minute.removeprefix("零") or "零"))


def english_time(words: Sequence[str]) -> time:
    hour, *minute, half = words
    below = english_whole([word for word in minute if word != "oh"])
    assert ("oh" in minute) == (0 < below < 10)
    return time(ENGLISH[hour] % 12 + 12 * ("AP".index(half[0])), below)


def duration(words: Sequence[str], whole: object) -> timedelta:
    seconds, count = 0, []
    for word in words:
        size = UNITS.get(word) or UNITS.get(word.removesuffix("s"))
        if size is None:
            count.append(word)
        else:
            seconds, count = seconds + whole(count) * size, []  # type: ignore[operator]
    assert not count
    return timedelta(seconds=seconds)
