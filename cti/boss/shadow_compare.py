"""Do two ways say the same? Pure. What is kept of a difference is masked here, so that nothing in clear leaves."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson

from cti.boss.caching import Kept
from cti.boss.masking import masked
from cti.boss.plans import QuestionPlan
from cti.boss.routing import Shadow
from cti.boss.shadow_counts import Difference
from cti.boss.shown import plain
from cti.core.masking import mask
from cti.flow.types import Type

#: When the answer held: two ways never agree on that.
AS_OF = "as_of"
#: A longer value of a sample is not kept.
VALUE_MAX = 500


def differing(plan: QuestionPlan, shadow: Shadow[Any], usual: Kept, new: Kept) -> tuple[str, ...] | None:
    """The declared outputs that differ; None: both say the same. Where the outcomes differ there are none."""
    if usual.outcome != new.outcome:
        return ()
    names = (name for name in plan.signature.outputs if name != AS_OF and name not in shadow.ignore)
    found = tuple(
        name for name in names if not _same(usual.values.get(name), new.values.get(name), shadow.tolerance.get(name))
    )
    return found or None


def sample_of(
    plan: QuestionPlan, inputs: Mapping[str, Any], usual: Kept, new: Kept, fields: tuple[str, ...], at: float
) -> Difference:
    hidden: set[str] = set()
    arguments = {name: _shown(plan, plan.signature.inputs, name, value, hidden) for name, value in inputs.items()}
    pairs = {
        name: (
            _shown(plan, plan.signature.outputs, name, usual.values.get(name), hidden),
            _shown(plan, plan.signature.outputs, name, new.values.get(name), hidden),
        )
        for name in fields
    }
    sides = (usual.backend, usual.outcome), (new.backend, new.outcome)
    return Difference(at, *sides, arguments, pairs, tuple(sorted(hidden)))


def _same(usual: Any, new: Any, tolerance: Decimal | None) -> bool:
    if tolerance is None or not all(isinstance(value, int | Decimal) for value in (usual, new)):
        return bool(usual == new)
    return abs(Decimal(usual) - Decimal(new)) <= tolerance


def _shown(plan: QuestionPlan, types: Mapping[str, Type], name: str, value: Any, hidden: set[str]) -> Any:
    """By its class; a telephone number of no class as well, because whoever reads this serves nobody."""
    if value is None:
        return None
    kind = types.get(name)
    if name in plan.classes:
        hidden.add(name)
        return masked(plan.classes[name], value)
    if (kind is not None and kind.kind == "phone") or name == plan.subscriber:
        hidden.add(name)
        return mask(str(value))
    found = plain(value)
    size = len(orjson.dumps(found))
    return found if size <= VALUE_MAX else f"({size} bytes)"
