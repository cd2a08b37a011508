"""What engines answer, as one thing: the body of DETECTED_SPEECH.

NLSML as MRCPv2 has it (RFC 6787, 6.3 and 16; confidence 0 to 1) and as W3C drafted it (confidence 0 to 100), the
``Completion-Cause: 00n`` that mod_unimrcp puts in the place of an empty result (RFC 6787, 9.4.11), and JSON with
``text`` and ``confidence`` (mod_vosk, mod_test, which says 0 to 100).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any
from xml.etree import ElementTree

MAX_BODY = 65_536
_CAUSE = re.compile(r"(?:Completion-Cause:\s*)?([0-9]{3})\b")
#: Completion causes of RFC 6787: those that say nothing of the engine's health.
_NO_MATCH = frozenset({1, 3, 13, 14, 15})
_NO_INPUT = frozenset({2, 7})
_MATCH = frozenset({0, 8})
_ENTITIES = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class Outcome(Enum):
    MATCH = "match"
    NO_MATCH = "no_match"
    NO_INPUT = "no_input"
    BROKEN = "broken"  # the engine says that it could not, or says what nobody can read


@dataclass(frozen=True, slots=True)
class Result:
    """``confidence`` 0 to 1. ``problem``: for the log, without what the caller said."""

    outcome: Outcome
    text: str = ""
    confidence: float = 0.0
    problem: str = ""


def read_result(body: str, cause: str = "", scale: str = "auto") -> Result:
    """``cause``: the event's ASR-Completion-Cause, '' without. ``scale``: fraction, percent, or auto, which takes a
    confidence above 1 for percent."""
    text = body.strip()
    told = _CAUSE.match(cause.strip()) or (_CAUSE.match(text) if not text.startswith(("<", "{")) else None)
    code = int(told[1]) if told else None
    if code is not None and code not in _MATCH:
        return _by_cause(code)
    if len(text) > MAX_BODY:
        return Result(Outcome.BROKEN, problem=f"a result of {len(text)} characters")
    if text.startswith("{"):
        return _json(text, scale)
    if text.startswith("<"):
        return _nlsml(text, scale)
    return (
        Result(Outcome.BROKEN, problem="a result that is neither NLSML nor JSON") if text else Result(Outcome.NO_MATCH)
    )


def _by_cause(code: int) -> Result:
    if code in _NO_INPUT:
        return Result(Outcome.NO_INPUT)
    if code in _NO_MATCH:
        return Result(Outcome.NO_MATCH)
    return Result(Outcome.BROKEN, problem=f"completion cause {code:03}")


def _confidence(told: Any, scale: str) -> float:
    """Nothing told is full confidence: such engines answer only when they are sure."""
    if told is None or told == "":
        return 1.0
    try:
        value = float(told)
    except (TypeError, ValueError):
        return 0.0
    if not 0 <= value <= 1000:  # NaN too
        return 0.0
    percent = scale == "percent" or (scale == "auto" and value > 1)
    return min(1.0, value / 100 if percent else value)


def _json(text: str, scale: str) -> Result:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Result(Outcome.BROKEN, problem="JSON that cannot be read")
    error = str(found.get("error") or "").replace("-", "_")
    if error == "no_input":
        return Result(Outcome.NO_INPUT)
    if error and error != "no_match":
        return Result(Outcome.BROKEN, problem=f"the engine says {error[:60]}")
    said = found.get("text")
    confidence = found.get("confidence")
    if confidence is None and isinstance(words := found.get("result"), list) and words:  # vosk tells it by word
        told = [word.get("conf") for word in words if isinstance(word, dict)]
        confidence = min((value for value in told if isinstance(value, int | float)), default=None)
    if error or not isinstance(said, str) or not said.strip():
        return Result(Outcome.NO_MATCH)
    return Result(Outcome.MATCH, said.strip(), _confidence(confidence, scale))


def _nlsml(text: str, scale: str) -> Result:
    if _ENTITIES.search(text):
        return Result(Outcome.BROKEN, problem="a result with a document type of its own")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return Result(Outcome.BROKEN, problem="XML that cannot be read")
    found = [_interpretation(item, scale) for item in root.iter() if _name(item) == "interpretation"]
    matches = [result for result in found if result.outcome is Outcome.MATCH]
    if matches:
        return max(matches, key=lambda result: result.confidence)
    silent = any(_name(item) == "noinput" for item in root.iter())
    return Result(Outcome.NO_INPUT if silent else Outcome.NO_MATCH)


def _interpretation(item: ElementTree.Element, scale: str) -> Result:
    """The meaning where the grammar gave one (a plain value), else the words."""
    parts = {_name(child): child for child in item}
    spoken = parts.get("input")
    words = "" if spoken is None or len(spoken) else (spoken.text or "").strip()
    meaning = _plain_value(parts.get("instance"))
    said = meaning or words
    told = item.get("confidence") or (spoken.get("confidence") if spoken is not None else None)
    return Result(Outcome.MATCH, said, _confidence(told, scale)) if said else Result(Outcome.NO_MATCH)


def _plain_value(instance: ElementTree.Element | None) -> str:
    """The one text of an instance; '' for a structure of several."""
    if instance is None:
        return ""
    texts = [text.strip() for text in instance.itertext() if text.strip()]
    return texts[0] if len(texts) == 1 else ""


def _name(item: ElementTree.Element) -> str:
    return item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""
