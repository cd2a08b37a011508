"""English as it is said to a machine: "one three eight double oh", half past nine, March second twenty twenty-six."""

from __future__ import annotations

import re
from datetime import date


def _list(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ONES = _list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_SMALL = {word: n for n, word in enumerate(_ONES)}
_DECADES = _list("twenty thirty forty fifty sixty seventy eighty ninety")
_TENS = {word: 10 * n for n, word in enumerate(_DECADES, 2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_DIGITS = {word: str(n) for word, n in _SMALL.items() if n < 10} | {"oh": "0", "o": "0", "nought": "0"}
_TIMES = {"double": 2, "triple": 3}
_MONTHS = _list("january february march april may june july august september october november december")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12, "twentieth": 20}
_ORDINALS |= {f"{_ONES[n]}th": n for n in (4, 6, 7, 10, 11, *range(13, 20))} | {"thirtieth": 30}
_CURRENCIES = frozenset(_list("yuan dollar dollars renminbi rmb kuai chinese"))
_CENTS = frozenset({"cent", "cents", "fen"})
_HALVES = {"am": 0, "pm": 12}


class EnglishReader:
    """Implements `cti.flow.dictation.Reader`."""

    yes = frozenset({"yes", "y", "yeah", "yep", "ok", "okay", "right", "correct", "that is right", "sure"})
    no = frozenset({"no", "n", "nope", "wrong", "not right", "that is wrong", "incorrect"})

    def digits(self, said: str) -> str | None:
        found, times = "", 1
        for word in said.replace("-", " ").split():
            if word in _TIMES and times == 1:
                times = _TIMES[word]
                continue
            digit = _DIGITS.get(word, word if word.isascii() and word.isdigit() else "")
            if not digit or (times > 1 and len(digit) > 1):
                return None
            found, times = found + digit * times, 1
        return found if found and times == 1 else None

    def number(self, said: str) -> str | None:
        words = [word for word in re.sub(r"(?<=[a-z])-", " ", said).split() if word != "and"]
        negative = bool(words) and words[0] in ("minus", "negative")
        found = _amount(words[negative:])
        return None if found is None else ("-" if negative else "") + found

    def date(self, said: str) -> str | None:
        words = [word for word in said.replace("-", " ").split() if word not in ("the", "of", "and")]
        month = next((at for at, word in enumerate(words) if word in _MONTHS), None)
        if month is None:
            return None
        before, after = words[:month], words[month + 1 :]
        taken = _day(after) if not before else (_day(before)[0], 0)
        day, used = taken
        year = _year(after[used:])
        if day is None or year is None or (before and _day(before)[1] != len(before)):
            return None
        try:
            return date(year, _MONTHS.index(words[month]) + 1, day).isoformat()
        except ValueError:
            return None

    def time(self, said: str) -> str | None:
        text = re.sub(r"\b([ap])\.? ?m\b\.?", r"\1m", said).replace("-", " ").replace("o'clock", "").replace(":", " ")
        words = text.split()
        half = _HALVES.get(words.pop()) if words and words[-1] in _HALVES else None
        told = _half_past(words) or _clock(words)
        if told is None:
            return None
        hour, minute = told
        if half is not None:
            if hour > 12:
                return None
            hour = hour % 12 + half
        return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def _amount(words: list[str]) -> str | None:
    """A number, or an amount: eighty-eight yuan fifty cents."""
    coins = bool(words) and words[-1] in _CENTS
    at = next((index for index, word in enumerate(words) if word in _CURRENCIES), None)
    if at is None:
        cents = _whole(words[:-1]) if coins else None
        return _cents(0, cents) if coins else _decimal(words)
    rest = [word for word in words[at:] if word not in _CURRENCIES]
    if not rest:
        return _decimal(words[:at])
    return _cents(_whole(words[:at]), _whole(rest[:-1] if coins else rest))


def _cents(whole: int | None, cents: int | None) -> str | None:
    return None if whole is None or cents is None or cents > 99 else f"{whole}.{cents:02}"


def _decimal(words: list[str]) -> str | None:
    if len(words) == 1 and re.fullmatch(r"[0-9]{1,18}\.[0-9]{1,12}", words[0]):
        return words[0]
    at = words.index("point") if "point" in words else len(words)
    whole = _whole(words[:at])
    decimals = EnglishReader().digits(" ".join(words[at + 1 :])) if at < len(words) else ""
    if whole is None or decimals is None or len(decimals) > 12:
        return None
    return f"{whole}.{decimals}" if decimals else str(whole)


def _whole(words: list[str]) -> int | None:
    """Said as a number; digits one by one (one two three) are 123."""
    if not words or len(words) > 24:
        return None
    one_by_one = EnglishReader().digits(" ".join(words))
    if one_by_one is not None:
        return int(one_by_one) if len(one_by_one) <= 18 else None
    total, part, last = 0, 0, 10**12
    for word in words:
        size = _SCALES.get(word)
        if size is not None:
            if not part or size >= last:
                return None
            total, part, last = total + part * size, 0, size
        elif word == "hundred":
            if not 1 <= part <= 99:
                return None
            part *= 100
        elif (added := _added(part, word)) is not None:
            part += added
        else:
            return None
    return total + part if part < min(last, 10_000) else None


def _added(part: int, word: str) -> int | None:
    """What ``word`` adds to ``part``: tens come after hundreds, ones after both."""
    if word.isascii() and word.isdigit() and len(word) <= 4:
        return int(word) if part % 100 == 0 else None
    if word in _TENS:
        return _TENS[word] if part % 100 == 0 else None
    small = _SMALL.get(word)
    if small is None or (part % 100 and (small >= 10 or small == 0 or part % 10 or part % 100 < 20)):
        return None
    return small


def _day(words: list[str]) -> tuple[int | None, int]:
    """The day of a month, and how many words say it."""
    if not words:
        return None, 0
    figures = re.fullmatch(r"([0-9]{1,2})(?:st|nd|rd|th)?", words[0])
    if figures:
        return int(figures[1]), 1
    if words[0] in ("twenty", "thirty") and len(words) > 1 and words[1] in _ORDINALS:
        return _TENS[words[0]] + _ORDINALS[words[1]], 2
    return _ORDINALS.get(words[0]), 1


def _year(words: list[str]) -> int | None:
    """twenty twenty-six, nineteen oh five, two thousand one, 2026."""
    whole = _whole(words)
    if whole is not None and 1000 <= whole <= 9999:
        return whole
    for cut in (1, 2):
        century, rest = _whole(words[:cut]), words[cut:]
        if century is None or not 10 <= century <= 99 or not rest:
            continue
        below = 0 if rest == ["hundred"] else _whole(rest)
        if below is not None and below < 100:
            return century * 100 + below
    return None


def _half_past(words: list[str]) -> tuple[int, int] | None:
    """half past nine, quarter to ten."""
    at = next((index for index, word in enumerate(words) if word in ("past", "to")), None)
    if at is None:
        return None
    told = [word for word in words[:at] if word not in ("a", "minutes")]
    minutes = {"half": 30, "quarter": 15}.get(" ".join(told)) or _whole(told)
    hour = _whole(words[at + 1 :])
    if minutes is None or hour is None:
        return None
    return (hour, minutes) if words[at] == "past" else ((hour - 1) % 24, 60 - minutes)


def _clock(words: list[str]) -> tuple[int, int] | None:
    """nine, nine oh five, twenty-one thirty, 9 30."""
    for cut in (1, 2):
        hour = _whole(words[:cut])
        rest = [word for word in words[cut:] if word not in ("hundred", "hours")]
        minute = _whole(rest) if rest else 0
        if hour is not None and minute is not None and hour < 24 and minute < 60:
            return hour, minute
    return None
