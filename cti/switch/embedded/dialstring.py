"""Dial strings: ``{vars}[vars]endpoint/…`` joined by ``,`` (ring together) and ``|`` (one group after another)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Leg:
    """One place to ring. ``variables`` hold those of ``{}`` and, over them, of ``[]``."""

    endpoint: str
    rest: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class DialString:
    """``groups`` are tried in turn; the legs of one ring together."""

    groups: list[list[Leg]]
    variables: dict[str, str]


def parse_dial_string(text: str) -> DialString:
    """Parse; anything malformed becomes a leg of an unknown endpoint, which the switch refuses as such."""
    everywhere: dict[str, str] = {}
    text = text.strip()
    while text[:1] in {"{", "<"}:
        inner, text = _bracket(text, text[0])
        everywhere.update(_variables(inner))
    groups = []
    for group in _split(text, "|"):
        legs = []
        for part in _split(group, ","):
            own: dict[str, str] = {}
            part = part.strip()
            while part[:1] in {"[", "{"}:
                inner, part = _bracket(part, part[0])
                own.update(_variables(inner))
            endpoint, _, rest = part.partition("/")
            legs.append(Leg(endpoint, rest, {**everywhere, **own}))
        groups.append(legs)
    return DialString(groups, everywhere)


_CLOSING = {"{": "}", "[": "]", "<": ">"}


def _bracket(text: str, opening: str) -> tuple[str, str]:
    end = text.find(_CLOSING[opening])
    if end < 0:
        return "", ""
    return text[1:end], text[end + 1 :].lstrip()


def _split(text: str, separator: str) -> list[str]:
    """Split outside brackets and single quotes."""
    parts, depth, quoted, current = [], 0, False, ""
    for char in text:
        if char == "'":
            quoted = not quoted
        elif not quoted and char in "[{<":
            depth += 1
        elif not quoted and char in "]}>":
            depth -= 1
        if char == separator and depth <= 0 and not quoted:
            parts.append(current)
            current = ""
        else:
            current += char
    return [part for part in [*parts, current] if part.strip()] or [""]


def _variables(inner: str) -> dict[str, str]:
    delimiter = ","
    if inner.startswith("^^") and len(inner) > 2:
        delimiter, inner = inner[2], inner[3:]
    found: dict[str, str] = {}
    current, quoted = "", False
    parts: list[str] = []
    previous = ""
    for char in inner:
        if char == "'" and previous != "\\":
            quoted = not quoted
        elif char == delimiter and not quoted and previous != "\\":
            parts.append(current)
            current = ""
        else:
            current = current[:-1] + char if previous == "\\" and char in (delimiter, "'") else current + char
        previous = char
    for pair in [*parts, current]:
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            found[name.strip()] = value
    return found
