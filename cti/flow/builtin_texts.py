"""Texts that node types speak by themselves. A flow in another language must bring its own (missing-prompt)."""

from __future__ import annotations

_TEXTS: dict[str, dict[str, str]] = {
    "zh": {
        "confirm": "您输入的是{value}。确认请按1，重新输入请按2。",
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
        "position": "There are {ahead} callers before you.",
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


def fixed_texts(language: str) -> list[str]:
    """Those without a value in them: they can be rendered ahead."""
    texts = _TEXTS.get(language.split("-")[0], {})
    return [text for text in texts.values() if "{" not in text]
