"""Texts that node types speak by themselves. A flow in another language must bring its own (missing-prompt)."""

from __future__ import annotations

import re

from cti.core.commands import Say
from cti.flow.phrases import Filled, make_say

_TEXTS: dict[str, dict[str, str]] = {
    "zh": {
        "confirm": "您输入的是{value}。确认请按1，重新输入请按2。",
        "callback": "我们将拨打{value}。确认请按1，不需要请按2。",
        "consent": "为保证服务质量，本次通话将被录音。同意请按1，不同意请按2。",
        "position": "您前面还有{ahead}位。",
        "next": "下一位就轮到您。",
        "wait": "预计等待{wait}。",
        "hold": "坐席正忙，请您稍候。",
        "offer_callback": "如需我们给您回电，请按{key}。",
        "offer_voicemail": "如需留言，请按{key}。",
        "offer_other": "如不想继续等待，请按{key}。",
    },
    "en": {
        "confirm": "You entered {value}. To confirm press 1, to enter it again press 2.",
        "callback": "We will call {value}. To confirm press 1, if you do not want it press 2.",
        "consent": "This call will be recorded. To agree press 1, to refuse press 2.",
        "position": "Callers before you: {ahead}.",
        "next": "You are next in line.",
        "wait": "The expected wait is {wait}.",
        "hold": "All agents are busy. Please stay on the line.",
        "offer_callback": "To be called back, press {key}.",
        "offer_voicemail": "To leave a message, press {key}.",
        "offer_other": "If you do not want to wait, press {key}.",
    },
}
_KEYS = {"zh": {"*": "星号", "#": "井号"}, "en": {"*": "star", "#": "pound"}}


def has_texts(language: str) -> bool:
    return language.split("-")[0] in _TEXTS


def find_text(name: str, language: str) -> str:
    """Raises KeyError for a language without built-in texts; the checker lets no such flow through."""
    return _TEXTS[language.split("-")[0]][name]


def say_key(sign: str, language: str) -> str:
    return _KEYS.get(language.split("-")[0], {}).get(sign, sign)


def split_text(name: str, language: str) -> tuple[str, str]:
    """What stands before and behind the value of a text."""
    before, after = re.split(r"{\w+}", find_text(name, language))
    return before, after


def say_text(name: str, language: str, value: str, sensitive: bool = False) -> Say:
    """The text around ``value`` (`cti.flow.speech`). Raises KeyError as `find_text`."""
    before, after = split_text(name, language)
    say = make_say([before, Filled(value, sensitive), after], language)
    assert say is not None, "no built-in text is empty"
    return say


def offer_text(node_type: str, sign: str, language: str) -> Say:
    """What is said of the key that leads to a node of this type; always fixed."""
    name = f"offer_{node_type}" if node_type in ("callback", "voicemail") else "offer_other"
    return Say(find_text(name, language).format(key=say_key(sign, language)), language)


def fixed_texts(language: str) -> list[str]:
    """Those without a value in them: they can be rendered ahead."""
    texts = _TEXTS.get(language.split("-")[0], {})
    return [text for text in texts.values() if "{" not in text]
