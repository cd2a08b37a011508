"""``${variable}`` in application arguments. API calls inside arguments are off, as our configuration sets them off."""

from __future__ import annotations

import re
from collections.abc import Callable

_REFERENCE = re.compile(r"\\\$\{|\$\{([^{}]*)\}|\$\$\{([^{}]*)\}")
DEPTH = 8


def expand(text: str, lookup: Callable[[str], str | None], depth: int = DEPTH) -> str:
    """Replace references by values, values again expanded (the switch does so too, hence no user text in variables).

    ``\\${`` stays literal, an unknown name becomes nothing, ``${name:offset:length}`` cuts as the switch cuts, and
    ``${api(arguments)}`` becomes nothing because API expansion is off.
    """
    if "${" not in text or depth <= 0:
        return text

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            name = match.group(2)
        if name is None:
            return "${"
        if "(" in name:
            return ""
        value = _cut(name, lookup)
        return expand(value, lookup, depth - 1)

    return _REFERENCE.sub(replace, text)


def _cut(name: str, lookup: Callable[[str], str | None]) -> str:
    base, *parts = name.split(":")
    value = lookup(base) or ""
    if not parts:
        return value
    try:
        offset = int(parts[0] or 0)
        length = int(parts[1]) if len(parts) > 1 and parts[1] else 0
    except ValueError:
        return value
    value = value[offset:] if abs(offset) <= len(value) else value
    return value[:length] if length > 0 else value
