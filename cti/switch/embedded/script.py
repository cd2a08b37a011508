"""What virtual callers do: the items of a script, and how JSON gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

KEY_GAP_S = 0.2


@dataclass(frozen=True, slots=True)
class Keys:
    """Type digits, ``gap_s`` apart."""

    digits: str
    gap_s: float = KEY_GAP_S


@dataclass(frozen=True, slots=True)
class Wait:
    """Say and type nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hear:
    """Wait until a prompt that contains ``text`` has started (``ended``: has been played); give up after a while."""

    text: str
    ended: bool = False
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hang up now."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Wait until nothing was being played for ``seconds``: the system waits for us."""

    seconds: float = 1.0
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Say:
    """Speak: a recogniser hears ``text`` and is so sure of it (0 to 1). No text: a noise. ``seconds``: how long it
    takes; as long as a prompt of this text, unless said."""

    text: str
    confidence: float = 0.95
    seconds: float | None = None


Item = Keys | Wait | Hear | HangUp | Quiet | Say


def parse_script(items: Sequence[Any]) -> list[Item]:
    """A script as JSON gives it. Raises ValueError with what to write instead.

    ``"1"`` or ``"12#"`` types keys, a number waits, ``"h"`` hangs up; objects: ``{"keys": "12", "gap": 0.2}``,
    ``{"wait": 2}``, ``{"hear": "welcome", "timeout": 30, "ended": true}``, ``{"quiet": 1}``, ``{"hangup": true}``,
    ``{"say": "one two", "confidence": 0.9, "seconds": 1}``.
    """
    return [_item(item) for item in items]


def _item(item: Any) -> Item:
    if isinstance(item, bool):
        raise ValueError("a script item is keys, seconds or an object, not true or false")
    if isinstance(item, int | float):
        return Wait(_seconds(item))
    if isinstance(item, str):
        if item.lower() in {"h", "hangup"}:
            return HangUp()
        return Keys(_digits(item))
    if isinstance(item, dict):
        if "keys" in item:
            return Keys(_digits(str(item["keys"])), _seconds(item.get("gap", KEY_GAP_S)))
        if "wait" in item:
            return Wait(_seconds(item["wait"]))
        if "hear" in item:
            return Hear(str(item["hear"]), bool(item.get("ended", False)), _seconds(item.get("timeout", 60)))
        if "quiet" in item:
            return Quiet(_seconds(item["quiet"]), _seconds(item.get("timeout", 60)))
        if "hangup" in item:
            return HangUp()
        if "say" in item:
            seconds = _seconds(item["seconds"]) if "seconds" in item else None
            return Say(_words(item["say"]), _share(item.get("confidence", 0.95)), seconds)
    raise ValueError(
        f"unknown script item {item!r}: write keys, seconds, 'h', or an object with keys/wait/hear/say/hangup"
    )


def _digits(text: str) -> str:
    if not text or not re.fullmatch(r"[0-9*#A-Da-d]{1,1000}", text):
        raise ValueError(f"{text[:40]!r} are no keys: 0-9, * and # can be typed")
    return text


def _words(text: Any) -> str:
    if not isinstance(text, str) or len(text) > 1000 or not text.isprintable():
        raise ValueError("what is said is a text of 1,000 characters at most, on one line")
    return text


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no confidence: a number from 0 to 1")
    return float(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise ValueError(f"{value!r} is no time: seconds from 0 to 86400")
    return float(value)
