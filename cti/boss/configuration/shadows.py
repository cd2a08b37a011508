"""``shadow:`` beside the ``to`` of a look-up or a route: the new way of a migration, asked and compared."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from cti.boss.configuration.places import place_of
from cti.boss.configuration.targets import TargetReading
from cti.boss.plans import TargetPlan
from cti.boss.routing import Shadow
from cti.flow.catalog import LookupSignature
from cti.flow.suggest import did_you_mean
from cti.flow.yamlio import Mapping
from cti.validating import Section, validate

_NUMBERS = ("int", "decimal")


class ShadowSection(Section):
    to: dict[str, Any] = Field(description="one target, as a route has it")
    percent: Annotated[float, Field(ge=0, le=100)] = Field(10.0, description="of the questions, drawn by chance")
    ignore: tuple[str, ...] = Field((), description="outputs that may differ; as_of always may")
    tolerance: dict[str, Annotated[Decimal, Field(ge=0)]] = Field(
        default_factory=dict, description="output -> by how much a number may differ"
    )
    at_once: Annotated[int, Field(ge=1, le=1_000)] = Field(4, description="of a look-up under way; more are left out")


def read_shadow(
    options: Mapping, targets: TargetReading, signature: LookupSignature, *, write: bool
) -> Shadow[TargetPlan] | None:
    """None: there is none, or it was refused; ``targets`` has the findings."""
    node = options.get("shadow")
    if node is None:
        return None
    if write:
        targets.report(node.place, "bad-option", "a request is done once: only look-ups have a 'shadow'")
        return None
    section, issues = validate(ShadowSection, node)
    targets.issues.extend(issues)
    to = node.get("to") if isinstance(node, Mapping) else None
    if section is None or to is None:
        return None
    found = targets.read(to, signature, write=False)
    for name in (*section.ignore, *section.tolerance):
        if name not in signature.outputs:
            message = f"'{name}' is not among 'out'{did_you_mean(name, signature.outputs)}"
            targets.report(place_of(node, ("tolerance", name)), "bad-option", message)
        elif name in section.tolerance and signature.outputs[name].kind not in _NUMBERS:
            message = f"'{name}' is {signature.outputs[name]}: a tolerance is for int and decimal"
            targets.report(place_of(node, ("tolerance", name)), "bad-option", message)
    if not found:
        return None
    (target,) = found
    _prove_spare(to, targets, target)
    return _shadow(section, target, section.tolerance)


def _shadow(section: ShadowSection, target: TargetPlan, tolerance: AnyMapping[str, Decimal]) -> Shadow[TargetPlan]:
    """Its service has another name, and with it a breaker of its own: what fails here stops nobody else's questions."""
    own = replace(target, service=f"{target.service}~shadow")
    return Shadow(own, section.percent, frozenset(section.ignore), tolerance, section.at_once)


def _prove_spare(to: Any, targets: TargetReading, target: TargetPlan) -> None:
    """A back end with nothing to spare would never be asked."""
    backend = targets.backend(target.backend)
    if backend.concurrency.max < 2:
        message = f"'{target.backend}' takes one question at a time, never one to spare: concurrency.max is at least 2"
        targets.report(to.place, "bad-option", message)
    if backend.rate is not None and backend.rate[1] < 2:
        message = f"the rate of '{target.backend}' lets one question pass, never one to spare: burst is at least 2"
        targets.report(to.place, "bad-option", message)
