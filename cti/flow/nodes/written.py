"""Answers that are written, in an SMS or a chat, as the values they mean."""

from __future__ import annotations

import unicodedata
from typing import Any

from cti.flow import types as t
from cti.flow.nodes.key_kinds import plain_word

_YES = ("1", "yes", "y", "ok", "是", "是的", "对", "好", "确认")
_NO = ("2", "no", "n", "否", "不", "不是", "不对", "重新输入")


def meant_key(text: str) -> str:
    """1 for yes, 2 for no, anything else for neither."""
    word = plain_word(text)
    return "1" if word in _YES else "2" if word in _NO else "0"


def parse_text(kind: t.Type, text: str) -> Any:
    """The value of ``kind`` that ``text`` spells; None when it spells none. Dates also as 20260302, times as 930."""
    text = unicodedata.normalize("NFKC", text).strip()
    if kind.kind == "enum":
        return next((value for value in kind.values if plain_word(value) == plain_word(text)), None)
    if kind.kind == "date":
        text = text.replace("/", "-").replace(".", "-")
    if kind.kind == "time":
        hours, _, minutes = text.rpartition(":") if ":" in text else (text[:-2], "", text[-2:])
        text = f"{hours.zfill(2)}:{minutes}"
    if not text:
        return None
    try:
        return t.convert(kind, text)
    except t.BadValue:
        return None
