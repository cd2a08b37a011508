"""What a virtual caller does, step by step: the same words in flow tests, the demo API and the terminal phone.

A script is a list of steps; each is a text or a mapping with one key:

- ``"1"``, ``"12#"``  press these keys (0-9 * # or the words star, hash)
- ``{"hear": "balance"}``  go on when a prompt that contains this text begins
- ``{"silence": "5s"}``  say and press nothing for this long
- ``"hangup"``  hang up now (so does the end of the script, when ``hangup`` is its last step)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

KEYS = re.compile(r"[0-9*#]{1,64}")
DURATION = re.compile(r"([0-9]{1,6})(ms|s|m)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
MAX_STEPS = 500
WORDS = {"star": "*", "hash": "#"}


class ScriptError(ValueError):
    """A step that nobody can do; the text says which and what would do."""


@dataclass(frozen=True, slots=True)
class Press:
    keys: str


@dataclass(frozen=True, slots=True)
class Hear:
    text: str


@dataclass(frozen=True, slots=True)
class Silence:
    seconds: float


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Step = Press | Hear | Silence | HangUp


def parse_script(raw: Any) -> list[Step]:
    """Raise ScriptError for anything but a list of known steps."""
    if not isinstance(raw, list):
        raise ScriptError("a script is a list of steps")
    if len(raw) > MAX_STEPS:
        raise ScriptError(f"a script has at most {MAX_STEPS} steps, not {len(raw)}")
    return [_step(item, number) for number, item in enumerate(raw, 1)]


def script_json(steps: list[Step]) -> list[Any]:
    """The reverse of `parse_script`."""
    shown: list[Any] = []
    for step in steps:
        match step:
            case Press(keys):
                shown.append(keys)
            case Hear(text):
                shown.append({"hear": text})
            case Silence(seconds):
                shown.append({"silence": f"{round(seconds * 1000)}ms"})
            case HangUp():
                shown.append("hangup")
    return shown


def _step(item: Any, number: int) -> Step:
    if isinstance(item, bool):
        raise ScriptError(f"step {number}: {item!r} is no step")
    if isinstance(item, int) and item >= 0:
        item = str(item)
    if isinstance(item, str):
        return _word(item, number)
    if isinstance(item, dict) and len(item) == 1:
        ((name, value),) = item.items()
        if name == "hear" and isinstance(value, str) and value:
            return Hear(value)
        if name == "silence":
            return Silence(_seconds(value, number))
        if name == "press":
            return _word(str(value), number)
    raise ScriptError(
        f'step {number}: {item!r} is no step; write "1", {{"hear": text}}, {{"silence": "5s"}} or "hangup"'
    )


def _word(text: str, number: int) -> Step:
    if text in ("hangup", "h"):
        return HangUp()
    keys = WORDS.get(text, text)
    if not KEYS.fullmatch(keys):
        raise ScriptError(f"step {number}: {text!r} is neither keys (0-9, *, #, at most 64) nor 'hangup'")
    return Press(keys)


def _seconds(value: Any, number: int) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86_400:
        return float(value)
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ScriptError(f"step {number}: silence takes a duration such as 800ms, 5s or 2m, not {value!r}")
    return int(found[1]) * UNITS[found[2]]
