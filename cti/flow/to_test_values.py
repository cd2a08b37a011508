"""Stand-ins for sensitive values in a test made of a call: of the same kind, the same for the same value everywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from cti.core import events as e
from cti.flow import types as t
from cti.flow.plan import Plan
from cti.flow.replay_recording import STAND_INS, Fed, Recording

#: How many digits at the beginning of a number stay: those that say mobile or fixed, and the area.
HEADS = (4, 3, 7)


@dataclass
class StandIns:
    """``head``: digits of a number that stay. Values that are typed again or come back from a look-up are replaced
    alike, so that comparing them still gives the same."""

    head: int = HEADS[0]
    known: dict[str, str] = field(default_factory=dict)

    def number(self, value: str) -> str:
        if value not in self.known:
            plus, digits = ("+", value[1:]) if value.startswith("+") else ("", value)
            keep = min(self.head, max(len(digits) - 4, 0))
            rest = len(digits) - keep
            made = digits[:keep] + str(len(self.known)).rjust(rest, "0")[-rest:] if rest else digits
            if plus + made == value:
                made = digits[:keep] + "9".rjust(rest, "0")
            self.known[value] = plus + made
        return self.known[value]

    def of(self, kind: t.Type, value: Any) -> Any:
        """``value``, or something like it where ``kind`` says that it is sensitive."""
        if isinstance(value, Mapping):
            return {name: self.of(kind.field(name) or t.ANY, item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            inner = kind.item or t.ANY
            return [self.of(replace(inner, sensitive=inner.sensitive or kind.sensitive), item) for item in value]
        if value is None or not kind.sensitive:
            return self.known.get(value, value) if isinstance(value, str) else value
        text = str(value)
        if kind.kind == "phone" or (kind.kind in ("text", "any") and re.fullmatch(r"\+?[0-9]{7,}", text)):
            return self.number(text)
        if kind.kind in ("decimal", "int") and re.fullmatch(r"-?[0-9.]+", text):
            return re.sub("[1-9]", "1", text)
        if kind.kind == "text":
            return (
                STAND_INS[0][: len(text)]
                if text.isdigit()
                else self.known.setdefault(text, f"Example {len(self.known) + 1}")
            )
        return value


def without_sensitive(recording: Recording, plan: Plan, standins: StandIns) -> Recording:
    """The same call with stand-ins for the sensitive inputs, answers and typed numbers."""
    variables = plan.flows[plan.root].variables
    inputs = {
        name: standins.of(variables[name].type, value) if name in variables else value
        for name, value in recording.inputs.items()
        if name in variables or name in ("called", "medium", "language")
    }
    return replace(recording, inputs=inputs, steps=_typed(_answered(recording, plan, standins), standins))


def _answered(recording: Recording, plan: Plan, standins: StandIns) -> list[Fed]:
    steps: list[Fed] = []
    asked: dict[int, str] = {}
    for step in recording.steps:
        event = step.event
        if isinstance(event, e.LookupEnded | e.RequestEnded):
            outputs = plan.lookups[name].outputs if (name := asked.get(event.ref, "")) in plan.lookups else {}
            values = {key: standins.of(outputs.get(key, t.ANY), value) for key, value in event.values.items()}
            step = replace(step, event=replace(event, values=values))
        asked |= {item[1]: item[3] for item in step.items if item[0] == "ask"}
        steps.append(step)
    return steps


def _typed(steps: list[Fed], standins: StandIns) -> tuple[Fed, ...]:
    """Private digits of one entry are one number."""
    made = list(steps)
    entry: list[int] = []
    for index, step in enumerate(steps):
        if step.private and isinstance(step.event, e.DigitPressed) and step.event.digit.isdigit():
            entry.append(index)
        if entry and (index == len(steps) - 1 or any(item[0] in ("enter", "play") for item in step.items)):
            typed = "".join(steps[at].event.digit for at in entry)  # type: ignore[union-attr]
            if len(typed) >= 7:
                for at, digit in zip(entry, standins.number(typed), strict=True):
                    made[at] = replace(steps[at], event=e.DigitPressed(digit))
            entry = []
    return tuple(made)


def spelled(value: Any) -> Any:
    """As a test's author writes it: texts, lists and mappings."""
    if isinstance(value, Mapping):
        return {str(name): spelled(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [spelled(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{round(value.total_seconds() * 1000)}ms"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
