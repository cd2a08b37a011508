"""Paths into the fields of an answer: ``BALANCE[0]``, ``body.account.balance``, ``header.rc``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(r"(?:^|\.)([^.\[\]\s]+)|\[(\d{1,4})\]")
MISSING = object()


@dataclass(frozen=True, slots=True)
class FieldPath:
    """``steps``: names and indexes, in order."""

    text: str
    steps: tuple[str | int, ...]

    def find(self, fields: Any) -> Any:
        """What stands there; `MISSING` where nothing does. Blanks around a text count as nothing said of it."""
        found = fields
        for step in self.steps:
            if isinstance(step, int):
                if not isinstance(found, list | tuple) or step >= len(found):
                    return MISSING
                found = found[step]
            elif isinstance(found, Mapping) and step in found:
                found = found[step]
            else:
                return MISSING
        return found


def parse_path(text: str) -> FieldPath | str:
    """The path, or a sentence that says what is wrong."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None or match.end() == at:
            break
        name, index = match.groups()
        steps.append(name if name is not None else int(index))
        at = match.end()
    if not steps or at != len(text) or text.startswith((".", "[")):
        return f"'{text[:60]}' is no path into an answer: write names and indexes, such as body.balance or BALANCE[0]"
    return FieldPath(text, tuple(steps))
