"""Personal data in answers, shown as their classes say. Pure; after the cache, because it depends on who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cti.boss.plans import FieldClass, QuestionPlan
from cti.core.masking import mask, mask_all


def masked_values(plan: QuestionPlan, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values for a screen, and which of them are masked. What is absent stays absent."""
    shown = {
        name: value if value is None or name not in plan.classes else masked(plan.classes[name], value)
        for name, value in values.items()
    }
    return shown, sorted(name for name in shown if name in plan.classes and shown[name] is not None)


def masked(kind: FieldClass, value: Any) -> str:
    """A text keeps what its class leaves; of anything else nothing is shown."""
    if kind.whole or not isinstance(value, str):
        return mask_all(str(value))
    return mask(value, kind.head, kind.tail)
