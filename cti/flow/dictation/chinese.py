"""Mandarin as it is said to a machine, in characters, in figures, or mixed: 二零二六年3月二号, 3万五千, 八十八块五."""

from __future__ import annotations

import re
from datetime import date

_DIGITS = {sign: str(n) for n, sign in enumerate("零一二三四五六七八九")}
_DIGITS |= {"〇": "0", "幺": "1", "么": "1", "两": "2", "洞": "0", "拐": "7", "勾": "9"}
_DIGITS |= {str(n): str(n) for n in range(10)}
_SIZES = {"十": 10, "百": 100, "千": 1000}
_GROUPS = (("亿", 10**8), ("万", 10**4))
_MONEY = re.compile(
    r"(?P<yuan>.+?)(?:元|块钱|块)(?:(?P<jiao>[^整])(?:[角毛]|$)(?:(?P<fen>[^钱整])分?)?|零?(?P<odd>.)分)?钱?整?"
)
_COINS = re.compile(r"(?:(?P<jiao>.)[角毛])?(?:(?P<fen>.)分)?钱?")
_DATE = re.compile(r"(?P<year>.{2,4})年(?P<month>.{1,2})月(?P<day>.{1,3}?)[日号]?")
_TIME = re.compile(
    r"(?P<half>凌晨|早上|早晨|上午|中午|下午|傍晚|晚上)?(?P<hour>.{1,3})[点时](?:钟|整|(?P<minute>半|一刻|三刻|.{1,3}?)分?)?"
)
_MINUTES = {"半": 30, "一刻": 15, "三刻": 45}


class ChineseReader:
    """Implements `cti.flow.dictation.Reader`."""

    yes = frozenset({"是", "是的", "对", "对的", "没错", "正确", "好", "好的", "确认", "嗯", "可以", "行", "yes"})
    no = frozenset({"否", "不", "不是", "不对", "错", "错了", "不行", "重新输入", "重来", "不正确", "no"})

    def digits(self, said: str) -> str | None:
        found = "".join(_DIGITS.get(sign, "x") for sign in re.sub(r"[\s\-]", "", said))
        return found if found and "x" not in found else None

    def number(self, said: str) -> str | None:
        text = re.sub(r"\s", "", said)
        negative, text = text.startswith(("负", "-")), text.removeprefix("负").removeprefix("-")
        found = self._money(text) or self._decimal(text)
        return None if found is None else ("-" if negative else "") + found

    def date(self, said: str) -> str | None:
        match = _DATE.fullmatch(re.sub(r"\s", "", said))
        if match is None:
            return None
        year, month, day = self.digits(match["year"]), _whole(match["month"]), _whole(match["day"])
        if year is None or len(year) not in (2, 4) or month is None or day is None:
            return None
        try:
            return date(int(year) + (2000 if len(year) == 2 else 0), month, day).isoformat()
        except ValueError:
            return None

    def time(self, said: str) -> str | None:
        match = _TIME.fullmatch(re.sub(r"\s", "", said))
        if match is None:
            return None
        told, hour = match["minute"], _whole(match["hour"])
        minute = 0 if told is None else _MINUTES.get(told) or _whole(told.removeprefix("零") or "零")
        if hour is None or minute is None or minute > 59:
            return None
        if match["half"] in ("凌晨", "晚上") and hour == 12:
            hour = 0
        if hour < {"中午": 11, "晚上": 12 if hour else 0, "下午": 12, "傍晚": 12}.get(match["half"], 0):
            hour += 12
        return f"{hour:02}:{minute:02}" if hour < 24 else None

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _decimal(self, text: str) -> str | None:
        whole, point, rest = text.replace(".", "点").partition("点")
        number, decimals = _whole(whole), self.digits(rest) if point else ""
        if number is None or decimals is None or len(decimals) > 12:
            return None
        return f"{number}.{decimals}" if point else str(number)

    def _money(self, text: str) -> str | None:
        """八十八块五, 三元零五分, 五毛; None for what is no amount."""
        match = _MONEY.fullmatch(text)
        if match is None:
            match = _COINS.fullmatch(text)
            if match is None or not (match["jiao"] or match["fen"]):
                return None
        told = match.groupdict()
        yuan = self._decimal(told["yuan"]) if told.get("yuan") else "0"
        jiao, fen = (_DIGITS.get(sign or "零") for sign in (told["jiao"], told["fen"] or told.get("odd")))
        if yuan is None or jiao is None or fen is None:
            return None
        if "." in yuan or (jiao, fen) == ("0", "0"):
            return yuan if (jiao, fen) == ("0", "0") else None
        return f"{yuan}.{jiao}{fen}".removesuffix("0")


def _whole(text: str) -> int | None:
    """一千零五十 and 1050 and 3万五; digits alone (一二三) are read one by one."""
    if not text or len(text) > 30:
        return None
    for sign, size in _GROUPS:
        before, found, after = text.rpartition(sign) if sign == "亿" else text.partition(sign)
        if found:
            count = _whole(before)
            rest = _tail(after, size)
            return None if count is None or rest is None or rest >= size else count * size + rest
    if all(sign in _DIGITS for sign in text):
        return int("".join(_DIGITS[sign] for sign in text)) if len(text) <= 18 else None
    return _section(text)


def _tail(text: str, size: int) -> int | None:
    """After 万: 三万五 is 35,000, 三万零五 is 30,005."""
    if not text:
        return 0
    if len(text) == 1 and text in _DIGITS and _DIGITS[text] != "0":
        return int(_DIGITS[text]) * size // 10
    return _whole(text.removeprefix("零") or "零")


def _section(text: str) -> int | None:
    """Below 10,000, with 千, 百 or 十 in it; 两百五 is 250."""
    total, digits, last = 0, "", 10_000
    gap = False
    for sign in text:
        if sign in _SIZES:
            size = _SIZES[sign]
            if size >= last or len(digits) > 1 or (not digits and (size != 10 or (total and not gap))):
                return None
            total, digits, last, gap = total + int(digits or "1") * size, "", size, False
        elif sign in "零〇":
            if gap or digits or not total:
                return None
            gap = True
        elif sign in _DIGITS:
            digits += _DIGITS[sign]
        else:
            return None
    if len(digits) > 1:
        return None
    unit = 1 if gap or last == 10 or not digits else last // 10
    return total + int(digits or "0") * unit
