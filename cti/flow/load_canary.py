"""``canary:`` of an entry."""

from __future__ import annotations

import re

from cti.core.issue import Place
from cti.flow import yamlio
from cti.flow.canary import NEW, Back, Canary
from cti.flow.reading import Reading

CANARY = ("version", "percent", "back")
BACK = ("error_rate", "abandonment", "containment", "min_calls")


def read_percent(node: yamlio.Node, reading: Reading, what: str = "percent") -> float | None:
    """``10``, ``10%``, ``2.5%``."""
    text = (reading.word(node, what) or "").removesuffix("%")
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text) or not 0 <= float(text) <= 100:
        reading.report(node.place, "bad-option", f"{what} is a number from 0 to 100")
        return None
    return float(text)


def read_canary(node: yamlio.Node | None, reading: Reading) -> Canary | None:
    mapping = _part(node, "canary", CANARY, reading)
    if mapping is None:
        return None
    percent = mapping.get("percent")
    if percent is None:
        reading.report(mapping.place, "missing-option", "canary needs 'percent'")
        return None
    share = read_percent(percent, reading)
    version = _version(mapping.get("version"), reading)
    back = _back(mapping.get("back"), reading)
    return None if share is None or version is None else Canary(version, share, back)


def _version(node: yamlio.Node | None, reading: Reading) -> str | None:
    text = reading.word(node, "version") if node is not None else NEW
    if text is None or text == NEW:
        return text
    if not re.fullmatch("[0-9a-f]{6,64}", text):
        assert node is not None
        message = f"version is '{NEW}', or at least 6 characters of one that `cti flow history` shows"
        reading.report(node.place, "bad-option", message)
        return None
    return text


def _back(node: yamlio.Node | None, reading: Reading) -> Back:
    mapping = _part(node, "back", BACK, reading)
    if mapping is None:
        return Back()
    rates: dict[str, float | None] = {}
    for name in BACK[:3]:
        given = mapping.get(name)
        share = read_percent(given, reading, name) if given is not None else None
        rates[name] = None if share is None else share / 100
    calls = mapping.get("min_calls")
    least = reading.integer(calls, "min_calls", 1, 1_000_000) if calls is not None else None
    if not any(mapping.get(name) for name in BACK[:3]):
        place: Place = mapping.place
        reading.report(place, "missing-option", f"back needs one of {', '.join(BACK[:3])}")
    return Back(**rates, min_calls=least or Back().min_calls)


def _part(node: yamlio.Node | None, what: str, known: tuple[str, ...], reading: Reading) -> yamlio.Mapping | None:
    mapping = reading.mapping(node, what) if node is not None else None
    for key, _ in mapping or ():
        if key.text not in known:
            reading.unknown_key(key, what, known)
    return mapping
